"""Bookings that are paid through Stripe, from the hold to the money."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.booking.support import rows
from tests.house import House, Sale, Visitor, eventually, in_process, make_sale
from tests.payments.support import DECLINED, GOOD, Stripe
from ticketflow.settings import Settings
from ticketflow.store import tables


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """On one engine; what differs between the two is in test_notices.py."""
    return sqlite_url


async def charged(stripe: Stripe, booking_id: str) -> list[dict[str, Any]]:
    """The booking's charges, once its money is taken; fails if that never comes."""

    async def so() -> list[dict[str, Any]]:
        charges = await stripe.charges(booking_id)
        return charges if charges and charges[0]["captured"] else []

    return await eventually(so)


async def at_the_desk(house: House, sale: Sale, fan: Visitor) -> str:
    """A new fan who holds two tickets; gives the hold's id."""
    await fan.register()
    await fan.come_in(sale)
    return str((await fan.hold(sale, 2)).json()["id"])


def said(answer: httpx.Response) -> tuple[int, str | None]:
    body = answer.json()
    return answer.status_code, body.get("code") if answer.status_code >= 400 else body["status"]


async def test_a_booking_is_paid_once_and_another_card_helps_after_a_declined_one(
    settings: Settings, stripe: Stripe
):
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        hold = await at_the_desk(house, sale, fan)
        assert said(await fan.book(hold, DECLINED)) == (402, "payment_declined")
        first, again = [await fan.book(hold, GOOD, key="mine") for _ in range(2)]
        assert said(first) == said(again) == (201, "confirmed")
        booking = first.json()
        assert again.json() == booking
        (charge,) = await charged(stripe, booking["id"])
        assert (charge["amount"], charge["currency"], charge["refunded"]) == (5000, "eur", False)

        async def noted() -> bool:
            return await rows(house, tables.payments, booking_id=booking["id"], status="captured") == 1

        await eventually(noted)
        assert await rows(house, tables.tickets) == 2
        assert await rows(house, tables.payments, status="declined") == 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("lost", "end"), [("confirm", (201, "confirmed")), ("capture", (201, "confirmed"))])
async def test_an_answer_that_is_lost_charges_once(
    settings: Settings, stripe: Stripe, lost: str, end: tuple[int, str]
):
    settings = replace(settings, settle_after_seconds=0.1)
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        hold = await at_the_desk(house, sale, fan)
        await stripe.trouble(**{f"lose_{lost}": 1})
        answer = await fan.book(hold, GOOD)
        assert said(answer) == end
        assert len(await charged(stripe, answer.json()["id"])) == 1

        async def noted() -> bool:
            return await rows(house, tables.payments, status="captured") == 1

        await eventually(noted)
        assert len(await stripe.charges(answer.json()["id"])) == 1


@pytest.mark.usefixtures("impatient")
async def test_who_gets_no_tickets_has_nothing_reserved(settings: Settings, stripe: Stripe):
    """The request for money is lost before Stripe makes anything of it: nobody knows, so nobody pays."""
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        hold = await at_the_desk(house, sale, fan)
        await stripe.trouble(lose_payment_intents=1)
        answer = await fan.book(hold, GOOD)
        assert said(answer) == (402, "payment_unknown")
        assert await stripe.charges(answer.json()["booking_id"]) == []
        assert said(await fan.book(hold, GOOD)) == (201, "confirmed")


async def test_who_names_no_way_to_pay_is_told_so(settings: Settings):
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        hold = await at_the_desk(house, sale, fan)
        assert said(await fan.book(hold, "card-ok")) == (422, "bad_payment_method")
        assert said(await fan.post("/api/bookings", json={"hold_id": hold})) == (422, "bad_payment_method")
        page = (await fan.get(f"/events/{sale.slug}/book")).text
        assert "card-ok" not in page
        assert "over its API" in page

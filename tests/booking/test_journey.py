"""The whole way over the API: queue, pass, hold, payment, ticket, mail."""

import asyncio
from collections.abc import Iterable
from email.message import EmailMessage
from typing import Any

import pytest

from tests.house import House, Sale, eventually, in_process, make_sale
from tests.servers import Mailbox
from ticketflow.settings import Settings
from waiting_room import WaitingRoom


async def test_from_the_queue_to_the_mail(settings: Settings, smtp: Mailbox):
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        joined = await fan.join(sale)
        assert (joined.status_code, joined.json()["state"]) == (201, "called")
        claimed = await fan.claim(sale)
        assert claimed.status_code == 200
        assert claimed.json()["pass"]

        held = await fan.hold(sale, quantity=2)
        assert held.status_code == 201
        assert (held.json()["amount"], held.json()["currency"]) == (5000, "EUR")
        assert len(set(held.json()["units"])) == 2

        booked = await fan.book(held.json()["id"], key="my first booking".replace(" ", "-"))
        assert booked.status_code == 201, booked.text
        booking = booked.json()
        assert booking["status"] == "confirmed"
        assert booking["units"] == held.json()["units"]
        assert len({ticket["code"] for ticket in booking["tickets"]}) == 2

        mine = await fan.get("/api/bookings")
        assert [b["id"] for b in mine.json()] == [booking["id"]]
        letters = await smtp.wait_for(1)
        assert letters[0]["To"] == fan.email
        assert booking["tickets"][0]["code"] in words_of(letters[0])
        await remaining_is(house, sale, 498)


def words_of(letter: EmailMessage) -> str:
    """The letter's plain text."""
    text = letter.get_body(("plain",))
    assert text is not None
    return str(text.get_content())


async def remaining_is(house: House, sale: Sale, expected: int) -> None:
    async with house.visitor() as anybody:
        event = (await anybody.get(f"/api/events/{sale.event_id}")).json()
    assert event["ticket_types"][0]["remaining"] == expected


async def test_a_declined_card_keeps_the_tickets_for_another(settings: Settings, smtp: Mailbox):
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        hold = (await fan.hold(sale)).json()
        declined = await fan.book(hold["id"], "card-declined", key="first-try")
        assert (declined.status_code, declined.json()["code"]) == (402, "payment_declined")
        assert declined.json()["hold_kept"] is True
        assert (await fan.get("/api/bookings")).json() == []
        confirmed = await fan.book(hold["id"], "card-ok", key="second-try")
        assert confirmed.status_code == 201, confirmed.text
        assert len(await smtp.wait_for(1)) == 1


@pytest.mark.parametrize("method", ["card-slow", "card-timeout"])
async def test_slow_and_lost_answers_of_the_bank_end_confirmed(settings: Settings, method: str):
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        hold = (await fan.hold(sale)).json()
        accepted = await fan.book(hold["id"], method, prefer="wait=0")
        assert accepted.status_code in (201, 202), accepted.text
        where = accepted.headers["Location"]
        processing = (await fan.get(where)).json()
        assert processing["status"] in ("processing", "confirmed")
        again = await fan.book(hold["id"], method, prefer="wait=10")
        assert again.status_code in (409, 410), again.text  # it is being paid, or it is paid

        async def decided() -> dict[str, Any] | None:
            booking = (await fan.get(where)).json()
            return booking if booking["status"] != "processing" else None

        booking = await eventually(decided)
        assert booking is not None
        assert booking["status"] == "confirmed"


async def test_who_has_booked_and_joins_again_at_once_gets_a_new_turn(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """However slowly the turn ends: the answer comes after it, or the next turn would be this one's rest."""
    end_all = WaitingRoom.finish_all

    async def slowly(room: WaitingRoom, served: Iterable[tuple[str, float]]) -> None:
        await asyncio.sleep(0.3)
        await end_all(room, served)

    monkeypatch.setattr(WaitingRoom, "finish_all", slowly)
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        assert (await fan.book((await fan.hold(sale)).json()["id"])).status_code == 201
        assert (await fan.join(sale)).status_code == 201
        assert (await fan.claim(sale)).status_code == 200

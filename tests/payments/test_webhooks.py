"""What Stripe tells by itself: believed if it is signed, taken in any order, and never a confirmation."""

import time
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pymysql
import pytest
import stripe as library
from sqlalchemy import delete, select, update

from tests.booking.support import rows
from tests.house import House, by_commands, doors_open, eventually, in_process, make_sale, worker
from tests.payments.support import DECLINED, GOOD, Letter, Postbox, Stripe, signed
from ticketflow.payments import stripe_notices
from ticketflow.settings import Settings
from ticketflow.store import sales, tables

DOOR = "/api/payments/webhook"


@pytest.fixture
def database_url(mariadb_url: str) -> str:
    """On one engine; what differs between the two is in test_notices.py."""
    return mariadb_url


async def booked(house: House, settings: Settings, method: str = GOOD) -> str:
    """A booking with that card, settled as far as the books go; gives its id."""
    sale = await make_sale(settings)
    async with house.visitor() as fan:
        await house.app.extensions["ticketflow"].catalogue.load()  # type: ignore[union-attr]
        await doors_open(house, sale)
        await fan.register()
        await fan.come_in(sale)
        answer = (await fan.book((await fan.hold(sale)).json()["id"], method)).json()
    booking_id = str(answer.get("booking_id") or answer["id"])

    async def settled() -> bool:
        return await payment(house, booking_id) in ("captured", "declined")

    await eventually(settled)
    return booking_id


async def payment(house: House, booking_id: str) -> str | None:
    query = select(tables.payments.c.status).where(tables.payments.c.booking_id == booking_id)
    found: str | None = await house.database.fetch_val(query)
    return found


async def set_payment(house: House, booking_id: str, status: str) -> None:
    theirs = update(tables.payments).where(tables.payments.c.booking_id == booking_id)
    await house.database.execute(theirs.values(status=status))


async def deliver(house: House, *letters: Letter) -> list[int]:
    async with house.visitor() as stripe:
        answers = [
            await stripe.post(DOOR, content=letter.body, headers={"Stripe-Signature": letter.signature})
            for letter in letters
        ]
    return [answer.status_code for answer in answers]


async def intent_of(stripe: Stripe, booking_id: str) -> str:
    (intent,) = await stripe.intents(booking_id)
    return str(intent["id"])


def event(kind: str, about: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"evt_{kind}_{about['id']}", "object": "event", "type": kind, "data": {"object": about}}


async def test_localstripe_itself_delivers_to_a_running_web(
    settings: Settings, stripe: Stripe, tmp_path: Path
):
    """Web, worker and localstripe in processes of their own: its signature is one that we believe."""
    sale = await make_sale(settings)
    async with by_commands(settings, tmp_path) as (house,):
        await stripe.send_events_to(f"{house.url}{DOOR}")
        with worker(settings, tmp_path):
            await doors_open(house, sale)
            async with house.visitor() as fan:
                await fan.register()
                await fan.come_in(sale)
                hold = (await fan.hold(sale)).json()["id"]
                assert (await fan.book(hold, DECLINED)).status_code == 402
                answer = await fan.book(hold, GOOD)
                assert answer.status_code == 201, answer.text

            async def told() -> bool:
                return await rows(house, tables.gateway_notices) == 1

            await eventually(told)
            assert await payment(house, answer.json()["id"]) == "captured"


async def test_a_notice_spares_the_sweep_its_question_and_counts_once(
    settings: Settings, stripe: Stripe, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
):
    async def broken(*_: object) -> None:
        raise pymysql.err.OperationalError(2013, "Lost connection to the server during query")

    async with in_process(settings) as house:
        booking_id = await booked(house, settings)
        letter = await postbox.about("payment_intent.succeeded", await intent_of(stripe, booking_id))
        await set_payment(house, booking_id, "authorised")
        with monkeypatch.context() as patch:
            patch.setattr(sales, "move_payments", broken)
            # Anything but 2xx asks Stripe to send it again.
            assert await deliver(house, letter) == [503]
        assert await deliver(house, letter) == [200]
        assert await payment(house, booking_id) == "captured"
        # An old letter says nothing new, whatever the books say by then.
        await set_payment(house, booking_id, "authorised")
        assert await deliver(house, letter, letter) == [200, 200]
        assert await payment(house, booking_id) == "authorised"
        # The control: with the memory of notices gone, it is taken again.
        await house.database.execute(delete(tables.gateway_notices))
        assert await deliver(house, letter) == [200]
        assert await payment(house, booking_id) == "captured"


async def test_the_order_in_which_they_come_is_all_the_same(
    settings: Settings, stripe: Stripe, postbox: Postbox
):
    async with in_process(settings) as house:
        good, bad = await booked(house, settings), await booked(house, settings, DECLINED)
        taken, failed = await intent_of(stripe, good), await intent_of(stripe, bad)
        letters = [
            signed(event("payment_intent.created", {"id": taken})),
            await postbox.about("payment_intent.succeeded", taken),
            await postbox.about("payment_intent.payment_failed", failed),
            signed(event("payment_intent.canceled", {"id": failed})),
        ]
        for order in permutations(letters):
            await set_payment(house, good, "authorised")
            assert set(await deliver(house, *order, *order)) == {200}
            assert (await payment(house, good), await payment(house, bad)) == ("captured", "declined")
            await house.database.execute(delete(tables.gateway_notices))


async def test_no_notice_confirms_a_booking_or_undoes_one(settings: Settings, stripe: Stripe):
    """Where the books say that money is to be let go, nothing Stripe says makes tickets of it."""
    async with in_process(settings) as house:
        refused, kept = await booked(house, settings, DECLINED), await booked(house, settings)
        theirs = [await intent_of(stripe, booking_id) for booking_id in (refused, kept)]
        await set_payment(house, refused, "void_due")
        assert await deliver(house, signed(event("payment_intent.succeeded", {"id": theirs[0]}))) == [200]
        assert await payment(house, refused) == "void_due"
        assert await rows(house, tables.bookings, id=refused, status="confirmed") == 0
        assert await deliver(house, signed(event("payment_intent.canceled", {"id": theirs[0]}))) == [200]
        assert await payment(house, refused) == "voided"
        assert await deliver(house, signed(event("payment_intent.canceled", {"id": theirs[1]}))) == [200]
        assert await payment(house, kept) == "captured"
        assert await rows(house, tables.bookings, id=kept, status="confirmed") == 1


async def test_what_is_not_ours_is_taken_and_forgotten(settings: Settings):
    others = [
        event("payment_intent.succeeded", {"id": "pi_of_another_shop"}),
        event("charge.refunded", {"id": "ch_1", "refunded": True, "payment_intent": None}),
        event("charge.refunded", {"id": "ch_2", "refunded": False, "payment_intent": "pi_1"}),
        event("customer.created", {"id": "cus_1"}),
    ]
    async with in_process(settings) as house:
        assert await deliver(house, *map(signed, others)) == [200] * 4
        assert await rows(house, tables.gateway_notices) == 0


async def test_what_is_not_signed_by_stripe_changes_nothing(
    settings: Settings, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
):
    async with in_process(settings) as house:
        booking_id = await booked(house, settings)
        says = event("payment_intent.succeeded", {"id": await intent_of(stripe, booking_id)})
        await set_payment(house, booking_id, "authorised")
        true = signed(says)
        forged = [
            signed(says, secret="whsec_of_somebody_else"),
            signed(says, at=time.time() - stripe_notices.TOLERANCE_SECONDS - 60),
            Letter(true.body + b" ", true.signature),
            Letter(true.body, ""),
            Letter(true.body, "t=soon,v1=x"),
            Letter(b"\xff\xfe", true.signature),
            # These are signed, but say nothing.
            signed({"id": "evt_1"}),
            signed([]),
        ]
        assert await deliver(house, *forged) == [400] * len(forged)
        assert await payment(house, booking_id) == "authorised"
        # The control: without the look at the signature, the first of them is believed.
        monkeypatch.setattr(library.WebhookSignature, "verify_header", lambda *_: True)
        assert await deliver(house, forged[0]) == [200]
        assert await payment(house, booking_id) == "captured"


async def test_without_the_secret_nothing_is_believed(settings: Settings):
    said = signed(event("payment_intent.succeeded", {"id": "pi_1"}), secret="")
    for unset in (replace(settings, stripe_webhook_secret=""), replace(settings, stripe_secret_key="")):
        async with in_process(unset) as house:
            assert await deliver(house, said) == [400]

"""Background work over the API: what waits, what failed and why, and the way to try it again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select, update

from tests.api.support import is_problem, open_sale, services
from tests.api.test_cancelling import booked
from tests.house import House, Sale, Visitor, eventually
from ticketflow.domain import now
from ticketflow.payments import GatewayRefused, SimulatedGateway
from ticketflow.stock import entries
from ticketflow.store import open_money
from ticketflow.store.tables import payments

pytestmark = pytest.mark.asyncio(loop_scope="package")
WORK = "/api/organiser/work"


@pytest_asyncio.fixture(loop_scope="package")
async def organiser(house: House, sale: Sale) -> AsyncIterator[Visitor]:
    async with house.visitor() as visitor:
        await visitor.sign_in(sale.organiser_email)
        yield visitor


async def work(organiser: Visitor, sale: Sale) -> dict[str, Any]:
    found: dict[str, Any] = (await organiser.get(WORK, params={"event_id": sale.event_id})).json()
    return found


async def payment(house: House, booking_id: str) -> Any:
    return await house.database.fetch_one(select(payments).where(payments.c.booking_id == booking_id))


async def test_a_refund_that_fails_says_why_and_is_tried_again(
    house: House, sale: Sale, organiser: Visitor, fan: Visitor, monkeypatch: pytest.MonkeyPatch
):
    booking = await booked(fan, sale)

    async def captured() -> bool:
        return bool((await payment(house, booking["id"]))["status"] == "captured")

    await eventually(captured)

    async def refuse(_self: SimulatedGateway, key: str) -> None:
        raise GatewayRefused(f"no such charge: {key}")

    with monkeypatch.context() as gateway:
        gateway.setattr(SimulatedGateway, "refund", refuse)
        await organiser.post(f"/api/organiser/events/{sale.event_id}/bookings/{booking['id']}/cancel")

        async def failed() -> dict[str, Any] | None:
            money = (await work(organiser, sale))["money"]
            return money if money["failed"] else None

        money = await eventually(failed)
    assert money is not None
    (seen,) = money["payments"]
    assert (seen["status"], seen["attempts"] >= 1, seen["booking_code"]) == (
        "refund_due",
        True,
        booking["code"],
    )
    assert seen["error"] == f"no such charge: {booking['id']}"
    assert money["waiting"]["refund_due"] == 1
    # Its turn would come by itself, much later; somebody wants it now.
    later = update(payments).where(payments.c.booking_id == booking["id"])
    await house.database.execute(later.values(due_at=now() + timedelta(hours=1)))
    again = await organiser.post(f"{WORK}/payments/retry", json={"event_id": sale.event_id})
    assert again.json() == {"retried": 1, "left": 0}

    async def refunded() -> bool:
        return bool((await payment(house, booking["id"]))["status"] == "refunded")

    await eventually(refunded)
    once = await organiser.post(f"{WORK}/payments/{booking['id']}/retry")
    is_problem(once, 409, "payment_not_open")
    assert (await work(organiser, sale))["money"]["done_last_minute"] >= 1


async def test_each_failure_waits_longer_than_the_one_before(house: House, sale: Sale, fan: Visitor):
    booking = await booked(fan, sale)
    far = now() + timedelta(days=1)
    this = update(payments).where(payments.c.booking_id == booking["id"])
    await house.database.execute(this.values(status="refund_due", due_at=far))
    pauses = []
    for _ in range(3):
        await open_money.put_off(house.database, booking["id"], "silent")
        pauses.append((await payment(house, booking["id"]))["due_at"] - now())
    assert timedelta(seconds=4) < pauses[0] < pauses[1] < pauses[2] < timedelta(seconds=21)
    await house.database.execute(this.values(due_at=now()))
    await eventually(lambda: _is(house, booking["id"], "refunded"))


async def _is(house: House, booking_id: str, status: str) -> bool:
    return bool((await payment(house, booking_id))["status"] == status)


async def test_what_is_due_is_taken_by_one_of_many(house: House, sale: Sale, fan: Visitor):
    """However many sweeps look at once: one takes it, and for the others it is not due."""
    booking = await booked(fan, sale)
    await eventually(lambda: _is(house, booking["id"], "captured"))
    for _ in range(3):
        await house.database.execute(
            update(payments)
            .where(payments.c.booking_id == booking["id"])
            .values(status="void_due", due_at=now())
        )
        looks = await asyncio.gather(
            *(_taken(house, booking["id"]) for _ in range(6)), return_exceptions=True
        )
        # A sweep of the house itself may have been the first; SQLite sends some away as it is locked.
        assert sum(look is True for look in looks) <= 1
        await eventually(lambda: _is_not_due(house, booking["id"]))


async def _taken(house: House, booking_id: str) -> bool:
    return any(one == booking_id for one, _ in await open_money.take(house.database, 60, 50))


async def _is_not_due(house: House, booking_id: str) -> bool:
    row = await payment(house, booking_id)
    return bool(row["status"] == "voided" or row["due_at"] > now())


async def test_an_entry_that_was_put_aside_is_booked_by_a_worker_that_can_read_it(
    house: House, sale: Sale, organiser: Visitor, fan: Visitor, monkeypatch: pytest.MonkeyPatch
):
    held = (await fan.hold(sale)).json()["id"]
    found = services(house)
    with monkeypatch.context() as older:
        older.setattr(entries, "parse_order", lambda *_: 1 / 0)
        answer = await fan.book(held, key="one", prefer="wait=0")
        assert answer.status_code == 202, answer.text

        async def put_aside() -> bool:
            return bool((await work(organiser, sale))["orders"]["rejected"] == 1)

        await eventually(put_aside)
        still = await organiser.post(f"{WORK}/orders/retry", json={"event_id": sale.event_id})
        assert still.json() == {"retried": 0, "left": 1}
    await found.redis.lpush(found.stock.keys(sale.event_id).rejected, "1-0 {b'x': b'\\xff'}", "nonsense")
    (shown, *_) = (await work(organiser, sale))["orders"]["rejected_entries"]
    assert shown["event_id"] == sale.event_id
    again = await organiser.post(f"{WORK}/orders/retry", json={"event_id": sale.event_id})
    assert again.json() == {"retried": 1, "left": 2}

    async def confirmed() -> bool:
        asked = await fan.get(f"/api/bookings/{answer.json()['id']}")
        return bool(asked.json()["status"] == "confirmed")

    await eventually(confirmed)
    orders = (await work(organiser, sale))["orders"]
    assert orders["done_last_minute"] == 1
    assert (orders["waiting"], orders["in_hand"], orders["oldest_seconds"]) == (0, 0, None)


async def test_only_who_sees_to_an_event_sees_its_work(house: House, sale: Sale, fan: Visitor):
    booking = await booked(fan, sale)
    other = await _other_organiser(house)
    is_problem(await other.get(WORK, params={"event_id": sale.event_id}), 404)
    seen = (await other.get(WORK)).json()
    assert (seen["orders"]["done_last_minute"], seen["money"]["payments"]) == (0, [])
    is_problem(await other.post(f"{WORK}/payments/{booking['id']}/retry"), 404)
    assert (await other.post(f"{WORK}/payments/retry", json={})).json() == {"retried": 0, "left": 0}
    await other.aclose()


async def _other_organiser(house: House) -> Visitor:
    another = await open_sale(house)
    visitor = house.visitor()
    await visitor.sign_in(another.organiser_email)
    return visitor

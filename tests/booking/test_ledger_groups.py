"""Orders go through the ledger in groups; one that is broken must not stop those it travels with."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.booking.support import money_ends, rows, services, stock_is, web_only, working
from tests.booking.test_ledger import ends, fans_with_orders
from tests.house import House, Sale, Visitor, make_sale
from ticketflow.booking.ledger import Ledger
from ticketflow.booking.teller import Teller, Written
from ticketflow.domain import Booking, BookingStatus, Order, now
from ticketflow.settings import Settings
from ticketflow.store import bookings, sales, tables, users
from ticketflow.store.events import NewTicketType, Seat
from ticketflow.store.sales import PaymentStatus, Verdict

FANS = 5
BROKEN = 2
"""Which of the orders is made a broken one."""


async def entries(house: House, sale: Sale) -> list[tuple[str, dict[str, str]]]:
    found: Any = await services(house).redis.xrange(services(house).stock.keys(sale.event_id).orders)
    return [(entry_id, fields) for entry_id, fields in found]


async def put_again(house: House, sale: Sale, change: dict[str, Any] | None) -> None:
    """Put all orders on the stream anew, one of them changed, or as something that is no order at all."""
    stream = services(house).stock.keys(sale.event_id).orders
    for number, (entry_id, fields) in enumerate(await entries(house, sale)):
        await services(house).redis.xdel(stream, entry_id)
        order = fields["order"]
        if number == BROKEN:
            order = "no order" if change is None else json.dumps({**json.loads(order), **change})
        await services(house).redis.xadd(stream, {"order": order})


async def all_but_the_broken_end(house: House, sale: Sale, waiting: list[tuple[Visitor, str]]) -> None:
    for number, (fan, where) in enumerate(waiting):
        if number != BROKEN:
            booking = await ends(fan, where)
            assert booking["status"] == "confirmed"
            await money_ends(house, booking["id"], "captured", "captured")
    assert len(await entries(house, sale)) == 1


async def bye(waiting: list[tuple[Visitor, str]]) -> None:
    for fan, _ in waiting:
        await fan.aclose()


@pytest.mark.parametrize(
    "change",
    [None, {"ticket_type_id": 999_999}, {"request_hash": None}, {"user_id": 10**30}],
    ids=["no order", "an unknown type", "a field without a value", "a number too large"],
)
async def test_an_order_that_cannot_be_written_stays_alone(settings: Settings, change: dict[str, Any] | None):
    sale = await make_sale(settings)
    async with web_only(settings) as house:
        waiting = await fans_with_orders(house, sale, FANS)
        await put_again(house, sale, change)
        async with working(settings):
            await all_but_the_broken_end(house, sale, waiting)
        assert await rows(house, tables.tickets) == FANS - 1
        await stock_is(house, sale, free=500 - FANS, held=1, sold=FANS - 1)
        await bye(waiting)


async def break_hold(house: House, sale: Sale) -> None:
    """Let Redis hold nonsense in place of one of the holds: no script can settle it."""
    order = json.loads((await entries(house, sale))[BROKEN][1]["order"])
    await services(house).redis.hset(
        services(house).stock.keys(sale.event_id).holds, order["hold_id"], "no hold"
    )


async def test_an_order_that_cannot_be_settled_keeps_nobody_waiting(settings: Settings):
    sale = await make_sale(settings)
    async with web_only(settings) as house:
        waiting = await fans_with_orders(house, sale, FANS)
        await break_hold(house, sale)
        async with working(settings):
            await all_but_the_broken_end(house, sale, waiting)
            # The database has it all the same: its booker finds it there.
            assert (await ends(*waiting[BROKEN]))["status"] == "confirmed"
        await bye(waiting)


async def test_without_one_by_one_a_broken_order_would_stop_its_group(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """The control of the two above."""

    async def at_once(teller: Teller, event_id: int, group: list[Written]) -> list[Written]:
        await teller._tell_at_once(event_id, group)
        return group

    async def nothing(_: Ledger, verdict: Verdict) -> list[Booking]:
        return []

    monkeypatch.setattr(Teller, "_tell_group", at_once)
    monkeypatch.setattr(Ledger, "_write_alone", nothing)
    settings = replace(settings, ledger_takeover_seconds=60)
    for breaking in (break_hold, lambda house, sale: put_again(house, sale, {"ticket_type_id": 999_999})):
        sale = await make_sale(settings)
        async with web_only(settings) as house:
            waiting = await fans_with_orders(house, sale, FANS)
            await breaking(house, sale)
            async with working(settings):
                with pytest.raises((AssertionError, TimeoutError)):
                    async with asyncio.timeout(1):
                        await all_but_the_broken_end(house, sale, waiting)
            await bye(waiting)


async def test_what_is_told_after_the_commit_is_what_the_database_has(settings: Settings):
    """The ledger does not read back what it has just written."""
    seats = [Seat("Balcony", "A", number) for number in range(1, 9)]
    kinds = [NewTicketType("Standing", 2500, 50), NewTicketType("Balcony", 9900, 8, seats)]
    sale = await make_sale(settings, types=kinds, per_user_limit=3)
    async with web_only(settings) as house:
        who = [
            await users.create(house.database, name="F", email=f"{n}@x.org", password_hash="-") for n in "ab"
        ]
        group = [
            verdict_on(sale, 0, user_id=who[0].id, units=(7, 3)),
            verdict_on(sale, 1, user_id=who[1].id, units=(4,), kind=1),
            verdict_on(sale, 2, user_id=who[0].id, units=(8, 9)),  # above the limit
            verdict_on(sale, 3, user_id=who[1].id, units=(11,)).refused("payment_declined"),
        ]
        written = await sales.commit(house.database, group)
        assert [booking.reason for booking in written] == [None, None, "limit_exceeded", "payment_declined"]
        assert [ticket.unit for ticket in written[0].tickets] == [3, 7]
        assert written[1].tickets[0].seat == "Balcony, row A, seat 5"
        read = await bookings.by_ids(house.database, [booking.id for booking in written])
        assert list(as_read(written)) == list(as_read([read[booking.id] for booking in written]))
        assert await sales.commit(house.database, group) == []


def verdict_on(sale: Sale, number: int, *, user_id: int, units: tuple[int, ...], kind: int = 0) -> Verdict:
    order = Order(
        entry_id=f"{number}-0",
        booking_id=f"{number:0>32}",
        request_hash="hash",
        hold_id=f"{sale.event_id}-{number}",
        event_id=sale.event_id,
        user_id=user_id,
        visitor=f"v{user_id}",
        ticket_type_id=sale.type_ids[kind],
        units=units,
        amount=2500 * len(units),
        currency="EUR",
        method="card-ok",
        keep_hold=False,
        submitted_at=now(),
    )
    return Verdict(order, BookingStatus.CONFIRMED, PaymentStatus.AUTHORISED, "reference")


def as_read(found: Sequence[Booking]) -> list[Booking]:
    return [replace(booking, tickets=tuple(booking.tickets)) for booking in found]

"""Orders go through the ledger in groups; one that is broken must not stop those it travels with."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.booking.support import money_ends, rows, services, stock_is, web_only, working
from tests.booking.test_ledger import ends, fans_with_orders
from tests.house import House, Sale, Visitor, eventually, make_sale
from ticketflow.booking.ledger import Ledger
from ticketflow.booking.teller import Teller, Written
from ticketflow.domain import Booking, BookingStatus, Order, PaymentStatus, now
from ticketflow.settings import Settings
from ticketflow.store import bookings, sales, tables, users
from ticketflow.store.events import NewTicketType, Seat
from ticketflow.store.sales import Verdict

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


async def all_but_the_broken_end(
    house: House, sale: Sale, waiting: list[tuple[Visitor, str]], left: int = 1
) -> None:
    for number, (fan, where) in enumerate(waiting):
        if number != BROKEN:
            booking = await ends(fan, where)
            assert booking["status"] == "confirmed"
            await money_ends(house, booking["id"], "captured", "captured")
    assert len(await entries(house, sale)) == left


async def bye(waiting: list[tuple[Visitor, str]]) -> None:
    for fan, _ in waiting:
        await fan.aclose()


@pytest.mark.parametrize(
    ("change", "left"),
    [(None, 0), ({"ticket_type_id": 999_999}, 1), ({"request_hash": None}, 0), ({"user_id": 10**30}, 1)],
    ids=["no order", "an unknown type", "a field without a value", "a number too large"],
)
async def test_an_order_that_cannot_be_written_stays_alone(
    settings: Settings, change: dict[str, Any] | None, left: int
):
    """What is no order at all does not even stay: it is put aside."""
    sale = await make_sale(settings)
    async with web_only(settings) as house:
        waiting = await fans_with_orders(house, sale, FANS)
        await put_again(house, sale, change)
        async with working(settings):
            await all_but_the_broken_end(house, sale, waiting, left)
        assert (
            await services(house).redis.llen(services(house).stock.keys(sale.event_id).rejected) == 1 - left
        )
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


async def hold_other_units(house: House, sale: Sale, units: list[int]) -> None:
    """Let the broken order's hold and order be of other units, as if Redis had handed those out."""
    keys = services(house).stock.keys(sale.event_id)
    order = json.loads((await entries(house, sale))[BROKEN][1]["order"])
    hold = json.loads(str(await services(house).redis.hget(keys.holds, order["hold_id"])))
    await services(house).redis.hset(keys.holds, order["hold_id"], json.dumps({**hold, "units": units}))
    await put_again(house, sale, {"units": units})


async def test_a_unit_that_does_not_exist_is_replaced(settings: Settings):
    sale = await make_sale(settings)
    async with web_only(settings) as house:
        waiting = await fans_with_orders(house, sale, FANS)
        await hold_other_units(house, sale, [500])
        async with working(settings):
            booked = [await ends(fan, where) for fan, where in waiting]
            assert [booking["units"] for booking in booked] == [[0], [1], [499], [3], [4]]
            for booking in booked:
                await money_ends(house, booking["id"], "captured", "captured")
            await eventually(lambda: nothing_is_left(house, sale))
        await bye(waiting)


async def nothing_is_left(house: House, sale: Sale) -> bool:
    return await entries(house, sale) == []


async def test_a_seat_that_does_not_exist_is_refused(settings: Settings):
    seats = [Seat("Balcony", "A", number) for number in range(1, 9)]
    sale = await make_sale(settings, types=[NewTicketType("Balcony", 9900, 8, seats)])
    async with web_only(settings) as house:
        waiting = await fans_with_orders(house, sale, FANS)
        await hold_other_units(house, sale, [8])
        async with working(settings):
            booked = [await ends(fan, where) for fan, where in waiting]
            assert [booking["reason"] for booking in booked] == [None, None, "unit_taken", None, None]
            await money_ends(house, booked[BROKEN]["id"], "voided", "voided")
            await eventually(lambda: nothing_is_left(house, sale))
        await bye(waiting)


async def test_what_the_database_never_takes_ends_refused(settings: Settings):
    """One unit twice: no other unit helps. Its booker is told, and the money is let go."""
    sale = await make_sale(settings)
    async with web_only(settings) as house:
        waiting = await fans_with_orders(house, sale, FANS)
        await put_again(house, sale, {"units": [7, 7]})
        async with working(settings):
            booked = [await ends(fan, where) for fan, where in waiting]
            assert [booking["reason"] for booking in booked] == [None, None, "unit_taken", None, None]
            await money_ends(house, booked[BROKEN]["id"], "voided", "voided")
            await eventually(lambda: nothing_is_left(house, sale))
        await bye(waiting)


async def test_without_the_refusal_it_would_lie_there_for_ever(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """The control of the test above."""
    monkeypatch.setattr(Verdict, "refused", lambda verdict, _: verdict)
    settings = replace(settings, ledger_takeover_seconds=60)
    sale = await make_sale(settings)
    async with web_only(settings) as house:
        waiting = await fans_with_orders(house, sale, FANS)
        await put_again(house, sale, {"units": [7, 7]})
        async with working(settings):
            await all_but_the_broken_end(house, sale, waiting)
            assert (await waiting[BROKEN][0].get(waiting[BROKEN][1])).json()["status"] == "processing"
        await bye(waiting)

"""The ledger when Redis and the database disagree: the database is the truth, and nobody pays for nothing."""

import asyncio
from typing import Any

import pytest

from tests.booking.support import (
    money_ends,
    money_of,
    rows,
    sell_behind,
    services,
    stock_is,
    web_only,
    working,
)
from tests.house import House, Sale, Visitor, eventually, in_process, make_sale
from ticketflow.settings import Settings
from ticketflow.store import sales, tables
from ticketflow.store.events import NewTicketType, Seat

ROW = NewTicketType("Balcony", 9900, 8, [Seat("Balcony", "A", number) for number in range(1, 9)])


async def fans_with_orders(house: House, sale: Sale, count: int) -> list[tuple[Visitor, str]]:
    """So many fans whose booking of one ticket was accepted, and where each finds it."""
    found = []
    for _ in range(count):
        fan = house.visitor()
        await fan.register()
        await fan.come_in(sale)
        hold = (await fan.hold(sale)).json()
        accepted = await fan.book(hold["id"], prefer="wait=0")
        assert accepted.status_code == 202, accepted.text
        found.append((fan, accepted.headers["Location"]))
    return found


async def ends(fan: Visitor, where: str) -> dict[str, Any]:
    """The booking once it is decided."""

    async def decided() -> dict[str, Any]:
        booking: dict[str, Any] = (await fan.get(where)).json()
        return booking if booking["status"] != "processing" else {}

    return await eventually(decided)


async def test_one_unit_sold_behind_redis_spoils_nobody_elses_booking(settings: Settings):
    """Five orders of one group, and the unit of one has a ticket already: it gets another unit."""
    sale = await make_sale(settings, types=[NewTicketType("Standing", 2500, 40)])
    async with web_only(settings) as house:
        waiting = await fans_with_orders(house, sale, 5)
        await sell_behind(house, sale, [2])
        async with working(settings):
            booked = [await ends(fan, where) for fan, where in waiting]
            assert [booking["status"] for booking in booked] == ["confirmed"] * 5
            assert [booking["units"] for booking in booked] == [[0], [1], [39], [3], [4]]
            # Sold: five here, one behind; Redis has learnt of it.
            await stock_is(house, sale, free=34, held=0, sold=6)
            for booking in booked:
                await money_ends(house, booking["id"], "captured", "captured")
        assert await rows(house, tables.tickets) == 6
        assert await rows(house, tables.outbox) == 6
        for fan, _ in waiting:
            await fan.aclose()


async def test_when_everything_was_sold_behind_redis_the_money_is_let_go(settings: Settings):
    sale = await make_sale(settings, types=[NewTicketType("Standing", 2500, 3)])
    async with web_only(settings) as house:
        ((fan, where),) = await fans_with_orders(house, sale, 1)
        await sell_behind(house, sale, [0, 1, 2])
        async with working(settings):
            booking = await ends(fan, where)
            assert (booking["status"], booking["reason"], booking["units"]) == ("refused", "unit_taken", [])
            await money_ends(house, booking["id"], "voided", "voided")
            assert (await fan.get("/api/bookings")).json() == []
        assert await rows(house, tables.outbox) == 1  # the other's
        await fan.aclose()


async def test_a_seat_sold_behind_redis_is_refused_and_the_money_let_go(settings: Settings):
    sale = await make_sale(settings, types=[ROW])
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        hold = await fan.post(
            f"/api/events/{sale.event_id}/holds", json={"ticket_type_id": sale.type_ids[0], "units": [4, 5]}
        )
        assert hold.json()["seats"] == ["Balcony, row A, seat 5", "Balcony, row A, seat 6"]
        await sell_behind(house, sale, [5])
        refused = await fan.book(hold.json()["id"])
        assert (refused.status_code, refused.json()["code"]) == (409, "unit_taken"), refused.text
        await money_ends(house, refused.json()["booking_id"], "voided", "voided")
        await stock_is(house, sale, free=7, held=0, sold=1)
        seats = (await fan.get(f"/api/events/{sale.event_id}/seats")).json()
        assert [seat["unit"] for seat in seats if seat["state"] != "free"] == [5]
        assert await rows(house, tables.tickets) == 1


async def test_the_database_keeps_the_limit_when_redis_has_forgotten_it(settings: Settings):
    sale = await make_sale(settings, per_user_limit=2)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        assert (await fan.book((await fan.hold(sale, 2)).json()["id"])).status_code == 201
        await stock_is(house, sale, free=498, held=0, sold=2)
        found = services(house)
        await found.redis.delete(found.stock.keys(sale.event_id).stock.replace(":stock", ":taken"))
        await fan.join(sale)
        await fan.claim(sale)
        hold = await fan.hold(sale)
        assert hold.status_code == 201, "Redis was meant to have forgotten"
        refused = await fan.book(hold.json()["id"])
        assert (refused.status_code, refused.json()["code"]) == (422, "limit_exceeded"), refused.text
        await money_ends(house, refused.json()["booking_id"], "voided", "voided")
        await stock_is(house, sale, free=498, held=0, sold=2)
        assert await rows(house, tables.tickets) == 2
        assert await rows(house, tables.outbox) == 1


class Gate:
    """Holds the ledger's commits back until it is opened; may break the first ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, broken: int = 0) -> None:
        self.reached, self.open, self._broken = asyncio.Event(), asyncio.Event(), broken
        self._commit = sales.commit
        monkeypatch.setattr(sales, "commit", self.commit)

    async def commit(self, *args: Any) -> Any:
        self.reached.set()
        await self.open.wait()
        if self._broken:
            self._broken -= 1
            raise OSError("the database went away")
        return await self._commit(*args)


async def test_money_is_taken_after_the_commit_and_never_before(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    sale = await make_sale(settings)
    gate = Gate(monkeypatch, broken=2)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        hold = (await fan.hold(sale)).json()
        booking_id = (await fan.book(hold["id"], prefer="wait=0")).json()["id"]
        await gate.reached.wait()
        assert await money_of(house, booking_id) == (None, "authorised")
        assert (await fan.get(f"/api/bookings/{booking_id}")).json()["status"] == "processing"
        gate.open.set()
        assert (await ends(fan, f"/api/bookings/{booking_id}"))["status"] == "confirmed"
        await money_ends(house, booking_id, "captured", "captured")
        assert await rows(house, tables.simulated_charges) == 1


async def test_a_declined_payment_is_written_down_and_nothing_is_taken(settings: Settings):
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        declined = await fan.book((await fan.hold(sale)).json()["id"], "card-declined")
        assert await money_of(house, declined.json()["booking_id"]) == ("declined", "declined")
        assert await rows(house, tables.tickets) == await rows(house, tables.outbox) == 0


async def test_each_confirmed_booking_has_one_letter_and_each_refused_none(settings: Settings):
    sale = await make_sale(settings, per_user_limit=10)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        for method in ("card-ok", "card-declined", "card-timeout", "card-ok"):
            await fan.join(sale)
            await fan.claim(sale)
            await fan.book((await fan.hold(sale)).json()["id"], method)
        assert await rows(house, tables.bookings, status="confirmed") == 3
        assert await rows(house, tables.outbox) == 3
        about_bookings = tables.outbox.c.booking_id.is_not(None)
        letters = await house.database.fetch_all(tables.outbox.select().where(about_bookings))
        booked = {booking["id"] for booking in (await fan.get("/api/bookings")).json()}
        assert {letter["booking_id"] for letter in letters} == booked
        assert {letter["recipient"] for letter in letters} == {fan.email}

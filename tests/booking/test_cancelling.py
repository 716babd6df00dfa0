"""Cancelling: tickets end, units are free again at once, the money goes back, and each of it once."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy import Select, select, update

from tests.booking.support import cashier_of, lose_stock, money_ends, money_of, rows, services, stock_is
from tests.house import House, Sale, Visitor, eventually, in_process, make_sale, settings_for
from tests.servers import Mailbox
from ticketflow.domain import Event, now
from ticketflow.payments import GatewayTimeout, SimulatedGateway
from ticketflow.settings import Settings
from ticketflow.stock import Stock
from ticketflow.store import cancellations as records
from ticketflow.store import tables, violations
from ticketflow.store.events import NewTicketType
from ticketflow.store.stocktaking import take_stock

TEN = [NewTicketType("Standing", 2500, 10)]
ANY_TIME = timedelta(days=20)


async def cancellable_sale(settings: Settings, **given: Any) -> Sale:
    return await make_sale(settings, types=TEN, cancel_until=now() + ANY_TIME, **given)


async def booked(fan: Visitor, sale: Sale, quantity: int = 2) -> dict[str, Any]:
    """A new fan's confirmed booking."""
    if "email" not in vars(fan):
        await fan.register()
    await fan.come_in(sale)
    answer = await fan.book((await fan.hold(sale, quantity)).json()["id"])
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def event_of(house: House, sale: Sale) -> Event:
    event = services(house).catalogue.find(sale.event_id)
    assert event is not None
    return event


def cancel(fan: Visitor, booking: dict[str, Any]) -> Any:
    return fan.post(f"/api/bookings/{booking['id']}/cancel")


async def cancelled_in_the_books(house: House, sale: Sale, booking: dict[str, Any]) -> None:
    """What a process leaves that is killed right after the commit."""
    booker = await booker_of(house, booking)
    assert await records.cancel(house.database, sale.event_id, booking["id"], booker)


async def booker_of(house: House, booking: dict[str, Any]) -> int:
    """Who made a booking."""
    this = select(tables.bookings.c.user_id).where(tables.bookings.c.id == booking["id"])
    return int(await house.database.fetch_val(this))


def words_of(letter: EmailMessage, kind: str) -> str:
    body = letter.get_body((kind,))
    assert body is not None
    return str(body.get_content())


async def test_tickets_end_units_are_free_money_goes_back_and_a_letter_says_so(
    settings: Settings, smtp: Mailbox
):
    sale = await cancellable_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        booking = await booked(fan, sale, 4)
        await stock_is(house, sale, free=6, held=0, sold=4)
        await smtp.wait_for(1)
        answer = await cancel(fan, booking)
        assert answer.status_code == 200, answer.text
        ended = answer.json()
        assert (ended["status"], ended["reason"]) == ("cancelled", "cancelled_by_booker")
        assert (ended["refund"], ended["units"], ended["tickets"]) == ("refunded", [], [])
        await stock_is(house, sale, free=10, held=0, sold=0)
        assert await money_of(house, booking["id"]) == ("refunded", "refunded")
        assert (await cancel(fan, booking)).json() == ended
        assert (await fan.get(f"/api/bookings/{booking['id']}")).json() == ended
        assert (await fan.get("/api/bookings")).json() == [ended]
        _, letter = await smtp.wait_for(2)
        assert (letter["To"], letter["Subject"]) == (
            fan.email,
            "Cancelled: your tickets for A sale for tests",
        )
        for kind in ("plain", "html"):
            assert "€100.00" in words_of(letter, kind)
            assert "You have cancelled this booking." in words_of(letter, kind)
        # The limit is theirs again, in Redis and in the database, and their old units can be sold.
        again = await booked(fan, sale, 4)
        assert again["units"] == booking["units"]
        assert await rows(house, tables.outbox) == 3


async def test_booker_and_organiser_at_once_40_times_is_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    refunds: list[str] = []
    refund = SimulatedGateway.refund

    async def counted(gateway: SimulatedGateway, key: str) -> None:
        refunds.append(key)
        await refund(gateway, key)

    monkeypatch.setattr(SimulatedGateway, "refund", counted)
    sale = await cancellable_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan, house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        booking = await booked(fan, sale)
        theirs = f"/api/organiser/events/{sale.event_id}/bookings/{booking['id']}/cancel"
        requests = [cancel(fan, booking) if n % 2 else organiser.post(theirs) for n in range(40)]
        answers = await asyncio.gather(*requests)
        assert {(a.status_code, a.json()["status"]) for a in answers} == {(200, "cancelled")}
        assert len({a.json()["reason"] for a in answers}) == 1
        await stock_is(house, sale, free=10, held=0, sold=0)
        await money_ends(house, booking["id"], "refunded", "refunded")
        assert refunds == [booking["id"]]
        assert await rows(house, tables.cancellations) == 1
        assert await rows(house, tables.outbox, kind="booking_cancelled") == 1
        assert await rows(house, tables.tickets) == 0


@pytest.mark.parametrize("locked", [True, False])
async def test_two_that_meet_in_the_database(
    mariadb_url: str,
    redis_url: str,
    smtp: Mailbox,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    locked: bool,
):
    """The second waits for the first and reads that it is done. Without the lock both believe to be first,
    and only the key of `cancellations` is left to stop one. (SQLite has one writer at a time anyhow.)"""
    settings = settings_for(database_url=mariadb_url, redis_url=redis_url, smtp_url=smtp.url, prefix=prefix)
    inside, both_inside, end = [], asyncio.Event(), records._end

    async def together(*given: Any) -> None:
        inside.append(given)
        if len(inside) == 2:
            both_inside.set()
        if not locked:
            await asyncio.wait_for(both_inside.wait(), 20)
        await end(*given)

    monkeypatch.setattr(records, "_end", together)
    if not locked:
        monkeypatch.setattr(Select, "with_for_update", lambda query, **given: query)
    sale = await cancellable_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        booking = await booked(fan, sale)
        given = (house.database, sale.event_id, booking["id"], await booker_of(house, booking))
        ended = await asyncio.gather(*(records.cancel(*given) for _ in range(2)), return_exceptions=True)
        assert True in ended
        assert (False in ended) is locked
        stopped = (*violations.UNIQUE, *violations.BROKEN)
        assert any(isinstance(answer, stopped) for answer in ended) is not locked
        assert await rows(house, tables.outbox, kind="booking_cancelled") == 1


async def test_what_a_crash_after_the_commit_leaves_is_swept(settings: Settings):
    sale = await cancellable_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan, house.visitor() as other:
        mine, theirs = await booked(fan, sale), await booked(other, sale)
        for booking in (mine, theirs):
            await money_ends(house, booking["id"], "captured", "captured")
        await cancelled_in_the_books(house, sale, mine)
        await asyncio.gather(*(services(house).cancellations.sweep_once() for _ in range(10)))
        await stock_is(house, sale, free=8, held=0, sold=2)
        assert (await fan.get(f"/api/bookings/{mine['id']}")).json()["refund"] == "on_its_way"
        assert await money_of(house, mine["id"]) == ("refund_due", "captured")
        long_ago = now() - timedelta(seconds=house.settings.settle_after_seconds + 60)
        due = update(tables.payments).where(tables.payments.c.status == "refund_due")
        await house.database.execute(due.values(updated_at=long_ago))
        await cashier_of(house)._sweep_once()
        await money_ends(house, mine["id"], "refunded", "refunded")
        assert await money_of(house, theirs["id"]) == ("captured", "captured")


async def test_a_crash_after_the_units_went_back_does_not_take_them_from_the_next(settings: Settings):
    sale = await cancellable_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan, house.visitor() as next_one:
        booking = await booked(fan, sale, 4)
        await cancel(fan, booking)
        await booked(next_one, sale, 4)
        # As if the process had died before it could note that the units are back.
        await house.database.execute(update(tables.cancellations).values(units_back_at=None))
        await services(house).cancellations.sweep_once()
        await stock_is(house, sale, free=6, held=0, sold=4)
        assert await rows(house, tables.cancellations, units_back_at=None) == 0


@pytest.mark.parametrize("read", ["before", "after"])
async def test_a_rebuild_in_between_gives_back_once(settings: Settings, read: str):
    """Stock is lost, and the books for the new one are read just before the cancelling, or after it."""
    sale = await cancellable_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan, house.visitor() as other:
        await other.register()
        await other.come_in(sale)
        booking = await booked(fan, sale, 4)
        found, event = services(house), event_of(house, sale)
        await stock_is(house, sale, free=6, held=0, sold=4)
        async with found.redis.lock(f"{found.stock.keys(event.id).stock}:load", timeout=60):
            books = await take_stock(house.database, event.id)
            assert (books.sold, books.cancelled) == ({sale.type_ids[0]: booking["units"]}, [])
            await lose_stock(house, sale)
            await cancelled_in_the_books(house, sale, booking)
            if read == "after":
                books = await take_stock(house.database, event.id)
                assert (books.sold, books.cancelled) == ({}, [booking["id"]])
            leases = (await found.rooms.of(event.id)).keys.active
            await found.stock.load(event, leases, books.sold, books.bought, books.cancelled)

        async def noted() -> bool:
            return await rows(house, tables.cancellations, units_back_at=None) == 0

        await eventually(noted)
        await stock_is(house, sale, free=10, held=0, sold=0)
        assert (await other.hold(sale, 4)).json()["units"] == booking["units"]
        await found.cancellations.sweep_once()
        await stock_is(house, sale, free=6, held=4, sold=0)


async def test_cancelled_before_the_ledger_could_settle_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """Committed, not settled, not captured: the ledger stops there, and the booker cancels meanwhile."""
    settle, broken = Stock.settle, asyncio.Event()

    async def breaks(stock: Stock, *given: Any, **named: Any) -> list[int]:
        if not broken.is_set():
            broken.set()
            raise ConnectionError
        return await settle(stock, *given, **named)

    monkeypatch.setattr(Stock, "settle", breaks)
    sale = await cancellable_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        accepted = await fan.book((await fan.hold(sale, 2)).json()["id"], prefer="wait=0")
        await broken.wait()
        booking = (await fan.get(accepted.headers["Location"])).json()
        assert booking["status"] == "confirmed"
        assert (await cancel(fan, booking)).json()["status"] == "cancelled"
        await stock_is(house, sale, free=10, held=0, sold=0)
        # It was only reserved, so it is let go of.
        await money_ends(house, booking["id"], "refunded", "voided")
        again = await fan.hold(sale, 4)
        assert again.status_code in (201, 403), again.text


async def test_a_silent_gateway_is_asked_again(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    refund = SimulatedGateway.refund

    async def silent(gateway: SimulatedGateway, key: str) -> None:
        raise GatewayTimeout

    monkeypatch.setattr(SimulatedGateway, "refund", silent)
    sale = await cancellable_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        booking = await booked(fan, sale)
        ended = (await cancel(fan, booking)).json()
        assert (ended["status"], ended["refund"]) == ("cancelled", "on_its_way")
        assert "is on its way back to you" in (await fan.get(f"/bookings/{booking['id']}")).text
        await stock_is(house, sale, free=10, held=0, sold=0)
        monkeypatch.setattr(SimulatedGateway, "refund", refund)
        # It was put off, and its time has come.
        await house.database.execute(update(tables.payments).values(due_at=now()))
        await cashier_of(house)._sweep_once()
        await money_ends(house, booking["id"], "refunded", "refunded")
        assert "went back the way you paid" in (await fan.get(f"/bookings/{booking['id']}")).text


@pytest.mark.parametrize("step", ["cancel", "by_booking", "note_units_back"])
async def test_who_goes_away_in_the_middle_has_cancelled_all_the_same(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, step: str
):
    reached, gone = asyncio.Event(), asyncio.Event()
    real = getattr(records, step)

    async def slowly(*given: Any) -> Any:
        reached.set()
        await gone.wait()
        return await real(*given)

    monkeypatch.setattr(records, step, slowly)
    sale = await cancellable_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        booking = await booked(fan, sale)
        request = asyncio.create_task(cancel(fan, booking))
        await reached.wait()
        request.cancel()
        with suppress(asyncio.CancelledError):
            await request
        gone.set()
        await money_ends(house, booking["id"], "refunded", "refunded")
        await stock_is(house, sale, free=10, held=0, sold=0)


async def test_a_confirmation_that_is_not_true_any_more_is_withdrawn(settings: Settings, smtp: Mailbox):
    sale = await cancellable_sale(settings)
    smtp.answer = "451 later"
    async with in_process(settings) as house, house.visitor() as fan:
        booking = await booked(fan, sale)

        async def put_off() -> bool:
            return await rows(house, tables.outbox, state="pending", attempts=1) == 1

        await eventually(put_off)
        await cancel(fan, booking)
        smtp.answer = "250 taken"
        waiting = tables.outbox.c.state == "pending"
        await house.database.execute(update(tables.outbox).where(waiting).values(due_at=now()))
        (letter,) = await smtp.wait_for(1)
        assert letter["Subject"].startswith("Cancelled")

        async def quiet() -> bool:
            states = [await rows(house, tables.outbox, state=state) for state in ("withdrawn", "sent")]
            return states == [1, 1]

        await eventually(quiet)
        assert len(smtp.messages) == 1


async def test_the_books_are_read_at_one_moment(settings: Settings):
    """While bookings are cancelled one after another, each is either among the sold or the cancelled."""
    count = 12
    sale = await make_sale(settings, types=[NewTicketType("Standing", 2500, count)], per_user_limit=100)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        ids = []
        for _ in range(count):
            await fan.come_in(sale)
            ids.append((await fan.book((await fan.hold(sale)).json()["id"])).json())
        books, over = await take_stock(house.database, sale.event_id), asyncio.Event()
        assert sorted(books.sold[sale.type_ids[0]]) == list(range(count))

        async def end_all() -> None:
            for booking in ids:
                await cancelled_in_the_books(house, sale, booking)
            over.set()

        ending = asyncio.create_task(end_all())
        while not over.is_set():
            books = await take_stock(house.database, sale.event_id)
            units = sum(len(units) for units in books.sold.values())
            assert units + len(books.cancelled) == count
            assert sum(books.bought.values()) == units
        await ending
        books = await take_stock(house.database, sale.event_id)
        assert (books.sold, sorted(books.cancelled)) == ({}, sorted(booking["id"] for booking in ids))

"""Closing an account and booking or selling by it at once: no closed account has a ticket or an event."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.booking.support import money_ends, rows, services, stock_is, web_only, working
from tests.booking.test_ledger import ends, fans_with_orders
from tests.booking.test_ledger_groups import verdict_on
from tests.house import PASSWORD, House, Sale, make_sale
from ticketflow.domain import BookingStatus, Refusal, Role, User, now
from ticketflow.settings import Settings
from ticketflow.store import bulk, closing, events, sales, tables, users, violations
from ticketflow.store.events import NewSale, NewTicketType


@pytest.fixture
def on_mariadb(settings: Settings) -> Settings:
    """SQLite has one writer at a time: there neither can come between the other's steps."""
    if settings.database_url.startswith("sqlite"):
        pytest.skip("one writer at a time")
    return settings


async def a_fan(house: House) -> User:
    return await users.create(house.database, name="F", email="f@example.com", password_hash="-")


async def close(house: House, user: User) -> None:
    await services(house).accounts._closing.close(user)


async def tickets_of_closed_accounts(house: House) -> int:
    closed = select(tables.users.c.id).where(tables.users.c.closed_at.is_not(None))
    return len(
        await house.database.fetch_all(
            select(tables.tickets.c.id).where(tables.tickets.c.user_id.in_(closed))
        )
    )


async def check_closed_between_look_and_write(
    house: House, sale: Sale, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit has read that the account is open; then it is closed; then the commit writes."""
    fan = await a_fan(house)
    insert_all = bulk.insert_all

    async def closed_meanwhile(*args: Any, **given: Any) -> None:
        monkeypatch.setattr(sales, "insert_all", insert_all)
        await asyncio.create_task(close(house, fan))
        await insert_all(*args, **given)

    monkeypatch.setattr(sales, "insert_all", closed_meanwhile)
    verdict = verdict_on(sale, 0, user_id=fan.id, units=(1,))
    with pytest.raises(violations.UNIQUE):
        await sales.commit(house.database, [verdict])
    assert await rows(house, tables.bookings) == 0
    (written,) = await sales.commit(house.database, [verdict])
    assert (written.status, written.reason) == (BookingStatus.REFUSED, "account_closed")
    assert await tickets_of_closed_accounts(house) == 0


async def test_a_commit_sees_who_has_closed_meanwhile(on_mariadb: Settings, monkeypatch: pytest.MonkeyPatch):
    sale = await make_sale(on_mariadb)
    async with web_only(on_mariadb) as house:
        await check_closed_between_look_and_write(house, sale, monkeypatch)


async def test_control_without_the_guard_a_closed_account_has_a_ticket(
    on_mariadb: Settings, monkeypatch: pytest.MonkeyPatch
):
    sale = await make_sale(on_mariadb)
    monkeypatch.setattr(sales, "_GUARDS", {})
    async with web_only(on_mariadb) as house:
        with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
            await check_closed_between_look_and_write(house, sale, monkeypatch)
        assert await tickets_of_closed_accounts(house) == 1


async def check_closing_sees_what_is_being_written(
    house: House, sale: Sale, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit has written and not ended when the account is to be closed."""
    fan = await a_fan(house)
    insert_all, ending = bulk.insert_all, list[asyncio.Task[None]]()

    async def close_meanwhile(*args: Any, **given: Any) -> None:
        await insert_all(*args, **given)
        ending.append(asyncio.create_task(close(house, fan)))
        await asyncio.wait(ending, timeout=0.5)

    monkeypatch.setattr(sales, "insert_all", close_meanwhile)
    await sales.commit(house.database, [verdict_on(sale, 0, user_id=fan.id, units=(1,))])
    with pytest.raises(Refusal) as refused:
        await ending[0]
    assert refused.value.code == "tickets_ahead"
    assert await tickets_of_closed_accounts(house) == 0


async def test_closing_waits_for_a_commit(on_mariadb: Settings, monkeypatch: pytest.MonkeyPatch):
    sale = await make_sale(on_mariadb)
    async with web_only(on_mariadb) as house:
        await check_closing_sees_what_is_being_written(house, sale, monkeypatch)


async def only_look(database: Any, user_id: int) -> str:
    """In the place of the lock: who comes meanwhile need not wait."""
    user = await users.by_id(database, user_id)
    assert user is not None
    return user.email


async def test_control_without_the_lock_it_does_not_wait(
    on_mariadb: Settings, monkeypatch: pytest.MonkeyPatch
):
    sale = await make_sale(on_mariadb)
    monkeypatch.setattr(closing, "lock", only_look)
    async with web_only(on_mariadb) as house:
        with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
            await check_closing_sees_what_is_being_written(house, sale, monkeypatch)


async def test_who_is_paying_cannot_close(settings: Settings):
    sale = await make_sale(settings)
    async with web_only(settings) as house:
        ((fan, where),) = await fans_with_orders(house, sale, 1)
        body = {"current_password": PASSWORD}
        refused = await fan.request("DELETE", "/api/me", json=body)
        assert (refused.status_code, refused.json()["code"]) == (409, "tickets_ahead")
        assert [b["event"] for b in refused.json()["bookings"]] == ["A sale for tests"]
        async with working(settings):
            assert (await ends(fan, where))["status"] == "confirmed"
        await fan.aclose()


async def test_an_order_of_an_account_closed_since_is_refused_and_its_units_are_free(settings: Settings):
    """As when somebody asks for both at once: the order came after closing had looked for orders."""
    sale = await make_sale(settings)
    async with web_only(settings) as house:
        ((fan, where),) = await fans_with_orders(house, sale, 1)
        user_id = (await fan.get("/api/me")).json()["id"]
        async with house.database.transaction():
            assert await closing.lock(house.database, user_id)
            await closing.anonymise(house.database, user_id)
        async with working(settings):
            await stock_is(house, sale, free=500, held=0, sold=0)
            await money_ends(house, where.rpartition("/")[2], "voided", "voided")
        booking = await house.database.fetch_one(select(tables.bookings))
        assert booking is not None
        assert booking["reason"] == "account_closed"
        assert await tickets_of_closed_accounts(house) == 0
        await fan.aclose()


NEW_SALE = NewSale(
    slug="late",
    name="A late sale",
    venue="The test hall",
    starts_at=now() + timedelta(days=30),
    sale_starts_at=now() + timedelta(days=1),
    lobby_opens_at=None,
    currency="EUR",
    per_user_limit=4,
    published=False,
    rate_per_minute=60,
    max_active=10,
    types=[NewTicketType("Standing", 2500, 3)],
)


async def an_organiser(house: House) -> User:
    return await users.create(
        house.database, name="O", email="o@example.com", password_hash="-", role=Role.ORGANISER
    )


async def test_a_closed_account_makes_no_event(settings: Settings):
    async with web_only(settings) as house:
        organiser = await an_organiser(house)
        await close(house, organiser)
        with pytest.raises(Refusal) as refused:
            await events.create(house.database, organiser.id, NEW_SALE)
        assert refused.value.code == "not_signed_in"
        assert await rows(house, tables.events) == 0


async def check_closing_sees_the_event_that_is_being_made(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account was found open, and the event is not written yet, when the account is to be closed."""
    organiser = await an_organiser(house)
    lock, ending = closing.lock, list[asyncio.Task[None]]()

    async def close_meanwhile(*args: Any) -> str | None:
        monkeypatch.setattr(closing, "lock", lock)
        email = await lock(*args)
        ending.append(asyncio.create_task(close(house, organiser)))
        await asyncio.wait(ending, timeout=0.5)
        return email

    monkeypatch.setattr(closing, "lock", close_meanwhile)
    await events.create(house.database, organiser.id, NEW_SALE)
    with pytest.raises(Refusal) as refused:
        await ending[0]
    assert refused.value.code == "has_events"


async def test_closing_waits_for_an_event_that_is_being_made(
    on_mariadb: Settings, monkeypatch: pytest.MonkeyPatch
):
    async with web_only(on_mariadb) as house:
        await check_closing_sees_the_event_that_is_being_made(house, monkeypatch)


async def test_control_without_the_lock_a_closed_account_has_an_event(
    on_mariadb: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(closing, "lock", only_look)
    async with web_only(on_mariadb) as house:
        with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
            await check_closing_sees_the_event_that_is_being_made(house, monkeypatch)
        assert await rows(house, tables.events) == 1

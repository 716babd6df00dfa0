"""The last guards are the database's own: many commits at once, as of ledgers that know of no other.

Redis is not asked here: whatever it believes, this must hold. MariaDB only, for SQLite has one writer anyway.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from databases import Database
from sqlalchemy import Table, func, select

from tests.house import Sale, make_sale, settings_for
from ticketflow.clients import make_database
from ticketflow.domain import BookingStatus, Order, PaymentStatus, now
from ticketflow.settings import Settings
from ticketflow.store import sales, tables, users, violations
from ticketflow.store.bulk import insert_all
from ticketflow.store.sales import Verdict

AT_ONCE = 20
LIMIT = 2


@pytest.fixture
def settings(mariadb_url: str, prefix: str) -> Settings:
    return settings_for(
        database_url=mariadb_url, redis_url="redis://nobody", smtp_url="smtp://nobody", prefix=prefix
    )


@pytest.fixture
async def sale(settings: Settings) -> Sale:
    return await make_sale(settings, per_user_limit=LIMIT)


@pytest.fixture
async def database(settings: Settings, sale: Sale) -> AsyncIterator[Database]:
    """With a connection for each of those who commit at once."""
    database = make_database(settings)
    await database.connect()
    yield database
    await database.disconnect()


async def verdicts(
    database: Database, sale: Sale, units: Sequence[int], *, fans: int, booking: str = ""
) -> list[Verdict]:
    """A confirmed order of one ticket for each of the units, by so many fans in turn."""
    ids = [
        (await users.create(database, name="A fan", email=f"fan-{n}@example.com", password_hash="none")).id
        for n in range(fans)
    ]
    orders = [
        Order(
            entry_id=f"{n}-0",
            booking_id=f"{booking or n:0>32}",
            request_hash="hash",
            hold_id=f"{sale.event_id}-hold-{n}",
            event_id=sale.event_id,
            user_id=ids[n % fans],
            visitor="visitor",
            ticket_type_id=sale.type_ids[0],
            units=(unit,),
            amount=2500,
            currency="EUR",
            method="card-ok",
            keep_hold=False,
            submitted_at=now(),
        )
        for n, unit in enumerate(units)
    ]
    return [Verdict(order, BookingStatus.CONFIRMED, PaymentStatus.AUTHORISED) for order in orders]


async def commit_all_at_once(database: Database, all_of_them: Sequence[Verdict]) -> None:
    """Each in a transaction of its own; those the database refuses are left."""

    async def commit(verdict: Verdict) -> None:
        # Who gives way to another (a deadlock) tries again, as the ledger does.
        for _ in range(AT_ONCE):
            try:
                await sales.commit(database, [verdict])
            except violations.BROKEN:
                continue
            except violations.UNIQUE:
                pass
            return

    await asyncio.gather(*(commit(verdict) for verdict in all_of_them))


async def drop_unique(database: Database, table: str, *columns: str) -> None:
    """Take a constraint out; a plain index stands in for those who need one."""
    found = await database.fetch_all(
        "SELECT index_name AS name, GROUP_CONCAT(column_name ORDER BY seq_in_index) AS cols"
        " FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = :t"
        " AND NOT non_unique GROUP BY index_name",
        {"t": table},
    )
    (name,) = [row["name"] for row in found if row["cols"] == ",".join(columns)]
    await database.execute(f"CREATE INDEX instead ON {table} ({', '.join(columns)})")
    await database.execute(f"ALTER TABLE {table} DROP INDEX `{name}`")


async def count(database: Database, table: Table) -> int:
    return int(await database.fetch_val(select(func.count()).select_from(table)))


async def test_of_many_commits_of_one_unit_one_is_written(database: Database, sale: Sale):
    await commit_all_at_once(database, await verdicts(database, sale, [7] * AT_ONCE, fans=AT_ONCE))
    assert await count(database, tables.tickets) == await count(database, tables.bookings) == 1


async def test_control_without_its_constraint_a_unit_is_sold_twice(database: Database, sale: Sale):
    await drop_unique(database, "tickets", "ticket_type_id", "unit")
    await commit_all_at_once(database, await verdicts(database, sale, [7] * AT_ONCE, fans=AT_ONCE))
    assert await count(database, tables.tickets) > 1


async def test_of_many_commits_of_one_user_the_limit_is_written(database: Database, sale: Sale):
    asked = await verdicts(database, sale, range(AT_ONCE), fans=1)
    for _ in range(LIMIT):  # who was refused for a slot that another has taken sees it the next time
        await commit_all_at_once(database, asked)
    assert await count(database, tables.tickets) == LIMIT


async def test_control_without_its_constraint_a_user_has_more(
    database: Database, sale: Sale, monkeypatch: pytest.MonkeyPatch
):
    """One more than may has looked before the first of them writes."""
    together, looked = asyncio.Barrier(LIMIT + 1), 0

    async def once_all_have_looked(*given: Any, **named: Any) -> None:
        nonlocal looked
        looked += 1
        if looked <= LIMIT + 1:
            await together.wait()
        await insert_all(*given, **named)

    monkeypatch.setattr(sales, "insert_all", once_all_have_looked)
    await drop_unique(database, "tickets", "event_id", "user_id", "slot")
    await commit_all_at_once(database, await verdicts(database, sale, range(AT_ONCE), fans=1))
    assert await count(database, tables.tickets) > LIMIT


async def test_of_many_commits_of_one_booking_one_is_written_with_one_letter(database: Database, sale: Sale):
    asked = await verdicts(database, sale, range(AT_ONCE), fans=1, booking="b")
    await commit_all_at_once(database, asked)
    for table in (tables.bookings, tables.tickets, tables.payments, tables.outbox):
        assert await count(database, table) == 1, table.name


async def letters_of_one_booking(database: Database, sale: Sale) -> int:
    """Write the booking's letter again and again, past the look whether the booking is known."""
    asked = await verdicts(database, sale, [0], fans=1)
    await commit_all_at_once(database, asked)
    for _ in range(3):
        try:
            letters = [sales._letter(verdict.order, "fan@example.com", now()) for verdict in asked]
            await insert_all(database, [(tables.outbox, letters)])
        except violations.UNIQUE:
            continue
    return await count(database, tables.outbox)


async def test_a_booking_has_one_letter_however_often_it_is_written(database: Database, sale: Sale):
    assert await letters_of_one_booking(database, sale) == 1


async def test_control_without_its_constraint_a_booking_has_two_letters(database: Database, sale: Sale):
    await drop_unique(database, "outbox", "kind", "booking_id")
    assert await letters_of_one_booking(database, sale) > 1

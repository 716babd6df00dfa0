"""Connections come back from tasks that are cancelled, and from a server that was away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Any

import aiomysql
import aiosqlite
import pymysql
import pytest
from databases import Database
from sqlalchemy import func, insert, select

from tests.booking.cutting import Cut, driven
from tests.house import sqlite_is_quiet
from ticketflow import clients
from ticketflow.domain import now
from ticketflow.settings import Settings
from ticketflow.store import violations
from ticketflow.store.tables import users

PATIENCE_SECONDS = 2.0
BUSY_MS = 500


class _Impatient(clients._SharedSQLite):
    """Gives up soon on a lock that nobody will give back."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute(f"PRAGMA busy_timeout={BUSY_MS}")


@pytest.fixture
async def database(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """With one connection, so that the first that is lost is missed; closed by force."""
    opened: list[aiosqlite.Connection] = []
    connect = aiosqlite.connect

    def noted(*args: Any, **given: Any) -> aiosqlite.Connection:
        opened.append(connect(*args, **given))
        return opened[-1]

    monkeypatch.setattr(aiosqlite, "connect", noted)
    monkeypatch.setattr(clients, "_SharedSQLite", _Impatient)
    database = clients.make_database(replace(settings, database_pool=1))
    await database.connect()
    if settings.database_url.startswith("sqlite"):
        await database.execute("PRAGMA journal_mode=WAL")
    yield database
    pool: Any = database._backend._pool
    if hasattr(pool, "terminate"):
        pool.terminate()
    for connection in opened:
        if connection._connection is not None:
            await connection.close()
    await database.disconnect()
    await sqlite_is_quiet()


@pytest.fixture
def as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "SteadyDatabase", Database)


def somebody(email: str) -> Any:
    row = {"name": "Somebody", "email": email, "password_hash": "none", "role": "fan", "created_at": now()}
    return insert(users).values(row)


async def two_rows(database: Database, number: int) -> None:
    async with database.transaction():
        await database.execute(somebody(f"first-{number}@example.com"))
        await database.fetch_all(select(users.c.id))
        await database.execute(somebody(f"second-{number}@example.com"))


async def others_can_write(database: Database, number: int) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.create_task(database.execute(somebody(f"other-{number}@example.com")))
    except (TimeoutError, *violations.BROKEN):
        return False
    return True


async def first_harm(database: Database, late: bool) -> int | None:
    """Cut a transaction at each of its waits; gives the cut after which nobody else could write."""
    for number in count(1):
        cut = Cut(number, late)
        await asyncio.wait([asyncio.create_task(driven(two_rows(database, number), cut))])
        if not await others_can_write(database, number):
            return number
        pairs = await database.fetch_val(
            select(func.count()).where(
                users.c.email.in_([f"{n}-{number}@example.com" for n in ("first", "second")])
            )
        )
        assert pairs in (0, 2)
        if not cut.made:
            assert (pairs, number > 4) == (2, True)
            return None
    raise AssertionError("it never ends")


@pytest.mark.parametrize("late", [False, True], ids=["early", "late"])
async def test_a_cut_transaction_is_whole_or_nothing_and_keeps_no_connection(database: Database, late: bool):
    assert await first_harm(database, late) is None


@pytest.mark.usefixtures("as_it_comes")
@pytest.mark.parametrize("late", [False, True], ids=["early", "late"])
async def test_control_as_it_comes_a_cut_transaction_keeps_its_connection(database: Database, late: bool):
    assert await first_harm(database, late) is not None


async def times_lost(database: Database) -> int:
    """Cut the server's end of the connection off, and begin anew: how often until nobody gets through?"""
    for number in range(3):
        async with database.connection() as connection:
            found: Any = connection.raw_connection
            found._writer.transport.abort()
            with pytest.raises(violations.BROKEN):
                await two_rows(database, number)
        if not await others_can_write(database, number):
            return number
    return 3


async def first_loss(database: Database, monkeypatch: pytest.MonkeyPatch) -> int | None:
    """Begin while the server is away, then when it is back; gives when nobody got through any more."""

    async def away(connection: object) -> None:
        raise pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query")

    for number in range(3):
        with monkeypatch.context() as server:
            server.setattr(aiomysql.Connection, "begin", away)
            with pytest.raises(violations.BROKEN):
                await asyncio.create_task(two_rows(database, number))
        if not await others_can_write(database, number):
            return number
    return None


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
async def test_a_server_that_was_away_costs_no_connection(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    assert await first_loss(database, monkeypatch) is None


@pytest.mark.usefixtures("as_it_comes")
@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
async def test_control_as_it_comes_it_costs_one(database: Database, monkeypatch: pytest.MonkeyPatch):
    assert await first_loss(database, monkeypatch) is not None


async def test_a_transaction_inside_another_is_a_part_of_it(database: Database):
    async with database.transaction():
        await database.execute(somebody("outer@example.com"))
        with suppress(ZeroDivisionError):
            async with database.transaction():
                await database.execute(somebody("inner@example.com"))
                raise ZeroDivisionError
    assert [row["email"] for row in await database.fetch_all(select(users.c.email))] == ["outer@example.com"]


async def test_closing_waits_for_who_is_still_at_work_and_lends_no_more(database: Database):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def outlives_its_asker() -> None:
        async with database.transaction():
            await database.execute(somebody("late@example.com"))
            begun.set()
            await go_on.wait()
            await database.execute(somebody("later@example.com"))

    working = asyncio.create_task(outlives_its_asker())
    await begun.wait()
    closing = asyncio.create_task(database.disconnect())
    await asyncio.sleep(0)
    with pytest.raises(ConnectionError):
        await asyncio.create_task(database.execute(somebody("too-late@example.com")))
    assert not closing.done()
    go_on.set()
    await working
    await closing
    await database.connect()
    found = await database.fetch_all(select(users.c.email))
    assert [row["email"] for row in found] == ["late@example.com", "later@example.com"]

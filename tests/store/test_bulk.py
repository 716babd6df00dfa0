"""Rows that travel as one JSON parameter arrive as they were, on both databases."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pymysql
import pytest
from databases import Database
from sqlalchemy import select

from ticketflow.clients import make_database
from ticketflow.settings import Settings
from ticketflow.store import violations
from ticketflow.store.bulk import given_values, insert_all, insertion
from ticketflow.store.tables import users

JOINED = datetime(2026, 11, 22, 22, 34, 24, 123456, UTC)
NAMES = ["O'Neil", 'a "quote"', "back\\slash\n\ttab", "100% :given %s $", "Zażółć 🎫", "null", "", "0x41"]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with make_database(Settings(database_url=database_url)) as opened:
        yield opened


def user(number: int, **given: Any) -> dict[str, Any]:
    email = f"{number}@example.com"
    row = {"name": "A fan", "email": email, "verified_email": email, "password_hash": "none", "role": "fan"}
    return {**row, "created_at": JOINED, **given}


async def test_whatever_is_written_is_read_back(database: Database):
    elsewhere = JOINED.astimezone(timezone(timedelta(hours=5, minutes=30)))
    rows = [user(number, name=name, created_at=elsewhere) for number, name in enumerate(NAMES)]
    await database.execute(insertion(database, users, rows))
    found = await database.fetch_all(select(users).order_by(users.c.id))
    assert [row["name"] for row in found] == NAMES
    assert {row["created_at"] for row in found} == {JOINED}


async def test_values_are_joined_by_their_exact_letters(database: Database):
    rows = [user(number, email=email) for number, email in enumerate(["ab", "aB", "it's", "c"])]
    await database.execute(insertion(database, users, rows))
    asked = given_values(database, users.c.email, ["aB", "it's", "nobody"])
    found = await database.fetch_all(
        select(users.c.email).join_from(asked, users, users.c.email == asked.c.email)
    )
    assert sorted(row["email"] for row in found) == ["aB", "it's"]


async def test_one_row_too_many_and_none_is_written(database: Database):
    with pytest.raises(violations.UNIQUE):
        await database.execute(insertion(database, users, [user(1), user(2), user(1)]))
    with pytest.raises(violations.UNIQUE):
        await database.execute(insertion(database, users, [user(3), user(4, name=None)]))
    assert await database.fetch_all(select(users)) == []


@pytest.mark.parametrize("length", [255, 256, 300])
async def test_what_is_too_long_is_never_cut(database: Database, length: int):
    """SQLite has no lengths; MariaDB must refuse rather than shorten."""
    statement = insertion(database, users, [user(1, password_hash="x" * length)])
    if length > 255 and database.url.dialect != "sqlite":
        with pytest.raises(pymysql.err.DataError, match="too long"):
            await database.execute(statement)
        return
    await database.execute(statement)
    assert await database.fetch_val(select(users.c.password_hash)) == "x" * length


async def test_rows_of_several_tables_are_written_in_one_go(database: Database):
    for number, name in enumerate(NAMES):
        await insert_all(
            database, [(users, [user(number, name=name)]), (users, []), (users, [user(number + 100)])]
        )
    found = await database.fetch_all(select(users).order_by(users.c.id))
    assert [row["name"] for row in found[::2]] == NAMES
    assert [row["email"] for row in found[1::2]] == [
        f"{number + 100}@example.com" for number in range(len(NAMES))
    ]


async def test_one_table_too_many_and_the_transaction_writes_none(database: Database):
    with pytest.raises(violations.UNIQUE):
        async with database.transaction():
            await insert_all(
                database, [(users, [user(1)]), (users, [user(2)]), (users, [user(1)]), (users, [user(3)])]
            )
    assert await database.fetch_all(select(users)) == []

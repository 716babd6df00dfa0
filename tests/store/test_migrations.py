"""The migrated schema is the schema in code; every migration goes up and down on both engines."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy

from tests.servers import create_tables
from ticketflow.store import migrate
from ticketflow.store.tables import metadata


@pytest.fixture(params=["sqlite", "mariadb"])
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty(engine_name: str, request: pytest.FixtureRequest, tmp_path) -> Iterator[str]:
    """The address of a database without tables."""
    yield from database(engine_name, request, tmp_path / "empty.db")


@pytest.fixture
def as_in_code(engine_name: str, request: pytest.FixtureRequest, tmp_path) -> Iterator[str]:
    """The address of a database whose tables were made from the code."""
    for url in database(engine_name, request, tmp_path / "code.db"):
        create_tables(migrate.sync_url(url), metadata)
        yield url


def test_the_migrated_schema_equals_the_tables_in_code(empty: str, as_in_code: str):
    migrate.upgrade(empty)
    assert shape(empty) == shape(as_in_code)


def test_a_difference_is_seen(empty: str, as_in_code: str):
    """The control: the comparison above can fail."""
    migrate.upgrade(empty)
    execute(empty, "ALTER TABLE bookings DROP COLUMN hold_id")
    assert shape(empty) != shape(as_in_code)


def test_down_leaves_nothing_and_up_again_works(empty: str):
    migrate.upgrade(empty)
    migrate.downgrade(empty)
    assert set(shape(empty)) == set()
    migrate.upgrade(empty)
    assert set(shape(empty)) == set(metadata.tables)


def test_going_up_twice_changes_nothing(empty: str):
    migrate.upgrade(empty)
    once = shape(empty)
    migrate.upgrade(empty)
    assert shape(empty) == once


def database(engine_name: str, request: pytest.FixtureRequest, file) -> Iterator[str]:
    if engine_name == "sqlite":
        yield f"sqlite+aiosqlite:///{file}"
        return
    with request.getfixturevalue("mariadb").fresh(sqlalchemy.MetaData()) as url:
        yield url


def shape(url: str) -> dict[str, Any]:
    """Everything the engine says about its tables, in one order."""
    inspected = sqlalchemy.inspect(engine(url))
    return {
        table: {
            "columns": [{**column, "type": str(column["type"])} for column in inspected.get_columns(table)],
            "primary key": inspected.get_pk_constraint(table),
            "foreign keys": sorted(inspected.get_foreign_keys(table), key=str),
            "unique": sorted(inspected.get_unique_constraints(table), key=str),
            "indexes": sorted(inspected.get_indexes(table), key=str),
            "checks": sorted(inspected.get_check_constraints(table), key=str),
            "options": inspected.get_table_options(table),
        }
        for table in inspected.get_table_names()
        if table != "alembic_version"
    }


def execute(url: str, statement: str) -> None:
    with engine(url).begin() as connection:
        connection.execute(sqlalchemy.text(statement))


def engine(url: str) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(migrate.sync_url(url), poolclass=sqlalchemy.NullPool)


def test_an_account_from_before_has_proven_its_address_and_none_is_lost_on_the_way_back(empty: str):
    migrate.upgrade(empty, "0002")
    values = "(name, email, password_hash, role, created_at) VALUES ('{0}', '{1}', '-', 'fan', '2026-01-01')"
    execute(empty, f"INSERT INTO users {values.format('Ann', 'ann@example.com')}")
    migrate.upgrade(empty)
    assert accounts(empty) == [("Ann", "ann@example.com", "ann@example.com")]
    execute(empty, f"INSERT INTO users {values.format('Bob', 'ann@example.com')}")
    execute(empty, f"INSERT INTO users {values.format('Cleo', 'bob@example.com')}")
    execute(
        empty,
        "INSERT INTO outbox (kind, recipient, message_id, state, due_at, created_at, user_id) "
        "VALUES ('verify', 'ann@example.com', '<1>', 'pending', '2026-01-01', '2026-01-01', 1)",
    )
    migrate.downgrade(empty, "0002")
    rows = query(empty, "SELECT name, email FROM users ORDER BY id")
    assert rows == [("Ann", "ann@example.com"), ("Bob", "second-2@invalid"), ("Cleo", "bob@example.com")]
    assert query(empty, "SELECT COUNT(*) FROM outbox") == [(0,)]
    migrate.upgrade(empty)
    assert len(accounts(empty)) == 3


def test_a_look_at_accounts_from_before_names_no_address_any_more(empty: str):
    migrate.upgrade(empty, "0003")
    execute(
        empty,
        "INSERT INTO users (name, email, password_hash, role, created_at) "
        "VALUES ('A', 'a@example.com', '-', 'admin', '2026-01-01')",
    )
    before = sqlalchemy.text(
        "INSERT INTO audit (at, actor_id, action, `after`) VALUES ('2026-01-01', 1, :action, :after)"
    )
    look, role = '{"email": "ann@example.com", "accounts": [7]}', '{"account": 7, "role": "fan"}'
    with engine(empty).begin() as connection:
        connection.execute(before, {"action": "account.look", "after": look})
        connection.execute(before, {"action": "account.role", "after": role})
    migrate.upgrade(empty)
    said = query(empty, "SELECT action, `after` FROM audit ORDER BY id")
    assert said == [("account.look", '{"accounts": [7]}'), ("account.role", role)]


def accounts(url: str) -> list[tuple[Any, ...]]:
    return query(url, "SELECT name, email, verified_email FROM users ORDER BY id")


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    with engine(url).connect() as connection:
        return [tuple(row) for row in connection.execute(sqlalchemy.text(statement))]


def test_sessions_and_tokens_from_before_are_what_they_were(empty: str):
    """What was signed out everywhere stays so; a token that worked works."""
    migrate.upgrade(empty, "0003")
    execute(
        empty,
        "INSERT INTO users (name, email, password_hash, role, created_at, session_epoch) VALUES "
        "('Ann', 'a', '-', 'fan', '2026-01-01', 0), ('Bob', 'b', '-', 'fan', '2026-01-01', 4)",
    )
    execute(
        empty,
        "INSERT INTO api_tokens (user_id, name, token_hash, abilities, created_at) "
        "SELECT id, 'A till', name, 'read', '2026-01-01' FROM users",
    )
    migrate.upgrade(empty)
    assert query(empty, "SELECT user_id, session, epoch FROM session_ends") == [(2, None, 4)]
    assert query(empty, "SELECT user_id, session_epoch FROM api_tokens ORDER BY id") == [(1, 0), (2, 4)]
    migrate.downgrade(empty, "0003")
    assert query(empty, "SELECT COUNT(*) FROM api_tokens") == [(2,)]

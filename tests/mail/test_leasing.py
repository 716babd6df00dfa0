"""Letters have one postman at a time, and postmen do not wait for each other."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import sqlalchemy
from databases import Database
from sqlalchemy import Select, insert

from tests.house import make_sale
from tests.mail import letters
from ticketflow.clients import make_database, open_stores
from ticketflow.domain import now
from ticketflow.settings import Settings
from ticketflow.store import outbox, users
from ticketflow.store.outbox import MailState
from ticketflow.store.tables import outbox as table

ROUNDS = 10
A_LEASE = 20


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with open_stores(settings) as stores:
        yield stores.database


async def race(database: Database) -> list[int]:
    """The letters that four postmen have taken in turns that overlap."""
    taken: list[int] = []

    async def take() -> None:
        for _ in range(ROUNDS):
            taken.extend(letter.id for letter in await outbox.lease(database, A_LEASE, 60))

    async with asyncio.TaskGroup() as postmen:
        for _ in range(4):
            postmen.create_task(take())
    return taken


async def test_no_letter_has_two_postmen(settings: Settings, database: Database):
    await letters.book(database, await make_sale(settings), 400)
    taken = await race(database)
    assert len(taken) == len(set(taken)) == 400


async def test_control_without_the_lock_letters_have_two(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Select, "with_for_update", lambda query, **_: query)
    await letters.book(database, await make_sale(settings), 400)
    taken = await race(database)
    assert len(taken) > len(set(taken))


async def lease_beside_another(settings: Settings, database: Database) -> list[int]:
    """What a postman gets while another is in the middle of taking the first five."""
    await letters.book(database, await make_sale(settings), 10)
    other = make_database(settings)
    await other.connect()
    try:
        async with other.transaction():
            theirs = await outbox._lock_due(other, MailState.PENDING, 5)
            async with asyncio.timeout(2):
                mine = await asyncio.create_task(outbox.lease(database, 10, 60))
            assert not {letter.id for letter in mine} & {row["id"] for row in theirs}
            return [letter.id for letter in mine]
    finally:
        await other.disconnect()


async def test_nobody_waits_for_another_postman(settings: Settings, database: Database):
    assert len(await lease_beside_another(settings, database)) == 5


async def test_control_who_does_not_skip_waits(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
):
    lock = Select.with_for_update
    monkeypatch.setattr(Select, "with_for_update", lambda query, **_: lock(query))
    with pytest.raises(TimeoutError):
        await lease_beside_another(settings, database)


async def test_the_oldest_go_first_and_given_back_they_are_the_oldest_again(
    settings: Settings, database: Database
):
    await letters.book(database, await make_sale(settings), 6)
    wanted = await letters.message_ids(database, "pending")
    first = await outbox.lease(database, 3, 60)
    assert [letter.message_id for letter in first] == list(wanted[:3])
    await outbox.give_back(database, first)
    again = await outbox.lease(database, 6, 60)
    assert [letter.message_id for letter in again] == list(wanted)
    assert {letter.attempts for letter in again} == {0}


async def test_what_was_put_off_and_is_given_back_stays_behind_the_others(
    settings: Settings, database: Database
):
    await letters.book(database, await make_sale(settings), 3)
    first, *others = await outbox.lease(database, 3, 60)
    await outbox.put_off(database, first, now())
    await outbox.give_back(database, [*others, *await outbox.lease(database, 1, 60)])
    again = await outbox.lease(database, 3, 60)
    assert [letter.id for letter in again] == [*(letter.id for letter in others), first.id]
    assert {letter.attempts for letter in again} == {0}


async def test_who_has_lost_a_lease_says_nothing_of_the_letter_any_more(
    settings: Settings, database: Database
):
    await letters.book(database, await make_sale(settings), 1)
    (slow,) = await outbox.lease(database, 1, 0.01)
    await asyncio.sleep(0.02)
    (quick,) = await outbox.lease(database, 1, 60)
    await outbox.postpone(database, slow, "too slow", now())
    await outbox.give_up(database, slow, "too slow")
    await outbox.withdraw(database, slow)
    await outbox.give_back(database, [slow])
    assert await letters.states(database) == {"sending": 1}
    await outbox.sent(database, [quick.id])
    assert await letters.states(database) == {"sent": 1}


QUERIES = {
    "ix_outbox_due": "SELECT * FROM outbox WHERE state = 'pending' AND due_at <= UTC_TIMESTAMP(6) "
    "ORDER BY due_at, id LIMIT 50 FOR UPDATE SKIP LOCKED",
    "ix_outbox_sent_event": "SELECT COUNT(*) FROM outbox "
    "WHERE sent_at > UTC_TIMESTAMP(6) - INTERVAL 1 MINUTE",
    "ix_outbox_state": "SELECT * FROM outbox WHERE state = 'failed' ORDER BY id DESC LIMIT 50",
}


async def test_a_hundred_thousand_letters_are_found_by_their_index(settings: Settings, database: Database):
    user = await users.create(database, name="F", email="f@example.com", password_hash="-")
    at = now()
    row = {"kind": "verify", "recipient": "f@example.com", "user_id": user.id, "due_at": at, "created_at": at}
    some = [
        {
            **row,
            "message_id": f"<{number}>",
            "state": "failed" if number % 100 == 0 else "pending" if number % 10 == 1 else "sent",
            "sent_at": at - timedelta(minutes=number),
        }
        for number in range(1000)
    ]
    await database.execute(insert(table).values(some))
    names = "kind, recipient, user_id, due_at, created_at, state, sent_at"
    for copies in range(2):
        tens = " UNION ".join(f"SELECT {copy} AS copy" for copy in range(9))
        await database.execute(
            f"INSERT INTO outbox ({names}, message_id) "  # noqa: S608 - our own names
            f"SELECT {names}, CONCAT(message_id, '-', {copies}, copy) FROM outbox JOIN ({tens}) AS tens"
        )
    engine = sqlalchemy.create_engine(
        settings.database_url.replace("aiomysql", "pymysql"), poolclass=sqlalchemy.NullPool
    )
    with engine.begin() as connection:
        assert connection.execute(sqlalchemy.text("SELECT COUNT(*) FROM outbox")).scalar_one() == 100_000
        connection.execute(sqlalchemy.text("ANALYZE TABLE outbox"))
        for index, query in QUERIES.items():
            plan = connection.execute(sqlalchemy.text(f"EXPLAIN {query}")).mappings().one()
            assert plan["key"] == index, plan
            assert "filesort" not in (plan["Extra"] or ""), plan

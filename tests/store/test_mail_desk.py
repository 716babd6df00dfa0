"""The delivery desk's numbers against a plain recount, its lists by the page, and by which index."""

import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from databases import Database
from sqlalchemy import func, insert, select, update

from tests.house import make_sale, settings_for
from ticketflow.clients import make_database
from ticketflow.domain import Role, User, iso, now
from ticketflow.store import mail_desk, outbox, users
from ticketflow.store import tables as t
from ticketflow.store.mail_counts import MINUTES, WAITING, summary
from ticketflow.store.mail_desk import Scope, Wanted
from ticketflow.store.mail_reasons import Reason, reason_of
from ticketflow.store.outbox import MailState

NOTES = {
    "552 mailbox full": Reason.MAILBOX_FULL,
    "550 5.2.2 over quota": Reason.MAILBOX_FULL,
    "550 5.7.1 not wanted": Reason.REFUSED,
    "550 no such user": Reason.NO_SUCH_ADDRESS,
    "554 no": Reason.REFUSED,
    "SMTPRecipientsRefused: [(451, 'later')]": Reason.PUT_OFF,
    "SMTPServerDisconnected: gone": Reason.SERVER_AWAY,
    "ConnectionRefusedError: 111": Reason.SERVER_AWAY,
    "The booking it tells of does not exist.": Reason.GONE,
    "UndefinedError: 'x' is undefined": Reason.OTHER,
}
ADMIN = User(0, "Admin", "admin@example.com", Role.ADMIN)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = make_database(settings(database_url))
    await made.connect()
    yield made
    await made.disconnect()


def settings(url: str) -> Any:
    return settings_for(database_url=url, redis_url="redis://127.0.0.1:1", smtp_url="smtp://x", prefix="x")


async def sale_of_somebody(url: str, database: Database) -> tuple[int, User]:
    """A sale, and its organiser."""
    sale = await make_sale(settings(url))
    row = await database.fetch_one(select(t.users.c.id).where(t.users.c.email == sale.organiser_email))
    assert row is not None
    owner = await users.by_id(database, row["id"])
    assert owner is not None
    return sale.event_id, owner


def letter(at: datetime, event_id: int | None, **given: Any) -> dict[str, Any]:
    return {
        "kind": "booking_confirmed",
        "event_id": event_id,
        "recipient": f"{secrets.token_hex(4)}@example.com",
        "message_id": f"<{secrets.token_hex(12)}@x>",
        "state": "sent",
        "attempts": 1,
        "due_at": at,
        "created_at": at,
        "sent_at": None,
        "last_error": None,
        **given,
    }


async def write(database: Database, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), 500):
        await database.execute(insert(t.outbox).values(rows[start : start + 500]))


def any_letters(chance: random.Random, events: list[int], at: datetime, count: int) -> list[dict[str, Any]]:
    """Letters in all states, written one after the other."""
    made = []
    for number in range(count):
        state = chance.choice(list(MailState)).value
        put_back = state in WAITING and chance.random() < 0.4
        minutes = chance.choice([0.2, 0.9, 1.1, 30, 59.5, 61, 500]) * chance.random()
        made.append(
            letter(at - timedelta(seconds=count - number), chance.choice([*events, None]), state=state)
            | {
                "sent_at": at - timedelta(minutes=minutes) if state == "sent" else None,
                "last_error": chance.choice([*NOTES, None]) if state == "failed" else None,
            }
            | (put_back_one(chance, at) if put_back else {})
        )
    return made


def put_back_one(chance: random.Random, at: datetime) -> dict[str, Any]:
    """What stands in a letter of three days ago that was sent or failed, and is to go again."""
    written, minutes = at - timedelta(days=3), 30 * chance.random()
    ended: dict[str, Any] = chance.choice([{"sent_at": written}, {"last_error": "550 no"}])
    return {"created_at": written, "attempts": 0, "due_at": at - timedelta(minutes=minutes), **ended}


def waits_since(row: Any, at: datetime) -> datetime:
    """Of one letter: since it was written, or since it was put back, if nobody has tried it since."""
    again = row["attempts"] == 0 and (row["sent_at"] is not None or row["last_error"] is not None)
    found: datetime = row["created_at"] if not again else row["due_at"] if row["state"] == "pending" else at
    return found


def recount(rows: list[Any], at: datetime) -> dict[str, Any]:
    """The summary's numbers, counted one by one in Python."""
    states = Counter(row["state"] for row in rows)
    waiting = [row for row in rows if row["state"] in WAITING]
    failed = Counter(reason_of(row["last_error"]).value for row in rows if row["state"] == "failed")
    minutes = Counter(
        iso(row["sent_at"].replace(second=0, microsecond=0)) for row in rows if row["sent_at"] is not None
    )
    this_minute = at.replace(second=0, microsecond=0)
    moments = [iso(this_minute - timedelta(minutes=ago)) for ago in reversed(range(MINUTES))]
    since = min((waits_since(row, at) for row in waiting), default=None)
    return {
        "states": {state.value: states[state.value] for state in MailState},
        "waiting": len(waiting),
        "oldest_waiting_since": since and iso(since),
        "sent_last_minute": sum(
            row["sent_at"] is not None and at - row["sent_at"] < timedelta(minutes=1) for row in rows
        ),
        "minutes": [{"at": moment, "sent": minutes[moment]} for moment in moments],
        "reasons": {reason.value: failed[reason.value] for reason in Reason if failed[reason.value]},
    }


async def test_the_numbers_are_those_of_a_plain_recount(database: Database, database_url: str):
    first, owner = await sale_of_somebody(database_url, database)
    second, other = await sale_of_somebody(database_url, database)
    chance = random.Random(7)
    for later in range(3):
        at = now() + timedelta(minutes=10 * later)
        await write(database, any_letters(chance, [first, second], at, 300))
        rows = await database.fetch_all(select(t.outbox))
        for scope, own in (
            (Scope(owner, first), [row for row in rows if row["event_id"] == first]),
            (Scope(other), [row for row in rows if row["event_id"] == second]),
            (Scope(other, first), []),
            (Scope(ADMIN), rows),
            (Scope(ADMIN, second), [row for row in rows if row["event_id"] == second]),
        ):
            told = await summary(database, scope, at)
            assert {name: told[name] for name in recount(own, at)} == recount(own, at)


@pytest.mark.parametrize("how", ["resend", "retry", "retry_all", "given back"])
async def test_a_letter_that_is_put_back_waits_since_then(database: Database, database_url: str, how: str):
    event_id, owner = await sale_of_somebody(database_url, database)
    scope, ago = Scope(owner, event_id), now() - timedelta(days=3)
    ended = {"state": "failed", "last_error": "550 no"}
    await write(database, [letter(ago, event_id, **ended)])
    number = await database.fetch_val(select(func.max(t.outbox.c.id)))
    if how == "retry_all":
        await mail_desk.retry_all(database, scope, Wanted())
    elif how == "resend":
        sent = update(t.outbox).values(state="sent", sent_at=ago, last_error=None)
        await database.execute(sent)
        await mail_desk._put_back(database, [number], MailState.SENT)
    else:
        await mail_desk.retry(database, owner, number)
    if how == "given back":
        leased = await outbox.lease(database, 5, 60)
        assert (await summary(database, scope))["oldest_waiting_seconds"] < 60
        await outbox.give_back(database, leased)
    assert (await summary(database, scope))["oldest_waiting_seconds"] < 60
    await write(database, [letter(now() - timedelta(hours=1), event_id, state="pending", attempts=0)])
    assert 3590 < (await summary(database, scope))["oldest_waiting_seconds"] < 3700


async def test_the_desk_finds_what_is_typed_in_capitals(database: Database, database_url: str):
    event_id, owner = await sale_of_somebody(database_url, database)
    await write(database, [letter(now(), event_id, recipient="fan_1@example.com")])
    for words in ("FAN_1@example.com", " Fan_1", "fan_1@EXAMPLE.COM"):
        found = await mail_desk.letters(database, Scope(owner), Wanted(words=words), None, 5)
        assert [one.recipient for one in found] == ["fan_1@example.com"], words


def test_each_note_has_its_reason():
    assert {note: reason_of(note) for note in NOTES} == NOTES


async def test_the_database_reads_notes_as_python_does(database: Database, database_url: str):
    event_id, owner = await sale_of_somebody(database_url, database)
    rows = [letter(now(), event_id, state="failed", last_error=note) for note in [*NOTES, None, "5", ""]]
    await write(database, rows)
    found = await mail_desk.letters(database, Scope(owner, event_id), Wanted(), None, 100)
    assert len(found) == len(rows)
    assert [one.reason for one in found] == [reason_of(one.error) for one in found]
    for reason in Reason:
        some = await mail_desk.letters(database, Scope(owner), Wanted(reason=reason), None, 100)
        assert [one.id for one in some] == [one.id for one in found if one.reason is reason]


async def test_failed_letters_go_back_in_batches_each_once_and_none_of_anothers(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mail_desk, "BATCH", 60)
    event_id, owner = await sale_of_somebody(database_url, database)
    other_event, other = await sale_of_somebody(database_url, database)
    failed = {"state": "failed", "attempts": 12, "last_error": "550 no"}
    await write(database, [letter(now(), event_id, **failed) for _ in range(500)])
    await write(database, [letter(now(), other_event, **failed), letter(now(), event_id)])
    assert await mail_desk.retry_all(database, Scope(other, event_id), Wanted()) == (0, False)
    assert await mail_desk.retry_all(database, Scope(owner), Wanted(reason=Reason.OTHER)) == (0, False)
    monkeypatch.setattr(mail_desk, "MOST_RETRIED", 120)
    assert await mail_desk.retry_all(database, Scope(owner), Wanted()) == (120, True)
    monkeypatch.setattr(mail_desk, "MOST_RETRIED", 10_000)
    assert await mail_desk.retry_all(database, Scope(owner, event_id), Wanted()) == (380, False)
    rows = await database.fetch_all(select(t.outbox).where(t.outbox.c.state == "pending"))
    assert len(rows) == 500
    assert {(row["event_id"], row["attempts"], row["last_error"]) for row in rows} == {
        (event_id, 0, "550 no")
    }
    told = await database.fetch_all(select(t.audit).where(t.audit.c.action == "mail.retry_all"))
    assert len(told) == 9
    assert {(row["event_id"], row["actor_id"]) for row in told} == {(event_id, owner.id)}


@pytest.fixture
async def crowded(database: Database, database_url: str) -> tuple[Database, int, User]:
    """20,000 letters, of which a few are failed or wait."""
    event_id, owner = await sale_of_somebody(database_url, database)
    other_event, _ = await sale_of_somebody(database_url, database)
    at, rows = now(), []
    for number in range(1_000):
        state = {1: "failed", 2: "pending"}.get(number % 200, "sent")
        of = event_id if number % 2 else other_event
        sent_at = at - timedelta(minutes=number) if state == "sent" else None
        rows.append(letter(at, of, state=state, sent_at=sent_at, last_error="550 no"))
    async with database.transaction():
        for _ in range(20):
            fresh = [
                {**row, "message_id": secrets.token_hex(9), "recipient": f"{secrets.token_hex(4)}@x"}
                for row in rows
            ]
            await write(database, fresh)
    await database.execute("ANALYZE" if database.url.dialect == "sqlite" else "ANALYZE TABLE outbox")
    return database, event_id, owner


async def plan(database: Database, query: Any) -> list[tuple[str, str]]:
    """For each step through the outbox, how it is read and by which index; "" where by none."""
    sqlite = database.url.dialect == "sqlite"
    text = str(query.compile(dialect=database._backend._dialect, compile_kwargs={"literal_binds": True}))
    word = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
    # `databases` fills text in by itself, on each engine in another way.
    text = text.replace("%", "%%") if sqlite else text.replace("%%", "%")
    rows = await database.fetch_all(f"{word} {text}".replace(":", r"\:"))
    if sqlite:
        said = [row["detail"] for row in rows if "outbox" in row["detail"]]
        return [(detail.split()[0], detail.partition("USING ")[2]) for detail in said]
    return [(row["type"], row["key"] or "") for row in rows if row["table"] == "outbox"]


async def test_lists_and_counts_go_by_indexes(
    crowded: tuple[Database, int, User], monkeypatch: pytest.MonkeyPatch
):
    database, event_id, owner = crowded
    own = await database.fetch_val(select(func.min(t.outbox.c.id)).where(t.outbox.c.event_id == event_id))
    asked: list[Any] = []
    read = database.fetch_all

    async def listening(query: Any, *args: Any) -> Any:
        asked.append(query)
        return await read(query, *args)

    monkeypatch.setattr(database, "fetch_all", listening)
    scope = Scope(owner, event_id)
    for wanted in (
        Wanted(state=MailState.FAILED),
        Wanted(state=MailState.SENT),
        Wanted(words="abc"),
        Wanted(words="a" * 32),
        Wanted(words=str(own)),
        Wanted(),
    ):
        await mail_desk.letters(database, scope, wanted, None, 50)
    await summary(database, scope)
    monkeypatch.undo()
    for query in asked:
        steps = await plan(database, query)
        assert steps, str(query)
        for how, index in steps:
            assert how not in ("ALL", "SCAN"), (how, index, str(query))
            assert index, (how, str(query))

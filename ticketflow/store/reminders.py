"""Who wants to be told when a sale opens, and the letters that tell them.

A row is owed a letter while `told_for` is empty, or lies well before the time at which the sale opens now.
The letter's Message-ID is made of event, account and that time, and is unique: so whoever writes at the same
moment, and whoever is killed, there is one letter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from databases import Database
from sqlalchemy import delete, func, insert, select, update

from ticketflow.domain import now
from ticketflow.store import violations
from ticketflow.store.outbox import MailState, announce
from ticketflow.store.tables import events, outbox, reminders, rooms, users

SALE_OPENS = "sale_opens"
MOVED = timedelta(hours=1)
"""A sale that was moved back by more than this is told of again: who came at the old time met a shut door."""
_OPENS_AT = func.coalesce(events.c.lobby_opens_at, events.c.sale_starts_at)


@dataclass(frozen=True)
class Wanted:
    """A letter that is still wanted: to whom, and what they must know."""

    name: str
    moved: bool
    """They were told another time before."""
    opened: bool
    """By the clock or by hand, it is open already."""


async def ask(database: Database, event_id: int, user_id: int) -> bool:
    """Note that the account wants to be told. False if that was noted already."""
    row = {"event_id": event_id, "user_id": user_id, "asked_at": now()}
    try:
        await database.execute(insert(reminders).values(row))
    except violations.UNIQUE:
        return False
    return True


async def asked(database: Database, event_id: int, user_id: int) -> datetime | None:
    """When the account asked, if it did."""
    found: datetime | None = await database.fetch_val(
        select(reminders.c.asked_at).where(_this(event_id, user_id))
    )
    return found


async def take_back(database: Database, event_id: int, user_id: int) -> None:
    """Tell them no more; a letter that has not gone yet does not go."""
    await database.execute(delete(reminders).where(_this(event_id, user_id)))


async def of_user(database: Database, user_id: int) -> list[int]:
    """The events that the account is still to be told of."""
    waiting = (reminders.c.user_id == user_id) & reminders.c.written_at.is_(None)
    query = select(reminders.c.event_id).where(waiting).order_by(reminders.c.asked_at)
    rows = await database.fetch_all(query)
    return [row["event_id"] for row in rows]


async def opening(database: Database, at: datetime, ahead: timedelta) -> list[tuple[int, datetime]]:
    """The events that somebody waits for, that open within `ahead` or are open, each with its time.

    A sale that was opened by hand before its time counts from now on; one that waits for a hand, or is
    closed, does not.
    """
    soon = (rooms.c.mode == "lobby") & rooms.c.manual.is_(False) & (at + ahead >= _OPENS_AT)
    early = rooms.c.mode.in_(("open", "paused"))
    lobby = (rooms.c.mode == "lobby") & (events.c.lobby_opens_at <= at + ahead)
    rows = await database.fetch_all(
        select(events.c.id, _OPENS_AT.label("opens_at"))
        .join_from(events, rooms, rooms.c.event_id == events.c.id)
        .where(events.c.published.is_(True) & (events.c.starts_at > at) & (soon | early | lobby))
        .where(select(reminders.c.user_id).where(reminders.c.event_id == events.c.id).exists())
    )
    # Times that SQL has computed come without their type.
    return [(row["id"], _moment(row["opens_at"])) for row in rows]


async def write_letters(database: Database, event_id: int, opens_at: datetime, most: int) -> int:
    """Write up to `most` of the letters that the event owes, with the note of it, in one transaction. Gives
    how many rows were seen to. If another worker was faster, none."""
    owed = reminders.c.told_for.is_(None) | (reminders.c.told_for < opens_at - MOVED)
    at = now()
    try:
        async with database.transaction():
            rows = await database.fetch_all(
                select(reminders.c.user_id, users.c.verified_email)
                .join_from(reminders, users, users.c.id == reminders.c.user_id)
                .where((reminders.c.event_id == event_id) & owed)
                .where(users.c.verified_email.is_not(None) & users.c.closed_at.is_(None))
                .order_by(reminders.c.user_id)
                .limit(most)
            )
            if not rows:
                return 0
            letters = [_letter(event_id, row["user_id"], row["verified_email"], opens_at, at) for row in rows]
            known = await _known(database, [letter["message_id"] for letter in letters])
            new = [letter for letter in letters if letter["message_id"] not in known]
            if new:
                await database.execute(insert(outbox).values(new))
                announce(database)
            those = (reminders.c.event_id == event_id) & reminders.c.user_id.in_([r["user_id"] for r in rows])
            await database.execute(update(reminders).where(those).values(written_at=at, told_for=opens_at))
    except violations.UNIQUE:
        return 0
    return len(rows)


async def wanted(database: Database, event_id: int, user_id: int, recipient: str) -> Wanted | None:
    """What a letter needs if it is still true now that it is to go: asked for, to a proven address, of a sale
    that is on show."""
    row = await database.fetch_one(
        select(users.c.name, rooms.c.mode)
        .join_from(reminders, users, users.c.id == reminders.c.user_id)
        .join(events, events.c.id == reminders.c.event_id)
        .join(rooms, rooms.c.event_id == events.c.id)
        .where(_this(event_id, user_id) & (users.c.verified_email == recipient))
        .where(events.c.published.is_(True) & (events.c.starts_at > now()) & (rooms.c.mode != "closed"))
    )
    if row is None:
        return None
    before = (outbox.c.kind == SALE_OPENS) & (outbox.c.event_id == event_id) & (outbox.c.user_id == user_id)
    gone = await database.fetch_val(
        select(func.count()).select_from(outbox).where(before & (outbox.c.state == MailState.SENT.value))
    )
    return Wanted(row["name"], moved=bool(gone), opened=row["mode"] != "lobby")


def _letter(event_id: int, user_id: int, recipient: str, opens_at: datetime, at: datetime) -> dict[str, Any]:
    return {
        "kind": SALE_OPENS,
        "event_id": event_id,
        "user_id": user_id,
        "recipient": recipient,
        "message_id": f"<sale.{event_id}.{user_id}.{opens_at.timestamp():.0f}@ticketflow>",
        "state": MailState.PENDING.value,
        "attempts": 0,
        "due_at": at,
        "created_at": at,
    }


async def _known(database: Database, message_ids: Sequence[str]) -> set[str]:
    """Those of the letters that there are: who took their wish back and asked again is not told twice."""
    rows = await database.fetch_all(select(outbox.c.message_id).where(outbox.c.message_id.in_(message_ids)))
    return {row["message_id"] for row in rows}


def _moment(value: Any) -> datetime:
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _this(event_id: int, user_id: int) -> Any:
    return (reminders.c.event_id == event_id) & (reminders.c.user_id == user_id)

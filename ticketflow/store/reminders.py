"""Who wants to be told when a sale opens, and the letters that tell them.

Who asked before the lobby opened is told of the lobby, or of the sale if it has none; who asked while it was
open is told when the sale starts. A row is owed a letter while `told_for` is empty, or lies well before that
time as it is now.
The letter's Message-ID is made of event, account and that time, and is unique: so whoever writes at the same
moment, and whoever is killed, there is one letter.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from databases import Database
from sqlalchemy import ColumnElement, delete, func, insert, select, update

from ticketflow.domain import now
from ticketflow.store import violations
from ticketflow.store.outbox import MailState, announce
from ticketflow.store.tables import events, outbox, reminders, rooms, ticket_types, tickets, users

SALE_OPENS = "sale_opens"
MOVED = timedelta(hours=1)
"""A sale that was moved back by more than this is told of again: who came at the old time met a shut door."""


@dataclass(frozen=True)
class Opening:
    """A time to tell of, and whom: those who asked before or from a moment on, or everybody."""

    event_id: int
    opens_at: datetime
    asked_before: datetime | None = None
    asked_from: datetime | None = None

    @property
    def theirs(self) -> ColumnElement[bool]:
        """Whose wish it is."""
        those = reminders.c.event_id == self.event_id
        if self.asked_before is not None:
            those &= reminders.c.asked_at < self.asked_before
        if self.asked_from is not None:
            those &= reminders.c.asked_at >= self.asked_from
        return those


@dataclass(frozen=True)
class Wanted:
    """A letter that is still wanted: to whom, and what they must know."""

    name: str
    moved: bool
    """They were told another time before."""
    opened: bool
    """The sale has been opened, by the clock or by hand."""
    from_lobby: bool
    """They asked while the lobby was open: it is the sale that they wait for."""


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


async def opening(database: Database, at: datetime, ahead: timedelta) -> list[Opening]:
    """What is to be told of events that somebody waits for, that open within `ahead` or are open.

    A sale that was opened by hand before its time counts from now on; one that waits for a hand, or is
    closed, does not.
    """
    rows = await database.fetch_all(
        select(events.c.id, events.c.lobby_opens_at, events.c.sale_starts_at, rooms.c.mode, rooms.c.manual)
        .join_from(events, rooms, rooms.c.event_id == events.c.id)
        .where(events.c.published.is_(True) & (events.c.starts_at > at) & (rooms.c.mode != "closed"))
        .where(select(reminders.c.user_id).where(reminders.c.event_id == events.c.id).exists())
    )
    return [found for row in rows for found in _openings(row, at + ahead)]


def _openings(row: Any, soon: datetime) -> Iterator[Opening]:
    lobby, sale, opened = row["lobby_opens_at"], row["sale_starts_at"], row["mode"] != "lobby"
    if lobby is not None and (opened or lobby <= soon):
        yield Opening(row["id"], lobby, asked_before=lobby)
    if opened or (sale <= soon and not row["manual"]):
        yield Opening(row["id"], sale, asked_from=lobby)


async def write_letters(database: Database, opening: Opening, most: int) -> int:
    """Write up to `most` of the letters that are owed, with the note of it, in one transaction. Gives how
    many rows were seen to. If another worker was faster, none."""
    event_id, opens_at = opening.event_id, opening.opens_at
    owed = reminders.c.told_for.is_(None) | (reminders.c.told_for < opens_at - MOVED)
    at = now()
    try:
        async with database.transaction():
            rows = await database.fetch_all(
                select(reminders.c.user_id, users.c.verified_email)
                .join_from(reminders, users, users.c.id == reminders.c.user_id)
                .where(opening.theirs & owed)
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
    that is on show, has not ended and has tickets left."""
    row = await database.fetch_one(
        select(users.c.name, rooms.c.mode, reminders.c.asked_at, events.c.lobby_opens_at)
        .join_from(reminders, users, users.c.id == reminders.c.user_id)
        .join(events, events.c.id == reminders.c.event_id)
        .join(rooms, rooms.c.event_id == events.c.id)
        .where(_this(event_id, user_id) & (users.c.verified_email == recipient))
        .where(events.c.published.is_(True) & (events.c.starts_at > now()) & (rooms.c.mode != "closed"))
    )
    if row is None:
        return None
    opened, lobby = row["mode"] != "lobby", row["lobby_opens_at"]
    if opened and await _sold_out(database, event_id):
        return None
    told = (outbox.c.kind == SALE_OPENS) & (outbox.c.event_id == event_id) & (outbox.c.user_id == user_id)
    # What they were told before they took a wish back and asked again was another time, but none was moved.
    gone = told & (outbox.c.state == MailState.SENT.value) & (outbox.c.created_at >= row["asked_at"])
    moved = await database.fetch_val(select(func.count()).select_from(outbox).where(gone))
    from_lobby = lobby is not None and row["asked_at"] >= lobby
    return Wanted(row["name"], moved=bool(moved), opened=opened, from_lobby=from_lobby)


async def _sold_out(database: Database, event_id: int) -> bool:
    """By the books: what is only held may come back, and is worth a place in the line."""
    sold = select(func.count()).select_from(tickets).where(tickets.c.event_id == event_id)
    kinds = select(func.sum(ticket_types.c.capacity)).where(ticket_types.c.event_id == event_id)
    row = await database.fetch_one(
        select(sold.scalar_subquery().label("sold"), kinds.scalar_subquery().label("capacity"))
    )
    return row is not None and row["sold"] >= (row["capacity"] or 0)


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


def _this(event_id: int, user_id: int) -> Any:
    return (reminders.c.event_id == event_id) & (reminders.c.user_id == user_id)

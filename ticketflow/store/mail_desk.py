"""The delivery desk: what an organiser reads of the outbox, and a letter's way back into it.

Who asks is in each WHERE: organisers see letters of bookings for their own events, admins all.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from databases import Database
from sqlalchemy import ColumnElement, Select, false, func, select, update

from ticketflow.domain import BookingStatus, Refusal, User, now
from ticketflow.store import audit
from ticketflow.store.mail_reasons import Reason, reason_column
from ticketflow.store.outbox import CLOSED_LETTER, Letter, MailState, announce
from ticketflow.store.ownership import of_event_seen_to_by, of_events_seen_to_by
from ticketflow.store.tables import bookings, outbox, tickets

LEAST_SEARCHED = 3
"""Characters of an address that narrow a search down enough."""
BATCH = 500
"""Letters that one transaction puts back: what it holds, it holds for some milliseconds."""
MOST_RETRIED = 10_000

_LETTER_ID = re.compile(r"[0-9]{1,18}")
_BOOKING_ID = re.compile(r"[0-9a-f]{32}")
_BOOKING_CODE = re.compile(r"[0-9B-Z]{27}")


@dataclass(frozen=True)
class Scope:
    """Whose letters: all that the actor may see, or those of one event among them."""

    actor: User
    event_id: int | None = None

    @property
    def where(self) -> ColumnElement[bool]:
        if self.event_id is None:
            return of_events_seen_to_by(self.actor, outbox.c.event_id)
        # Said twice: by the plain number an index gives the rows in order, by the other they are the actor's.
        theirs = of_event_seen_to_by(self.actor, outbox.c.event_id, self.event_id)
        return (outbox.c.event_id == self.event_id) & theirs


@dataclass(frozen=True)
class Wanted:
    """Which letters of a scope are looked for."""

    state: MailState | None = None
    kind: str | None = None
    words: str | None = None
    reason: Reason | None = None


@dataclass(frozen=True)
class DeskLetter:
    """A letter as the desk shows it."""

    id: int
    kind: str
    state: MailState
    event_id: int | None
    booking_id: str | None
    booking_code: str | None
    recipient: str
    """Empty where it is nobody's to read any more: of an account that is being closed."""
    message_id: str
    attempts: int
    reason: Reason | None
    error: str | None
    """What the postman noted at the last try."""
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None
    user_id: int | None

    @property
    def plain(self) -> Letter:
        """The letter as whoever writes its message takes it: without the link it would bring."""
        return Letter(
            self.id,
            self.kind,
            self.booking_id,
            self.recipient,
            self.message_id,
            self.attempts,
            user_id=self.user_id,
            event_id=self.event_id,
        )


async def letters(
    database: Database, scope: Scope, wanted: Wanted, after: int | None, most: int
) -> list[DeskLetter]:
    """Letters, the newest first, those before the letter `after`."""
    query = _letters().where(scope.where & _those(database, wanted))
    if after is not None:
        query = query.where(outbox.c.id < after)
    rows = await database.fetch_all(query.order_by(outbox.c.id.desc()).limit(most))
    return [_letter(row) for row in rows]


async def letter(database: Database, actor: User, letter_id: int) -> DeskLetter:
    """One letter. Raises `Refusal` not_found for another's as for none."""
    row = await database.fetch_one(_letters().where(Scope(actor).where & (outbox.c.id == letter_id)))
    if row is None:
        raise Refusal("not_found", "There is no such letter of yours.")
    return _letter(row)


async def retry(database: Database, actor: User, letter_id: int) -> None:
    """Put a failed letter back, due now. Raises `Refusal` not_found, letter_not_failed."""
    async with database.transaction():
        found = await letter(database, actor, letter_id)
        if not await _put_back(database, [letter_id], MailState.FAILED):
            raise Refusal(
                "letter_not_failed",
                "Only a letter that has failed can be tried again, and this one has not. Nothing changed.",
                state=found.state.value,
            )
        await _record(database, actor, found, "mail.retry")


async def resend(database: Database, actor: User, letter_id: int) -> None:
    """Send a letter once more that was sent, as the same letter: it keeps its Message-ID.

    Raises `Refusal` not_found, letter_not_sent, letter_outdated.
    """
    async with database.transaction():
        found = await letter(database, actor, letter_id)
        status = await database.fetch_val(
            select(bookings.c.status).where(bookings.c.id == (found.booking_id or ""))
        )
        if status != BookingStatus.CONFIRMED.value:
            raise Refusal(
                "letter_outdated",
                "What this letter says is not so any more, or it brought a link that has ended. Nothing was "
                "sent.",
            )
        if not await _put_back(database, [letter_id], MailState.SENT):
            raise Refusal(
                "letter_not_sent",
                "Only a letter that was sent can be sent again. Nothing was changed.",
                state=found.state.value,
            )
        await _record(database, actor, found, "mail.resend")


async def retry_all(database: Database, scope: Scope, wanted: Wanted) -> tuple[int, bool]:
    """Put the failed letters back that are wanted, `MOST_RETRIED` at most: how many it were, and whether
    some are left.

    In batches, by their number: one that fails again meanwhile is not met twice.
    """
    those = scope.where & (outbox.c.state == MailState.FAILED.value) & _those(database, wanted)
    last, count = 0, 0
    while count < MOST_RETRIED:
        query = select(outbox.c.id).where(those & (outbox.c.id > last)).order_by(outbox.c.id).limit(BATCH)
        ids = [row["id"] for row in await database.fetch_all(query)]
        if not ids:
            return count, False
        last = ids[-1]
        count += await _retry_batch(database, scope.actor, ids, wanted)
    return count, await database.fetch_val(query.where(outbox.c.id > last)) is not None


async def _retry_batch(database: Database, actor: User, ids: list[int], wanted: Wanted) -> int:
    async with database.transaction():
        put_back = await _put_back(database, ids, MailState.FAILED)
        for event_id in sorted(set(put_back.values()), key=lambda found: found or 0):
            of_event = [number for number, of in put_back.items() if of == event_id]
            after = {"letters": len(of_event), "first": min(of_event), "last": max(of_event)}
            asked = {
                name: value for name, value in (("kind", wanted.kind), ("reason", wanted.reason)) if value
            }
            await audit.record(
                database,
                actor_id=actor.id,
                event_id=event_id,
                action="mail.retry_all",
                before=asked or None,
                after=after,
            )
    return len(put_back)


async def _put_back(database: Database, ids: list[int], state: MailState) -> dict[int, int | None]:
    """Make letters due that stand in that state, and give them with their events; one whose address was
    forgotten stays as it is. Inside a transaction.

    By their numbers alone, which the query before has found to be the actor's: a locking read that looked at
    the events as well could keep the ledger waiting for them.
    """
    those = outbox.c.id.in_(ids) & (outbox.c.state == state.value) & (outbox.c.recipient != "")
    rows = await database.fetch_all(select(outbox.c.id, outbox.c.event_id).where(those).with_for_update())
    found = {row["id"]: row["event_id"] for row in rows}
    due = {"state": MailState.PENDING.value, "attempts": 0, "due_at": now(), "lease": None}
    if found:
        await database.execute(update(outbox).where(outbox.c.id.in_(found)).values(**due))
        announce(database)
    return found


async def _record(database: Database, actor: User, found: DeskLetter, action: str) -> None:
    before = {"letter": found.id, "state": found.state.value, "attempts": found.attempts}
    if found.reason:
        before["reason"] = found.reason.value
    await audit.record(
        database, actor_id=actor.id, event_id=found.event_id, action=action, before=before, after=None
    )


def _letters() -> Select[Any]:
    return select(outbox, bookings.c.code.label("code"), reason_column().label("reason")).join_from(
        outbox, bookings, bookings.c.id == outbox.c.booking_id, isouter=True
    )


def _those(database: Database, wanted: Wanted) -> ColumnElement[bool]:
    that = outbox.c.id > 0
    if wanted.state is not None:
        that &= outbox.c.state == wanted.state.value
    if wanted.kind is not None:
        that &= outbox.c.kind == wanted.kind
    if wanted.reason is not None:
        that &= (outbox.c.state == MailState.FAILED.value) & (reason_column() == wanted.reason.value)
    if wanted.words is not None:
        that &= _found_by(database, wanted.words.strip())
    return that


def _found_by(database: Database, words: str) -> ColumnElement[bool]:
    """What somebody types who looks for a letter, each by an index: its number, its booking, a ticket of it,
    or an address or the beginning of one, in capitals or not. What is too short for an address finds
    nothing."""
    words = words.lower()  # as addresses and ids are kept
    if _LETTER_ID.fullmatch(words):
        return outbox.c.id == int(words)
    if _BOOKING_ID.fullmatch(words):
        return outbox.c.booking_id == words
    if _BOOKING_CODE.fullmatch(words.upper()):
        booking = select(bookings.c.id).where(bookings.c.code == words.upper())
        ticket = select(tickets.c.booking_id).where(tickets.c.code == words.upper())
        return outbox.c.booking_id == func.coalesce(booking.scalar_subquery(), ticket.scalar_subquery())
    if len(words) < LEAST_SEARCHED:
        return false()
    # The address of an account that is being closed is not to be found by anybody.
    beginning = outbox.c.recipient.like(f"{_plainly(words)}%", escape="/") & (outbox.c.kind != CLOSED_LETTER)
    if database.url.dialect == "sqlite":
        # Its LIKE takes no index where capitals count in the column.
        return beginning & outbox.c.recipient.between(words, words + chr(0x10FFFF))
    return beginning


def _plainly(words: str) -> str:
    """Words in which no character stands for others."""
    return words.replace("/", "//").replace("%", "/%").replace("_", "/_")


def _letter(row: Any) -> DeskLetter:
    state, hidden = MailState(row["state"]), row["kind"] == CLOSED_LETTER
    return DeskLetter(
        **{name: row[name] for name in ("id", "kind", "event_id", "booking_id", "message_id", "attempts")},
        **{name: row[name] for name in ("created_at", "due_at", "sent_at", "user_id")},
        state=state,
        booking_code=row["code"],
        recipient="" if hidden else row["recipient"],
        reason=Reason(row["reason"]) if state is MailState.FAILED else None,
        # A mail server repeats the address.
        error=None if hidden else row["last_error"],
    )

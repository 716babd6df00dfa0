"""Mail to be sent: written with what it tells of, leased by a worker, kept with its end.

    pending --lease--> sending --the server has it--> sent
       ^                  |----not true any more----> withdrawn
       |---another try----|----no further try-------> failed --retry--> pending

Only who holds the lease may say how a try has ended; that a letter was sent, whoever sent it may say.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from databases import Database
from sqlalchemy import ColumnElement, case, func, insert, literal, select, update

from ticketflow.domain import now
from ticketflow.steady import SteadyDatabase
from ticketflow.store.tables import outbox

CONFIRMATION = "booking_confirmed"
CLOSED_LETTER = "account_closed"
WRITTEN = "outbox"
"""What a database's listener for new letters goes by; see `announce`."""
PUT_BACK = (outbox.c.attempts == 0) & (outbox.c.sent_at.is_not(None) | outbox.c.last_error.is_not(None))
"""Letters that had an end already and are to go again, not tried since. While one is pending, `due_at` is
when it was put back."""


class MailState(StrEnum):
    """`pending` -> `sending` (leased) -> `sent`, or back to `pending` for another try, or `failed`; or
    `withdrawn`, because it was not true any more before it was sent."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Letter:
    id: int
    kind: str
    booking_id: str | None
    recipient: str
    message_id: str
    attempts: int
    user_id: int | None = None
    """The account it tells of, if it tells of no booking."""
    link_id: str | None = None
    event_id: int | None = None
    lease: str | None = None
    """Whose it is now: the same for all that one look has taken."""
    place: datetime | None = None
    """When it was due: its place among the others, if it is given back."""


def new_letter(kind: str, booking_id: str, event_id: int, recipient: str, at: datetime) -> dict[str, Any]:
    """The row of a letter that is due at once."""
    return {
        "kind": kind,
        "booking_id": booking_id,
        "event_id": event_id,
        "recipient": recipient,
        # Made once, so that a letter sent twice is one letter to the reader's mail program.
        "message_id": f"<{booking_id}.{secrets.token_hex(8)}@ticketflow>",
        "state": MailState.PENDING.value,
        "attempts": 0,
        "due_at": at,
        "created_at": at,
    }


def announce(database: Database) -> None:
    """For who has written letters: the postmen are woken once they are committed."""
    if isinstance(database, SteadyDatabase):
        database.after_commit(WRITTEN)


async def write(
    database: Database, kind: str, recipient: str, *, user_id: int | None = None, link_id: str | None = None
) -> None:
    """Write a letter about an account, due at once."""
    at = now()
    row = {
        "kind": kind,
        "user_id": user_id,
        "link_id": link_id,
        "recipient": recipient,
        "message_id": f"<{secrets.token_hex(16)}@ticketflow>",
        "state": MailState.PENDING.value,
        "due_at": at,
        "created_at": at,
    }
    await database.execute(insert(outbox).values(row))
    announce(database)


async def withdraw_resets(database: Database, email: str) -> None:
    """Let nobody be sent a link that was asked for before the password was changed. For who has proven the
    address: what was asked for there by others is not theirs to end."""
    waiting = (outbox.c.state == MailState.PENDING.value) & (outbox.c.kind == "reset")
    await database.execute(
        update(outbox).where(waiting & (outbox.c.recipient == email)).values(state=MailState.WITHDRAWN.value)
    )


async def lease(database: Database, most: int, seconds: float) -> list[Letter]:
    """Take up to `most` letters that are due, the oldest first, for `seconds`.

    A letter whose lease ran out was in the hands of a worker that died: it is due again. Several workers may
    call at once: whose rows another has locked just now are passed over, not waited for.
    """
    due = await next_due(database)
    if due is None or due > now():
        return []  # the usual case: nothing is locked for it
    async with database.transaction():
        rows = await _lock_due(database, MailState.SENDING, most)
        if len(rows) < most:
            rows += await _lock_due(database, MailState.PENDING, most - len(rows))
        token = secrets.token_hex(16)
        await database.execute(
            update(outbox)
            .where(outbox.c.id.in_([row["id"] for row in rows]))
            .values(state=MailState.SENDING.value, lease=token, due_at=now() + timedelta(seconds=seconds))
        )
    return [replace(_letter(row), lease=token, place=_place(row)) for row in rows]


def _place(row: Any) -> datetime:
    """Of one whose lease ran out it is not known any more: it is as old as it is."""
    lost = row["state"] == MailState.SENDING.value
    return row["created_at"] if lost else row["due_at"]  # type: ignore[no-any-return]


async def _lock_due(database: Database, state: MailState, most: int) -> list[Any]:
    # A state at a time: for both at once the index gives no order, and every row that is due would be locked.
    return await database.fetch_all(
        select(outbox)
        .where((outbox.c.state == state.value) & (outbox.c.due_at <= now()))
        .order_by(outbox.c.due_at, outbox.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )


async def next_due(database: Database) -> datetime | None:
    """When the next letter is due, or was; None if none waits."""
    first = [
        select(func.min(outbox.c.due_at)).where(outbox.c.state == state.value).scalar_subquery()
        for state in (MailState.PENDING, MailState.SENDING)
    ]
    row = await database.fetch_one(select(first[0].label("pending"), first[1].label("sending")))
    return min((due for due in (row["pending"], row["sending"]) if due), default=None) if row else None


async def sent(database: Database, letter_ids: Sequence[int]) -> None:
    """Note that the mail server has accepted these. It has, so that holds whoever has the lease by now. Of a
    last letter that is the end of its address, too."""
    last = outbox.c.kind == CLOSED_LETTER
    await database.execute(
        update(outbox)
        .where(outbox.c.id.in_(letter_ids))
        .values(
            state=MailState.SENT.value,
            sent_at=now(),
            lease=None,
            last_error=None,
            attempts=outbox.c.attempts + 1,
            recipient=case((last, ""), else_=outbox.c.recipient),
        )
    )


async def withdraw(database: Database, letter: Letter) -> None:
    """Put a letter aside that must not be sent any more."""
    await database.execute(
        update(outbox).where(_held([letter])).values(state=MailState.WITHDRAWN.value, lease=None)
    )


async def give_back(database: Database, letters: Sequence[Letter]) -> None:
    """Let go of leased letters that were not tried: due again at once, in their old places.

    What was put off stays behind what was not: else letters that nobody can deliver come first for ever.
    """
    places = {letter.id: literal(letter.place, outbox.c.due_at.type) for letter in letters}
    await database.execute(
        update(outbox)
        .where(_held(letters))
        .values(
            state=MailState.PENDING.value,
            lease=None,
            due_at=case(places, value=outbox.c.id, else_=outbox.c.created_at),
        )
    )


async def put_off(database: Database, letter: Letter, until: datetime) -> None:
    """Give a letter back, to be tried again at `until`, with no try counted."""
    await database.execute(
        update(outbox).where(_held([letter])).values(state=MailState.PENDING.value, lease=None, due_at=until)
    )


async def postpone(database: Database, letter: Letter, error: str, until: datetime) -> None:
    """Give a letter back, to be tried again at `until`."""
    await _after_failure(database, letter, error, state=MailState.PENDING.value, due_at=until)


async def give_up(database: Database, letter: Letter, error: str) -> None:
    """Put a letter aside with the reason for which it cannot be delivered.

    A last letter loses its address, and so cannot be tried again: the account it was kept for is closed. Of
    the reason it keeps the first word, a number or a kind; servers say the address again in the others.
    """
    failed: dict[str, Any] = {"state": MailState.FAILED.value}
    if letter.kind == CLOSED_LETTER:
        error, failed["recipient"] = error.partition(" ")[0].rstrip(":"), ""
    await _after_failure(database, letter, error, **failed)


async def _after_failure(database: Database, letter: Letter, error: str, **values: Any) -> None:
    await database.execute(
        update(outbox)
        .where(_held([letter]))
        .values(lease=None, attempts=outbox.c.attempts + 1, last_error=error[:2000], **values)
    )


def _held(letters: Sequence[Letter]) -> ColumnElement[bool]:
    """Those of the letters that are still in the hands of who leased them: not withdrawn, nor taken over."""
    mine = outbox.c.id.in_([letter.id for letter in letters])
    return mine & outbox.c.lease.in_({letter.lease for letter in letters})


async def counts(database: Database, event_id: int) -> dict[str, int]:
    """State -> number of letters about an event."""
    rows = await database.fetch_all(
        select(outbox.c.state, func.count().label("letters"))
        .where(outbox.c.event_id == event_id)
        .group_by(outbox.c.state)
    )
    return {state.value: 0 for state in MailState} | {row["state"]: row["letters"] for row in rows}


def _letter(row: Any) -> Letter:
    return Letter(
        id=row["id"],
        kind=row["kind"],
        booking_id=row["booking_id"],
        recipient=row["recipient"],
        message_id=row["message_id"],
        attempts=row["attempts"],
        user_id=row["user_id"],
        link_id=row["link_id"],
        event_id=row["event_id"],
    )

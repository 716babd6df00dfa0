"""Mail to be sent: written with what it tells of, leased by a worker, kept with its end."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from databases import Database
from sqlalchemy import case, func, insert, null, select, update

from ticketflow.domain import now
from ticketflow.store.tables import outbox

CONFIRMATION = "booking_confirmed"
CLOSED_LETTER = "account_closed"


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


async def withdraw_resets(database: Database, email: str) -> None:
    """Let nobody be sent a link that was asked for before the password was changed. For who has proven the
    address: what was asked for there by others is not theirs to end."""
    waiting = (outbox.c.state == MailState.PENDING.value) & (outbox.c.kind == "reset")
    await database.execute(
        update(outbox).where(waiting & (outbox.c.recipient == email)).values(state=MailState.WITHDRAWN.value)
    )


async def lease(database: Database, most: int, seconds: float) -> list[Letter]:
    """Take up to `most` letters that are due, the oldest first, for `seconds`.

    A letter whose lease ran out was in the hands of a worker that died: it is due again. Several
    workers may call at once: the UPDATE decides who has a letter, the SELECT before it only proposes.
    """
    at = now()
    due = outbox.c.state.in_([MailState.PENDING.value, MailState.SENDING.value]) & (outbox.c.due_at <= at)
    rows = await database.fetch_all(
        select(outbox.c.id).where(due).order_by(outbox.c.due_at, outbox.c.id).limit(most)
    )
    if not rows:
        return []
    token = secrets.token_hex(16)
    await database.execute(
        update(outbox)
        .where(outbox.c.id.in_([row["id"] for row in rows]) & due)
        .values(state=MailState.SENDING.value, lease=token, due_at=at + timedelta(seconds=seconds))
    )
    taken = await database.fetch_all(select(outbox).where(outbox.c.lease == token).order_by(outbox.c.id))
    return [_letter(row) for row in taken]


async def sent(database: Database, letter_ids: Sequence[int]) -> None:
    """Note that the mail server has accepted these. Of a last letter that is the end of its address, too."""
    last = outbox.c.kind == CLOSED_LETTER
    await database.execute(
        update(outbox)
        .where(outbox.c.id.in_(letter_ids))
        .values(
            state=MailState.SENT.value,
            sent_at=now(),
            lease=None,
            attempts=outbox.c.attempts + 1,
            recipient=case((last, ""), else_=outbox.c.recipient),
            last_error=case((last, null()), else_=outbox.c.last_error),
        )
    )


async def withdraw(database: Database, letter_id: int) -> None:
    """Put a letter aside that must not be sent any more."""
    await database.execute(
        update(outbox).where(outbox.c.id == letter_id).values(state=MailState.WITHDRAWN.value, lease=None)
    )


async def give_back(database: Database, letter_ids: Sequence[int]) -> None:
    """Let go of leased letters that were not tried: they are due again at once."""
    ours = outbox.c.id.in_(letter_ids) & (outbox.c.state == MailState.SENDING.value)
    await database.execute(
        update(outbox).where(ours).values(state=MailState.PENDING.value, lease=None, due_at=now())
    )


async def postpone(database: Database, letter_id: int, error: str, until: datetime) -> None:
    """Give a letter back, to be tried again at `until`."""
    await _after_failure(database, letter_id, error, state=MailState.PENDING.value, due_at=until)


async def give_up(database: Database, letter: Letter, error: str) -> None:
    """Put a letter aside with the reason for which it cannot be delivered.

    A last letter loses its address, and so cannot be tried again: the account it was kept for is closed. Of
    the reason it keeps the first word, a number or a kind; servers say the address again in the others.
    """
    failed: dict[str, Any] = {"state": MailState.FAILED.value}
    if letter.kind == CLOSED_LETTER:
        error, failed["recipient"] = error.partition(" ")[0].rstrip(":"), ""
    await _after_failure(database, letter.id, error, **failed)


async def _after_failure(database: Database, letter_id: int, error: str, **values: Any) -> None:
    await database.execute(
        update(outbox)
        .where(outbox.c.id == letter_id)
        .values(lease=None, attempts=outbox.c.attempts + 1, last_error=error[:2000], **values)
    )


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

"""Payments that the gateway has still to end: taken in hand by one sweep at a time, put off when it fails.

    authorised -> captured      void_due -> voided      refund_due -> refunded

Whoever writes such a payment has it in hand, and `due_at` is empty. It is due when that was too long ago, or
at `due_at`: after a failure, or because somebody wants it tried now.
"""

from collections.abc import Sequence
from datetime import timedelta

from databases import Database
from sqlalchemy import ColumnElement, or_, select, update

from ticketflow.domain import PaymentStatus, now
from ticketflow.store.tables import payments

OPEN = (PaymentStatus.AUTHORISED, PaymentStatus.VOID_DUE, PaymentStatus.REFUND_DUE)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
"""How long a payment waits after its first failure, and at most: each pause is twice the one before."""
LONGEST_ERROR = 500


def is_open() -> ColumnElement[bool]:
    return payments.c.status.in_([status.value for status in OPEN])


async def take(database: Database, in_hand_seconds: float, most: int) -> Sequence[tuple[str, PaymentStatus]]:
    """Take up to `most` payments that are due, the oldest first, so that nobody else does for as long.

    What others have locked just now is passed over, not waited for.
    """
    at = now()
    left_behind = payments.c.due_at.is_(None) & (
        payments.c.updated_at < at - timedelta(seconds=in_hand_seconds)
    )
    due = or_(left_behind, payments.c.due_at <= at)
    query = select(payments.c.booking_id, payments.c.status).where(is_open() & due)
    found = await database.fetch_all(query.order_by(payments.c.updated_at).limit(most))
    if not found:
        return []  # the usual case: nothing is locked for it
    # By their keys alone: a lock on what the index has of open payments would keep the ledger waiting.
    those = payments.c.booking_id.in_([row["booking_id"] for row in found])
    async with database.transaction():
        rows = await database.fetch_all(query.where(those).with_for_update(skip_locked=True))
        these = payments.c.booking_id.in_([row["booking_id"] for row in rows])
        until = at + timedelta(seconds=in_hand_seconds)
        await database.execute(update(payments).where(these).values(due_at=until))
    return [(row["booking_id"], PaymentStatus(row["status"])) for row in rows]


async def put_off(database: Database, booking_id: str, error: str) -> None:
    """Note that the gateway has not ended it, and why; it is tried again after a while."""
    this = (payments.c.booking_id == booking_id) & is_open()
    attempts = await database.fetch_val(select(payments.c.attempts).where(this))
    if attempts is None:
        return
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(int(attempts), 20))
    await database.execute(
        update(payments)
        .where(this)
        .values(attempts=payments.c.attempts + 1, last_error=error[:LONGEST_ERROR], due_at=now() + pause)
    )

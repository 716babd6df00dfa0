"""Cancelled bookings: one transaction ends a booking, and a row tells which units Redis must have back."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from databases import Database
from sqlalchemy import delete, insert, select, update

from ticketflow.cancelling import ticket_used
from ticketflow.domain import BookingStatus, PaymentStatus, Refusal, User, now
from ticketflow.faults import Point, reached
from ticketflow.store import audit, violations
from ticketflow.store.outbox import announce, new_letter
from ticketflow.store.ownership import of_event_seen_to_by
from ticketflow.store.tables import bookings, cancellations, outbox, payments, tickets, users

REFUND = {"status": PaymentStatus.REFUND_DUE.value, "attempts": 0, "last_error": None, "due_at": None}
"""What a payment becomes whose money is to go back; what the gateway said of capturing it is past."""


@dataclass(frozen=True)
class Cancellation:
    """A cancelled booking, and the units that its tickets were for."""

    booking_id: str
    event_id: int
    user_id: int
    ticket_type_id: int
    units: tuple[int, ...]


_NAMED = (
    select(
        cancellations.c.booking_id,
        cancellations.c.event_id,
        cancellations.c.units,
        bookings.c.user_id,
        bookings.c.ticket_type_id,
    )
    .select_from(cancellations)
    .join(bookings, bookings.c.id == cancellations.c.booking_id)
)


async def cancel(
    database: Database, event_id: int, booking_id: str, by: int, organiser: User | None = None
) -> bool:
    """Cancel a confirmed booking of the event, in one transaction: the tickets end, the payment is to be
    refunded, a letter says so. Who made it may, `by`; or `organiser`, if they see to the event.

    Gives False, and writes nothing, if it was cancelled before. Raises `Refusal` not_found, not_confirmed,
    ticket_used.
    """
    theirs = (
        of_event_seen_to_by(organiser, bookings.c.event_id, event_id)
        if organiser
        else (bookings.c.event_id == event_id) & (bookings.c.user_id == by)
    )
    async with database.transaction():
        # Who else cancels it waits here, and then reads that it is done.
        row = await database.fetch_one(
            select(bookings.c.user_id, bookings.c.status)
            .where((bookings.c.id == booking_id) & theirs)
            .with_for_update()
        )
        if row is None:
            raise Refusal("not_found", "This event has no such booking.")
        if row["status"] == BookingStatus.CANCELLED.value:
            return False
        if row["status"] != BookingStatus.CONFIRMED.value:
            raise Refusal("not_confirmed", "This booking did not go through, and nothing was charged.")
        reason = "cancelled_by_organiser" if organiser else "cancelled_by_booker"
        await _end(database, event_id, booking_id, by, reason)
        recipient = await database.fetch_val(select(users.c.email).where(users.c.id == row["user_id"]))
        if organiser:
            change = {"booking_id": booking_id, "status": BookingStatus.CANCELLED.value}
            await audit.record(
                database, actor_id=by, event_id=event_id, action="booking.cancel", after=change
            )
        letter = new_letter("booking_cancelled", booking_id, event_id, recipient, now())
        await database.execute(insert(outbox).values(letter))
        announce(database)
        pass_written()
    pass_committed()
    return True


def pass_written() -> None:
    """For who has written the end of bookings and not committed it yet."""
    reached(Point.CANCEL_WRITTEN)


def pass_committed() -> None:
    """For who has committed it."""
    reached(Point.CANCELLED)


async def _end(database: Database, event_id: int, booking_id: str, by: int, reason: str) -> None:
    at = now()
    written = await database.fetch_all(select(tickets.c.unit).where(tickets.c.booking_id == booking_id))
    await database.execute(
        insert(cancellations).values(
            booking_id=booking_id,
            event_id=event_id,
            cancelled_by=by,
            units=json.dumps(sorted(row["unit"] for row in written)),
            cancelled_at=at,
        )
    )
    try:
        await database.execute(delete(tickets).where(tickets.c.booking_id == booking_id))
    except violations.UNIQUE:
        # The first use of one of them refers to it: whoever of the two writes first is right.
        raise ticket_used() from None
    await database.execute(
        update(bookings)
        .where(bookings.c.id == booking_id)
        .values(status=BookingStatus.CANCELLED.value, reason=reason)
    )
    # Captured, or about to be: the gateway's refund ends either.
    paid = payments.c.status.in_([PaymentStatus.AUTHORISED.value, PaymentStatus.CAPTURED.value])
    await database.execute(
        update(payments).where((payments.c.booking_id == booking_id) & paid).values(**REFUND, updated_at=at)
    )


async def by_booking(database: Database, booking_id: str) -> Cancellation | None:
    """The cancellation of a booking, whether Redis has its units back or not."""
    row = await database.fetch_one(_NAMED.where(cancellations.c.booking_id == booking_id))
    return None if row is None else _cancellation(row)


async def by_bookings(database: Database, booking_ids: Sequence[str]) -> list[Cancellation]:
    """The cancellations of bookings."""
    rows = await database.fetch_all(_NAMED.where(cancellations.c.booking_id.in_(booking_ids)))
    return [_cancellation(row) for row in rows]


async def units_out(database: Database, most: int) -> list[Cancellation]:
    """Cancellations of which nobody has noted that Redis has the units back, the oldest first."""
    rows = await database.fetch_all(
        _NAMED.where(cancellations.c.units_back_at.is_(None))
        .order_by(cancellations.c.cancelled_at)
        .limit(most)
    )
    return [_cancellation(row) for row in rows]


async def note_units_back(database: Database, booking_ids: Sequence[str]) -> None:
    """Note that Redis has the units of these back."""
    theirs = cancellations.c.booking_id.in_(booking_ids) & cancellations.c.units_back_at.is_(None)
    await database.execute(update(cancellations).where(theirs).values(units_back_at=now()))


def _cancellation(row: Any) -> Cancellation:
    return Cancellation(
        booking_id=row["booking_id"],
        event_id=row["event_id"],
        user_id=row["user_id"],
        ticket_type_id=row["ticket_type_id"],
        units=tuple(json.loads(row["units"])),
    )

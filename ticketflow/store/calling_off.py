"""Events that are called off: the row that says so, bookings cancelled in groups, and how far that is.

The row is written first, and decides: a commit of the ledger that reads it refuses its order, and what was
confirmed without having read it is found here, by any worker, at any time after. So all steps may be cut
short and done again.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from databases import Database
from sqlalchemy import ColumnElement, delete, func, insert, select, update

from ticketflow.domain import BookingStatus, PaymentStatus, Refusal, User, now
from ticketflow.store import audit, violations
from ticketflow.store.called_off import is_called_off
from ticketflow.store.cancellations import REFUND, pass_committed, pass_written
from ticketflow.store.outbox import announce, new_letter
from ticketflow.store.ownership import seen_to_by
from ticketflow.store.tables import (
    bookings,
    called_off,
    cancellations,
    events,
    outbox,
    payments,
    reminders,
    rooms,
    ticket_uses,
    tickets,
    users,
)

REASON = "called_off"
"""Why such a booking was cancelled, as `domain.CANCELLED_BY` has it in words."""
MOST_NAMED = 100
SAID = "This event is called off. {reason}"
"""What the people in its line read."""


@dataclass(frozen=True)
class CalledOff:
    """An event that is called off, and who must do something for it still."""

    event_id: int
    called_by: int
    message: str
    finished: bool


@dataclass(frozen=True)
class Progress:
    """How far it is. Before it begins: what there is to do."""

    bookings: int
    """That are cancelled because of it, or stand still."""
    tickets: int
    amount: int
    """What those bookings cost, in minor units."""
    cancelled: int
    refunded: int
    failed: int
    """Refunds that the gateway has not made at the first try; they are tried again."""
    left_alone: int
    """Bookings that stay: somebody came in with a ticket of them."""
    left_alone_codes: Sequence[str]
    """Some of them, the oldest first."""
    reason: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def state(self) -> str:
        if self.started_at is None:
            return "not_started"
        return "finished" if self.finished_at else "running"


async def begin(database: Database, event_id: int, actor: User, reason: str) -> bool:
    """Call an event off that the actor sees to, in one transaction: its room is closed, who waits to be
    told of the sale is not. False, and nothing is written, if it was called off before. Raises `Refusal`
    not_found."""
    async with database.transaction():
        # Whoever else calls it off, or edits it, waits here.
        this = (events.c.id == event_id) & seen_to_by(actor)
        if await database.fetch_one(select(events.c.id).where(this).with_for_update()) is None:
            raise Refusal("not_found", "There is no such event of yours.")
        if await is_called_off(database, event_id):
            return False
        at = now()
        row = {"event_id": event_id, "called_by": actor.id, "reason": reason, "started_at": at}
        await database.execute(insert(called_off).values(row))
        room = {"mode": "closed", "manual": True, "message": SAID.format(reason=reason), "updated_at": at}
        await database.execute(update(rooms).where(rooms.c.event_id == event_id).values(room))
        await database.execute(delete(reminders).where(reminders.c.event_id == event_id))
        found = await _counted(database, event_id)
        what = {"reason": reason, "bookings": found["bookings"], "tickets": found["tickets"]}
        await audit.record(
            database, actor_id=actor.id, event_id=event_id, action="event.call_off", after=what
        )
    return True


async def every(database: Database) -> list[CalledOff]:
    """All events that are called off."""
    rows = await database.fetch_all(select(called_off))
    return [
        CalledOff(
            row["event_id"],
            row["called_by"],
            SAID.format(reason=row["reason"]),
            row["finished_at"] is not None,
        )
        for row in rows
    ]


async def cancel_some(database: Database, off: CalledOff, most: int) -> list[str]:
    """Cancel up to `most` of the event's confirmed bookings, in one transaction: tickets end, money is to go
    back, a letter says so. Gives their ids; none are left if it gives none, or others have them in hand.

    A booking of which somebody has used a ticket stays. Raises a `violations.UNIQUE` error, and writes
    nothing, if that happens at this very moment.
    """
    those = (bookings.c.event_id == off.event_id) & _to_cancel()
    ids = select(bookings.c.id).where(those).order_by(bookings.c.id).limit(most)
    found = [row["id"] for row in await database.fetch_all(ids)]
    if not found:
        return []
    async with database.transaction():
        # By their keys, and passing over what another worker, or who made one, is cancelling just now.
        rows = await database.fetch_all(
            select(bookings.c.id, bookings.c.user_id)
            .where(bookings.c.id.in_(found) & (bookings.c.status == BookingStatus.CONFIRMED.value))
            .with_for_update(skip_locked=True)
        )
        if rows:
            await _end(database, off, {row["id"]: row["user_id"] for row in rows})
            announce(database)
        pass_written()
    pass_committed()
    return [row["id"] for row in rows]


def _to_cancel() -> ColumnElement[bool]:
    return (bookings.c.status == BookingStatus.CONFIRMED.value) & ~_is_used()


def _is_used() -> ColumnElement[bool]:
    """That somebody came in with a ticket of the booking."""
    used = select(ticket_uses.c.ticket_id).join(tickets, tickets.c.id == ticket_uses.c.ticket_id)
    return used.where(tickets.c.booking_id == bookings.c.id).exists()


async def _end(database: Database, off: CalledOff, owners: dict[str, int]) -> None:
    at, ids = now(), list(owners)
    units: defaultdict[str, list[int]] = defaultdict(list)
    written = select(tickets.c.booking_id, tickets.c.unit).where(tickets.c.booking_id.in_(ids))
    for row in await database.fetch_all(written.order_by(tickets.c.unit)):
        units[row["booking_id"]].append(row["unit"])
    gone = [
        {
            "booking_id": booking_id,
            "event_id": off.event_id,
            "cancelled_by": off.called_by,
            "units": json.dumps(units[booking_id]),
            "cancelled_at": at,
        }
        for booking_id in ids
    ]
    await database.execute(insert(cancellations).values(gone))
    # The first use of a ticket refers to it: whoever of the two writes first is right.
    await database.execute(delete(tickets).where(tickets.c.booking_id.in_(ids)))
    await database.execute(
        update(bookings)
        .where(bookings.c.id.in_(ids))
        .values(status=BookingStatus.CANCELLED.value, reason=REASON)
    )
    paid = payments.c.status.in_([PaymentStatus.AUTHORISED.value, PaymentStatus.CAPTURED.value])
    await database.execute(
        update(payments).where(payments.c.booking_id.in_(ids) & paid).values(**REFUND, updated_at=at)
    )
    known = await database.fetch_all(
        select(users.c.id, users.c.email).where(users.c.id.in_(set(owners.values())))
    )
    addresses = {row["id"]: row["email"] for row in known}
    letters = [
        new_letter("booking_cancelled", booking_id, off.event_id, addresses[user_id], at)
        for booking_id, user_id in owners.items()
    ]
    await database.execute(insert(outbox).values(letters))
    if off.finished:  # one that had slipped through
        await _note(database, off.event_id, None)


async def note_finished(database: Database, event_id: int) -> bool:
    """Note that all is done, if it is: nothing to cancel, and nothing to be paid back."""
    those = bookings.c.event_id == event_id
    left = select(bookings.c.id).where(those & _to_cancel()).limit(1)
    owed = _refunds(event_id, payments.c.status == PaymentStatus.REFUND_DUE.value)
    if await database.fetch_val(left) is not None or await database.fetch_val(owed):
        return False
    await _note(database, event_id, now())
    return True


async def _note(database: Database, event_id: int, at: datetime | None) -> None:
    await database.execute(update(called_off).where(called_off.c.event_id == event_id).values(finished_at=at))


async def progress(database: Database, actor: User, event_id: int) -> Progress:
    """How far the calling off of an event is that the actor sees to. Raises `Refusal` not_found."""
    row = await database.fetch_one(
        select(called_off, events.c.id.label("found"))
        .select_from(events.outerjoin(called_off))
        .where((events.c.id == event_id) & seen_to_by(actor))
    )
    if row is None:
        raise Refusal("not_found", "There is no such event of yours.")
    counted = await _counted(database, event_id)
    refunded = _refunds(event_id, payments.c.status == PaymentStatus.REFUNDED.value)
    failed = _refunds(
        event_id, (payments.c.status == PaymentStatus.REFUND_DUE.value) & (payments.c.attempts > 0)
    )
    stay = (bookings.c.event_id == event_id) & (bookings.c.status == BookingStatus.CONFIRMED.value)
    used = select(bookings.c.code).where(stay & _is_used()).order_by(bookings.c.created_at, bookings.c.id)
    alone = select(func.count()).select_from(bookings).where(stay & _is_used())
    return Progress(
        **counted,
        refunded=int(await database.fetch_val(refunded)),
        failed=int(await database.fetch_val(failed)),
        left_alone=int(await database.fetch_val(alone)),
        left_alone_codes=[one["code"] for one in await database.fetch_all(used.limit(MOST_NAMED))],
        reason=row["reason"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )


async def _counted(database: Database, event_id: int) -> dict[str, int]:
    ended = (bookings.c.status == BookingStatus.CANCELLED.value) & (bookings.c.reason == REASON)
    ours = (bookings.c.status == BookingStatus.CONFIRMED.value) | ended
    rows = await database.fetch_all(
        select(
            bookings.c.status,
            func.count().label("bookings"),
            func.sum(bookings.c.quantity).label("tickets"),
            func.sum(bookings.c.amount).label("amount"),
        )
        .where((bookings.c.event_id == event_id) & ours)
        .group_by(bookings.c.status)
    )
    counted: dict[str, int] = {
        name: sum(int(row[name]) for row in rows) for name in ("bookings", "tickets", "amount")
    }
    cancelled = [row["bookings"] for row in rows if row["status"] == BookingStatus.CANCELLED.value]
    return {**counted, "cancelled": sum(map(int, cancelled))}


def _refunds(event_id: int, those: ColumnElement[bool]) -> Any:
    return (
        select(func.count())
        .select_from(payments.join(bookings, bookings.c.id == payments.c.booking_id))
        .where((bookings.c.event_id == event_id) & (bookings.c.reason == REASON) & those)
    )


LOST_RACE = violations.UNIQUE
"""What `cancel_some` may raise that another try puts right."""

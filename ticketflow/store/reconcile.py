"""What the auditor asks of the database: tickets, money and letters, read a page at a time.

A page at a time, because a worker that audits 50,000 tickets also has rooms to tick.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from databases import Database
from sqlalchemy import Select, func, insert, select

from ticketflow.domain import BookingStatus, now
from ticketflow.store import violations
from ticketflow.store.outbox import CONFIRMATION, announce, new_letter
from ticketflow.store.stocktaking import TicketRow
from ticketflow.store.tables import bookings, orphans, outbox, payments, tickets, users

PAGE = 1000
_CONFIRMED = BookingStatus.CONFIRMED.value


@dataclass(frozen=True)
class PaymentRow:
    """A decided booking with its payment, as our own books have them. `amount` in minor units."""

    booking_id: str
    event_id: int
    status: BookingStatus
    payment: str
    amount: int
    currency: str
    updated_at: datetime


async def tickets_of(database: Database, event_id: int, ticket_type_ids: Iterable[int]) -> set[TicketRow]:
    """All tickets of an event's types. Each is read at its own moment."""
    found: set[TicketRow] = set()
    for type_id in ticket_type_ids:
        after = -1
        while True:
            page = await database.fetch_all(
                select(tickets.c.unit, tickets.c.user_id, tickets.c.booking_id)
                .where((tickets.c.ticket_type_id == type_id) & (tickets.c.unit > after))
                .where(tickets.c.event_id == event_id)
                .order_by(tickets.c.unit)
                .limit(PAGE)
            )
            found.update(TicketRow(type_id, r["unit"], r["user_id"], r["booking_id"]) for r in page)
            if len(page) < PAGE:
                break
            after = page[-1]["unit"]
    return found


async def ticket_numbers(database: Database, event_id: int) -> list[tuple[str, int, int]]:
    """Bookings of an event that have more or fewer tickets than they should: id, should, have."""
    have = func.count(tickets.c.id)
    rows = await database.fetch_all(
        select(bookings.c.id, bookings.c.status, bookings.c.quantity, have.label("have"))
        .select_from(bookings.outerjoin(tickets, tickets.c.booking_id == bookings.c.id))
        .where(bookings.c.event_id == event_id)
        .group_by(bookings.c.id, bookings.c.status, bookings.c.quantity)
    )
    should = ((r["id"], r["quantity"] if r["status"] == _CONFIRMED else 0, r["have"]) for r in rows)
    return [(booking_id, wanted, found) for booking_id, wanted, found in should if wanted != found]


async def payments_of(database: Database, booking_ids: Sequence[str]) -> dict[str, PaymentRow]:
    """Booking id -> its payment, for those of the ids that are decided."""
    found: dict[str, PaymentRow] = {}
    for start in range(0, len(booking_ids), PAGE):
        chunk = booking_ids[start : start + PAGE]
        rows = await database.fetch_all(_payments().where(bookings.c.id.in_(chunk)))
        found |= {row["booking_id"]: _payment(row) for row in rows}
    return found


async def confirmed_between(
    database: Database, since: datetime, until: datetime
) -> AsyncIterator[PaymentRow]:
    """The confirmed bookings decided in that time."""
    theirs = (bookings.c.status == _CONFIRMED) & (bookings.c.decided_at >= since)
    after = ""
    while True:
        page = await database.fetch_all(
            _payments()
            .where(theirs & (bookings.c.decided_at < until) & (bookings.c.id > after))
            .order_by(bookings.c.id)
            .limit(PAGE)
        )
        for row in page:
            yield _payment(row)
        if len(page) < PAGE:
            return
        after = page[-1]["booking_id"]


def _payments() -> Select[Any]:
    return select(
        payments.c.booking_id,
        bookings.c.event_id,
        bookings.c.status,
        payments.c.status.label("payment"),
        payments.c.amount,
        payments.c.currency,
        payments.c.updated_at,
    ).join_from(bookings, payments, payments.c.booking_id == bookings.c.id)


def _payment(row: Any) -> PaymentRow:
    return PaymentRow(
        booking_id=row["booking_id"],
        event_id=row["event_id"],
        status=BookingStatus(row["status"]),
        payment=row["payment"],
        amount=row["amount"],
        currency=row["currency"],
        updated_at=row["updated_at"],
    )


async def without_letter(database: Database, event_id: int) -> list[str]:
    """Confirmed bookings of an event that no letter confirms."""
    theirs = (outbox.c.booking_id == bookings.c.id) & (outbox.c.kind == CONFIRMATION)
    rows = await database.fetch_all(
        select(bookings.c.id)
        .select_from(bookings.outerjoin(outbox, theirs))
        .where((bookings.c.event_id == event_id) & (bookings.c.status == _CONFIRMED))
        .where(outbox.c.id.is_(None))
    )
    return [row["id"] for row in rows]


async def with_stray_letter(database: Database, event_id: int) -> list[str]:
    """Refused bookings of an event that a letter confirms nevertheless."""
    rows = await database.fetch_all(
        select(bookings.c.id)
        .join_from(bookings, outbox, outbox.c.booking_id == bookings.c.id)
        .where((bookings.c.event_id == event_id) & (outbox.c.kind == CONFIRMATION))
        .where(bookings.c.status == BookingStatus.REFUSED.value)
    )
    return [row["id"] for row in rows]


async def write_letter(database: Database, booking_id: str) -> None:
    """Confirm a booking by letter, if none does yet."""
    row = await database.fetch_one(
        select(bookings.c.event_id, users.c.email)
        .join_from(bookings, users, users.c.id == bookings.c.user_id)
        .where((bookings.c.id == booking_id) & (bookings.c.status == _CONFIRMED))
    )
    if row is None:
        return
    try:
        await database.execute(
            insert(outbox).values(new_letter(CONFIRMATION, booking_id, row["event_id"], row["email"], now()))
        )
        announce(database)
    except violations.UNIQUE:
        return  # somebody was quicker


async def note_orphan(database: Database, charge_key: str) -> None:
    """From now on no booking of this key can be confirmed."""
    try:
        await database.execute(insert(orphans).values(charge_key=charge_key, found_at=now()))
    except violations.UNIQUE:
        return  # noted before, and not let go of yet

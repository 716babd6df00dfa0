"""Bookings and their tickets, as their owner sees them. Who asks is in each WHERE."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from databases import Database
from sqlalchemy import Select, func, select

from ticketflow.domain import Booking, BookingStatus, PaymentStatus, Ticket
from ticketflow.store.events import Seat
from ticketflow.store.tables import bookings, payments, ticket_uses, tickets, units


async def of_user(database: Database, user_id: int) -> list[Booking]:
    """The user's bookings that came to something (confirmed or cancelled), the newest first."""
    mine = (bookings.c.user_id == user_id) & (bookings.c.status != BookingStatus.REFUSED.value)
    return await _fetch(database, select(bookings).where(mine).order_by(bookings.c.created_at.desc()))


async def by_id(database: Database, booking_id: str, user_id: int) -> Booking | None:
    """The user's booking of that id, confirmed or not, or None."""
    mine = (bookings.c.id == booking_id) & (bookings.c.user_id == user_id)
    found = await _fetch(database, select(bookings).where(mine))
    return found[0] if found else None


async def id_of_hold(database: Database, hold_id: str, user_id: int) -> str | None:
    """The id of the user's booking that the hold became, cancelled since or not; None if it became none."""
    made = (bookings.c.user_id == user_id) & (bookings.c.hold_id == hold_id)
    kept = bookings.c.status != BookingStatus.REFUSED.value
    found = await database.fetch_val(select(bookings.c.id).where(made & kept))
    return None if found is None else str(found)


async def by_ids(database: Database, booking_ids: Sequence[str]) -> dict[str, Booking]:
    """Booking id -> booking, whoever's they are: for the ledger, never for a client."""
    found = await _fetch(database, select(bookings).where(bookings.c.id.in_(booking_ids)))
    return {booking.id: booking for booking in found}


async def count(database: Database, event_id: int, status: BookingStatus) -> int:
    """How many bookings of an event have that status."""
    those = (bookings.c.event_id == event_id) & (bookings.c.status == status.value)
    return int(await database.fetch_val(select(func.count()).select_from(bookings).where(those)))


async def _fetch(database: Database, query: Select[Any]) -> list[Booking]:
    rows = await database.fetch_all(query)
    written = await _tickets(database, [row["id"] for row in rows])
    ended = [row["id"] for row in rows if row["status"] == BookingStatus.CANCELLED.value]
    refunds = await _refunds(database, ended) if ended else {}
    return [booking_of(row, written[row["id"]], refunds.get(row["id"])) for row in rows]


async def _refunds(database: Database, booking_ids: Sequence[str]) -> dict[str, str]:
    rows = await database.fetch_all(
        select(payments.c.booking_id, payments.c.status).where(payments.c.booking_id.in_(booking_ids))
    )
    refunded = PaymentStatus.REFUNDED.value
    return {row["booking_id"]: refunded if row["status"] == refunded else "on_its_way" for row in rows}


async def _tickets(database: Database, booking_ids: Sequence[str]) -> dict[str, list[Ticket]]:
    found: dict[str, list[Ticket]] = defaultdict(list)
    if not booking_ids:
        return found
    place = (units.c.ticket_type_id == tickets.c.ticket_type_id) & (units.c.unit == tickets.c.unit)
    query = (
        select(
            *(tickets.c.booking_id, tickets.c.code, tickets.c.unit),
            *(units.c.section, units.c.row, units.c.number, ticket_uses.c.used_at),
        )
        .join_from(tickets, units, place)
        .outerjoin(ticket_uses, ticket_uses.c.ticket_id == tickets.c.id)
        .where(tickets.c.booking_id.in_(booking_ids))
        .order_by(tickets.c.unit)
    )
    for row in await database.fetch_all(query):
        seat = str(Seat(row["section"], row["row"], row["number"])) if row["section"] is not None else None
        found[row["booking_id"]].append(Ticket(row["code"], row["unit"], seat, row["used_at"]))
    return found


def booking_of(row: Any, written: Sequence[Ticket], refund: str | None = None) -> Booking:
    """The booking in a row of `bookings`, with its tickets; `refund` as `Booking.refund` has it."""
    return Booking(
        id=row["id"],
        status=BookingStatus(row["status"]),
        event_id=row["event_id"],
        user_id=row["user_id"],
        ticket_type_id=row["ticket_type_id"],
        quantity=row["quantity"],
        amount=row["amount"],
        fee=row["fee"],
        currency=row["currency"],
        created_at=row["created_at"],
        request_hash=row["request_hash"],
        code=row["code"],
        reason=row["reason"],
        tickets=tuple(written),
        refund=refund,
    )

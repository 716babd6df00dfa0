"""Who comes to an event: a row a valid ticket, page by page. Who asks is in each WHERE."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from databases import Database
from sqlalchemy import select

from ticketflow.domain import User
from ticketflow.store.events import Seat
from ticketflow.store.ownership import of_event_seen_to_by
from ticketflow.store.tables import bookings, ticket_types, ticket_uses, tickets, units, users

PAGE = 1_000
"""Rows read at once by who reads them all: neither driver gives a result away before it has all of it."""


@dataclass(frozen=True, slots=True)
class Attendee:
    """A ticket and who booked it. `used_at` and `door` tell of its first use, None and "" before that."""

    id: int
    code: str
    ticket_type: str
    seat: str
    name: str
    email: str
    booking: str
    booked_at: datetime
    used_at: datetime | None
    door: str


async def page(
    database: Database, actor: User, event_id: int, after: int | None, most: int
) -> list[Attendee]:
    """Attendees in the order in which their tickets were booked, those after the ticket `after`. Of an event
    that the actor does not see to there are none."""
    # Said twice: by the plain number an index gives the rows in order, by the other they are the actor's.
    theirs = (tickets.c.event_id == event_id) & of_event_seen_to_by(actor, tickets.c.event_id, event_id)
    place = (units.c.ticket_type_id == tickets.c.ticket_type_id) & (units.c.unit == tickets.c.unit)
    # Every ticket has all of these. Joined as if it might not, the database cannot begin at another end, at
    # the seats, and sort the whole event for each page.
    query = (
        select(
            tickets.c.id,
            tickets.c.code,
            ticket_types.c.name.label("ticket_type"),
            units.c.section,
            units.c.row,
            units.c.number,
            users.c.name,
            users.c.email,
            bookings.c.code.label("booking"),
            bookings.c.decided_at,
            ticket_uses.c.used_at,
            ticket_uses.c.door,
        )
        .select_from(tickets)
        .outerjoin(ticket_types, ticket_types.c.id == tickets.c.ticket_type_id)
        .outerjoin(units, place)
        .outerjoin(users, users.c.id == tickets.c.user_id)
        .outerjoin(bookings, bookings.c.id == tickets.c.booking_id)
        .outerjoin(ticket_uses, ticket_uses.c.ticket_id == tickets.c.id)
        .where(theirs & (tickets.c.id > (after or 0)))
        .order_by(tickets.c.id)
        .limit(most)
    )
    return [_attendee(row) for row in await database.fetch_all(query)]


async def everybody(database: Database, actor: User, event_id: int) -> AsyncIterator[list[Attendee]]:
    """All of them, page by page. Between two pages neither a connection nor a transaction is held."""
    after = None
    while found := await page(database, actor, event_id, after, PAGE):
        yield found
        after = found[-1].id


def _attendee(row: Any) -> Attendee:
    seat = "" if row["section"] is None else str(Seat(row["section"], row["row"], row["number"]))
    same = ("id", "code", "ticket_type", "name", "email", "booking", "used_at")
    return Attendee(
        seat=seat, booked_at=row["decided_at"], door=row["door"] or "", **{name: row[name] for name in same}
    )

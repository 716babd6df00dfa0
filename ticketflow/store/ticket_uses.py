"""Tickets at doors: whom each lets in, and its one first use. Who asks is in each WHERE."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from databases import Database
from sqlalchemy import ColumnElement, Select, func, insert, select, true

from ticketflow.domain import User
from ticketflow.store import violations
from ticketflow.store.events import Seat
from ticketflow.store.ownership import seen_to_by
from ticketflow.store.tables import called_off, events, ticket_types, ticket_uses, tickets, units, users


@dataclass(frozen=True)
class DoorEvent:
    """What a door must know of an event."""

    id: int
    name: str
    starts_at: datetime
    called_off: bool = False


@dataclass(frozen=True)
class DoorTicket:
    """A ticket that stands in the books, and its first use if there was one."""

    id: int
    code: str
    event: DoorEvent
    ticket_type: str
    seat: str | None
    booker: str
    used_at: datetime | None
    door: str | None


async def find_event(database: Database, actor: User | None, event_id: int) -> DoorEvent | None:
    """The event, if the actor sees to it. Without an actor the house itself asks, which sees to all."""
    row = await database.fetch_one(
        select(events.c.id.label("event_id"), events.c.name.label("event"), events.c.starts_at, _off())
        .select_from(events)
        .where((events.c.id == event_id) & _theirs(actor))
    )
    return None if row is None else _event(row)


async def find(database: Database, actor: User | None, code: str) -> DoorTicket | None:
    """The ticket of that code, if it is valid still and the actor sees to its event."""
    row = await database.fetch_one(_tickets().where((tickets.c.code == code) & _theirs(actor)))
    return None if row is None else _ticket(row)


async def record(database: Database, ticket_id: int, by: int | None, door: str, at: datetime) -> bool:
    """Write the first use down. False, and nothing is written: somebody was faster, with a use or with
    cancelling the booking. The keys of the table decide that, in one statement."""
    use = insert(ticket_uses).values(ticket_id=ticket_id, used_at=at, checked_by=by, door=door)
    try:
        await database.execute(use)
    except violations.UNIQUE:
        return False
    return True


async def count(database: Database, actor: User, event_id: int) -> tuple[int, int]:
    """How many of the event's tickets were used, and how many there are."""
    row = await database.fetch_one(
        select(func.count(ticket_uses.c.ticket_id).label("used"), func.count(tickets.c.id).label("sold"))
        .select_from(tickets)
        .join(events, events.c.id == tickets.c.event_id)
        .outerjoin(ticket_uses, ticket_uses.c.ticket_id == tickets.c.id)
        .where((tickets.c.event_id == event_id) & _theirs(actor))
    )
    return (0, 0) if row is None else (int(row["used"]), int(row["sold"]))


async def latest(database: Database, actor: User, event_id: int, most: int) -> list[DoorTicket]:
    """The event's tickets that were used last, the newest first."""
    used = _tickets().where(ticket_uses.c.used_at.is_not(None) & (tickets.c.event_id == event_id))
    rows = await database.fetch_all(
        used.where(_theirs(actor)).order_by(ticket_uses.c.used_at.desc()).limit(most)
    )
    return [_ticket(row) for row in rows]


def _theirs(actor: User | None) -> ColumnElement[bool]:
    return true() if actor is None else seen_to_by(actor)


def _off() -> ColumnElement[bool]:
    return select(called_off.c.event_id).where(called_off.c.event_id == events.c.id).exists().label("off")


def _tickets() -> Select[Any]:
    place = (units.c.ticket_type_id == tickets.c.ticket_type_id) & (units.c.unit == tickets.c.unit)
    return (
        select(
            tickets.c.id,
            tickets.c.code,
            tickets.c.event_id,
            events.c.name.label("event"),
            events.c.starts_at,
            _off(),
            ticket_types.c.name.label("ticket_type"),
            units.c.section,
            units.c.row,
            units.c.number,
            users.c.name.label("booker"),
            ticket_uses.c.used_at,
            ticket_uses.c.door,
        )
        .select_from(tickets)
        .join(events, events.c.id == tickets.c.event_id)
        .join(ticket_types, ticket_types.c.id == tickets.c.ticket_type_id)
        .join(units, place)
        .join(users, users.c.id == tickets.c.user_id)
        .outerjoin(ticket_uses, ticket_uses.c.ticket_id == tickets.c.id)
    )


def _event(row: Any) -> DoorEvent:
    return DoorEvent(row["event_id"], row["event"], row["starts_at"], bool(row["off"]))


def _ticket(row: Any) -> DoorTicket:
    seat = None if row["section"] is None else str(Seat(row["section"], row["row"], row["number"]))
    return DoorTicket(
        id=row["id"],
        code=row["code"],
        event=_event(row),
        ticket_type=row["ticket_type"],
        seat=seat,
        booker=row["booker"],
        used_at=row["used_at"],
        door=row["door"],
    )

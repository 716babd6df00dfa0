"""Events, their ticket types and their units."""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from databases import Database
from sqlalchemy import func, insert, select

from ticketflow.domain import Event, Refusal, TicketType, booking_fee, now
from ticketflow.store import rooms, violations
from ticketflow.store.tables import events, ticket_types, tickets, units

UNITS_A_STATEMENT = 2000
"""Rows of one multi-row insert: large enough to be quick, below what the engines allow (5 values each)."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a seated unit is."""

    section: str
    row: str
    number: int

    def __str__(self) -> str:
        return f"{self.section}, row {self.row}, seat {self.number}"


@dataclass(frozen=True)
class NewTicketType:
    """A type to make. Either `capacity` (general admission) or `seats`, one for each unit in order."""

    name: str
    price: int
    capacity: int
    seats: Sequence[Seat] | None = None


@dataclass(frozen=True)
class NewSale:
    """An event to make, with its ticket types and the levers its waiting room starts with."""

    slug: str
    name: str
    venue: str
    starts_at: datetime
    sale_starts_at: datetime
    lobby_opens_at: datetime | None
    currency: str
    per_user_limit: int
    published: bool
    rate_per_minute: int
    max_active: int
    types: Sequence[NewTicketType]
    mode: str = "lobby"
    queue_needs_account: bool = False
    fee_basis_points: int = 0


async def create(database: Database, organiser_id: int, new: NewSale) -> int:
    """Write an event down with its types, units and room, and give its id. Raises `Refusal` slug_taken.

    One transaction: no process may ever read an event that has no room.
    """
    row = {
        "slug": new.slug,
        "name": new.name,
        "venue": new.venue,
        "starts_at": new.starts_at,
        "sale_starts_at": new.sale_starts_at,
        "lobby_opens_at": new.lobby_opens_at,
        "currency": new.currency,
        "per_user_limit": new.per_user_limit,
        "fee_basis_points": new.fee_basis_points,
        "published": new.published,
        "queue_needs_account": new.queue_needs_account,
        "organiser_id": organiser_id,
        "created_at": now(),
    }
    room: dict[str, Any] = {
        "mode": new.mode,
        "rate_per_minute": new.rate_per_minute,
        "max_active": new.max_active,
        "seed": secrets.token_bytes(32),
        "account_key": secrets.token_bytes(32),
    }
    try:
        async with database.transaction():
            event_id = int(await database.execute(insert(events).values(row)))
            for position, new_type in enumerate(new.types):
                await _create_type(database, event_id, position, new_type)
            await rooms.create(database, event_id, **room)
    except violations.UNIQUE as error:
        raise Refusal("slug_taken", "There is an event with this name already.") from error
    return event_id


async def _create_type(database: Database, event_id: int, position: int, new: NewTicketType) -> None:
    row = {
        "event_id": event_id,
        "position": position,
        "name": new.name,
        "price": new.price,
        "capacity": new.capacity,
        "seated": new.seats is not None,
    }
    type_id = int(await database.execute(insert(ticket_types).values(row)))
    for start in range(0, new.capacity, UNITS_A_STATEMENT):
        numbers = range(start, min(start + UNITS_A_STATEMENT, new.capacity))
        await database.execute(insert(units).values([_unit(type_id, n, new.seats) for n in numbers]))


def _unit(type_id: int, number: int, seats: Sequence[Seat] | None) -> dict[str, Any]:
    seat = seats[number] if seats is not None else None
    return {
        "ticket_type_id": type_id,
        "unit": number,
        "section": seat and seat.section,
        "row": seat and seat.row,
        "number": seat and seat.number,
    }


async def every(database: Database) -> list[Event]:
    """All events with their types, the next to start first."""
    rows = await database.fetch_all(select(events).order_by(events.c.starts_at, events.c.id))
    return await _with_types(database, rows)


async def by_id(database: Database, event_id: int) -> Event | None:
    found = await _with_types(
        database, await database.fetch_all(select(events).where(events.c.id == event_id))
    )
    return found[0] if found else None


async def _with_types(database: Database, rows: Sequence[Any]) -> list[Event]:
    of_event = ticket_types.c.event_id.in_([row["id"] for row in rows])
    fees = {row["id"]: row["fee_basis_points"] for row in rows}
    types: dict[int, list[TicketType]] = defaultdict(list)
    for t in await database.fetch_all(
        select(ticket_types).where(of_event).order_by(ticket_types.c.event_id, ticket_types.c.position)
    ):
        types[t["event_id"]].append(
            TicketType(
                t["id"],
                t["name"],
                t["price"],
                t["capacity"],
                bool(t["seated"]),
                booking_fee(t["price"], fees[t["event_id"]]),
            )
        )
    return [_event(row, types[row["id"]]) for row in rows]


def _event(row: Any, types: Iterable[TicketType]) -> Event:
    return Event(
        id=row["id"],
        slug=row["slug"],
        name=row["name"],
        venue=row["venue"],
        starts_at=row["starts_at"],
        sale_starts_at=row["sale_starts_at"],
        lobby_opens_at=row["lobby_opens_at"],
        currency=row["currency"],
        per_user_limit=row["per_user_limit"],
        fee_basis_points=row["fee_basis_points"],
        organiser_id=row["organiser_id"],
        published=bool(row["published"]),
        ticket_types=tuple(types),
        queue_needs_account=bool(row["queue_needs_account"]),
    )


async def seats(database: Database, ticket_type_id: int) -> list[Seat]:
    """The seat of each unit of a seated type, by unit number."""
    rows = await database.fetch_all(
        select(units.c.section, units.c.row, units.c.number)
        .where(units.c.ticket_type_id == ticket_type_id)
        .order_by(units.c.unit)
    )
    return [Seat(row["section"], row["row"], row["number"]) for row in rows]


async def sold_units(database: Database, event_id: int) -> Mapping[int, list[int]]:
    """Type -> the units that tickets have been written for."""
    sold: dict[int, list[int]] = defaultdict(list)
    for row in await database.fetch_all(
        select(tickets.c.ticket_type_id, tickets.c.unit).where(tickets.c.event_id == event_id)
    ):
        sold[row["ticket_type_id"]].append(row["unit"])
    return sold


async def bought_by_user(database: Database, event_id: int) -> Mapping[int, int]:
    """User -> how many tickets of the event they have."""
    rows = await database.fetch_all(
        select(tickets.c.user_id, func.count().label("bought"))
        .where(tickets.c.event_id == event_id)
        .group_by(tickets.c.user_id)
    )
    return {row["user_id"]: row["bought"] for row in rows}

"""Ticket types and their units: made, renamed, priced, made larger and smaller, and taken away."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from databases import Database
from sqlalchemy import delete, func, insert, or_, select, update

from ticketflow.domain import TicketType
from ticketflow.store.bulk import insertion
from ticketflow.store.numbering import Run, written
from ticketflow.store.tables import ticket_types, units

UNITS_A_STATEMENT = 2000
"""Rows of one multi-row insert: large enough to be quick, below what the engines allow (5 values each)."""
RUNS_A_STATEMENT = 200


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


async def create(database: Database, event_id: int, position: int, new: NewTicketType) -> int:
    """Write a type down with its units, and give its id."""
    row = {
        "event_id": event_id,
        "position": position,
        "name": new.name,
        "price": new.price,
        "capacity": new.capacity,
        "seated": new.seats is not None,
    }
    type_id = int(await database.execute(insert(ticket_types).values(row)))
    await _make_units(database, type_id, [(0, new.capacity - 1)] if new.capacity else [], new.seats)
    return type_id


async def add(database: Database, event_id: int, new: NewTicketType) -> int:
    """The same, behind the event's other types."""
    last = select(func.max(ticket_types.c.position)).where(ticket_types.c.event_id == event_id)
    position = await database.fetch_val(last)
    return await create(database, event_id, 0 if position is None else position + 1, new)


async def replace_seats(database: Database, event_id: int, kind: TicketType, new: NewTicketType) -> int:
    """Put another type in this one's place, and give its id: what is known of an id's seats stays true."""
    this = ticket_types.c.id == kind.id
    position = int(await database.fetch_val(select(ticket_types.c.position).where(this)))
    # The new one first: SQLite gives the id of a last row that went to the next one.
    type_id = await add(database, event_id, new)
    await remove(database, kind.id)
    await change(database, type_id, position=position)
    return type_id


async def change(database: Database, type_id: int, **values: Any) -> None:
    """Change the type's name or price. What is held already keeps the price it was held at."""
    await database.execute(update(ticket_types).where(ticket_types.c.id == type_id).values(**values))


async def remove(database: Database, type_id: int) -> None:
    """Take a type away with its units. Raises a `violations.UNIQUE` error if it has a booking."""
    await database.execute(delete(units).where(units.c.ticket_type_id == type_id))
    await database.execute(delete(ticket_types).where(ticket_types.c.id == type_id))


async def make_larger(database: Database, after: TicketType, runs: Sequence[Run]) -> None:
    """Write the type down as it is `after` these units were made."""
    await _make_units(database, after.id, runs)
    await _write_size(database, after)


async def make_smaller(database: Database, after: TicketType, runs: Sequence[Run]) -> bool:
    """Write the type down as it is `after` these units were taken out. Gives whether they were there.

    Raises a `violations.UNIQUE` error if one of them has a ticket: its row cannot go.
    """
    for start in range(0, len(runs), RUNS_A_STATEMENT):
        some = runs[start : start + RUNS_A_STATEMENT]
        these = or_(*(units.c.unit.between(first, last) for first, last in some))
        await database.execute(delete(units).where((units.c.ticket_type_id == after.id) & these))
    await _write_size(database, after)
    left = select(func.count()).select_from(units).where(units.c.ticket_type_id == after.id)
    return int(await database.fetch_val(left)) == after.capacity


async def _write_size(database: Database, after: TicketType) -> None:
    await change(database, after.id, capacity=after.capacity, gaps=written(after))


async def _make_units(
    database: Database, type_id: int, runs: Sequence[Run], seats: Sequence[Seat] | None = None
) -> None:
    numbers = [number for first, last in runs for number in range(first, last + 1)]
    for start in range(0, len(numbers), UNITS_A_STATEMENT):
        some = numbers[start : start + UNITS_A_STATEMENT]
        await database.execute(insertion(database, units, [_unit(type_id, n, seats) for n in some]))


def _unit(type_id: int, number: int, seats: Sequence[Seat] | None) -> dict[str, Any]:
    seat = seats[number] if seats is not None else None
    return {
        "ticket_type_id": type_id,
        "unit": number,
        "section": seat and seat.section,
        "row": seat and seat.row,
        "number": seat and seat.number,
    }

"""What the database says of an event's stock: who has which units, and which bookings were cancelled."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from databases import Database
from sqlalchemy import null, select, union_all

from ticketflow.store.tables import cancellations, tickets


@dataclass(frozen=True)
class TicketRow:
    """A unit that somebody has a ticket for."""

    ticket_type_id: int
    unit: int
    user_id: int
    booking_id: str


@dataclass(frozen=True)
class StockInBooks:
    """An event's stock at one moment; `cancelled`: the bookings whose units are for that reason nobody's."""

    tickets: frozenset[TicketRow]
    cancelled: Sequence[str]

    @property
    def sold(self) -> Mapping[int, Sequence[int]]:
        """Type -> the units with a ticket, in order."""
        units: dict[int, list[int]] = defaultdict(list)
        for ticket in self.tickets:
            units[ticket.ticket_type_id].append(ticket.unit)
        return {type_id: sorted(found) for type_id, found in units.items()}

    @property
    def bought(self) -> Mapping[int, int]:
        """User -> how many tickets they have."""
        return Counter(ticket.user_id for ticket in self.tickets)


async def take_stock(database: Database, event_id: int) -> StockInBooks:
    """Read an event's stock.

    One statement, and so one moment: between two, a booking might be cancelled, and its units would be
    counted as sold while it is counted as given back, or as neither.
    """
    found: list[TicketRow] = []
    cancelled: list[str] = []
    query = union_all(
        select(tickets.c.ticket_type_id, tickets.c.unit, tickets.c.user_id, tickets.c.booking_id).where(
            tickets.c.event_id == event_id
        ),
        select(null(), null(), null(), cancellations.c.booking_id).where(
            cancellations.c.event_id == event_id
        ),
    )
    for row in await database.fetch_all(query):
        if row["unit"] is None:
            cancelled.append(row["booking_id"])
        else:
            found.append(TicketRow(row["ticket_type_id"], row["unit"], row["user_id"], row["booking_id"]))
    return StockInBooks(frozenset(found), cancelled)

"""What the database says of an event's stock: who has which units, and which bookings were cancelled."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from databases import Database
from sqlalchemy import null, select, union_all

from ticketflow.store.tables import cancellations, tickets


@dataclass(frozen=True)
class StockInBooks:
    """An event's stock at one moment. `sold`: type -> units with a ticket; `bought`: user -> how many;
    `cancelled`: the bookings whose units are for that reason not in `sold`."""

    sold: Mapping[int, Sequence[int]]
    bought: Mapping[int, int]
    cancelled: Sequence[str]


async def take_stock(database: Database, event_id: int) -> StockInBooks:
    """Read an event's stock.

    One statement, and so one moment: between two, a booking might be cancelled, and its units would be
    counted as sold while it is counted as given back, or as neither.
    """
    sold: dict[int, list[int]] = defaultdict(list)
    bought: Counter[int] = Counter()
    cancelled: list[str] = []
    query = union_all(
        select(tickets.c.ticket_type_id, tickets.c.unit, tickets.c.user_id, null().label("booking_id")).where(
            tickets.c.event_id == event_id
        ),
        select(null(), null(), null(), cancellations.c.booking_id).where(
            cancellations.c.event_id == event_id
        ),
    )
    for row in await database.fetch_all(query):
        if row["booking_id"] is not None:
            cancelled.append(row["booking_id"])
            continue
        sold[row["ticket_type_id"]].append(row["unit"])
        bought[row["user_id"]] += 1
    return StockInBooks(sold, bought, cancelled)

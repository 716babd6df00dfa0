"""Stock made anew from the database while the sale is on.

Orders go on being paid, committed and settled meanwhile, so the database is read twice: the stock is built
from the first reading, and what was sold until the second is told to it before anybody may hold again.

    close to holds -> read tickets -> rebuild -> read again -> correct, open
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from databases import Database
from redis.asyncio import Redis

from ticketflow.domain import Event
from ticketflow.rooms import Rooms
from ticketflow.settings import Settings
from ticketflow.stock import Inspection, StockKeys
from ticketflow.stock.inspection import Unit
from ticketflow.store import events, violations
from ticketflow.store.stocktaking import StockInBooks, TicketRow, take_stock

log = logging.getLogger(__name__)

LOCK_SECONDS = 120
READ_TRIES = 20
RETRY_SECONDS = 0.5


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild did: holds that stand, holds that had to end, units sold or given back meanwhile."""

    kept: int
    ended: int
    corrected: int


class Rebuilder:
    """Rebuilds an event's stock under a lock. Holds are refused (`not_ready`) while it does."""

    def __init__(
        self, *, redis: "Redis", database: Database, inspection: Inspection, rooms: Rooms, settings: Settings
    ) -> None:
        self._redis = redis
        self._database = database
        self._inspection = inspection
        self._rooms = rooms
        self._settings = settings

    async def rebuild(self, event: Event) -> Rebuilt:
        """Make the event's stock anew. Holds stand as long as the database has not sold their units."""
        leases = (await self._rooms.of(event.id)).keys.active
        keys = StockKeys(self._settings.redis_prefix, event.id)
        async with self._redis.lock(keys.lock, timeout=LOCK_SECONDS):
            # Its types may have changed since this process read them.
            event = await events.by_id(self._database, event.id) or event
            await self._inspection.close(event, leases)
            try:
                before = await self._books(event)
            except BaseException:
                await self._inspection.correct(event, leases, (), (), ())  # open again, as it was
                raise
            kept, ended = await self._build(event, leases, before)
            after = await self._books(event)
            sold_again = {(row.ticket_type_id, row.unit) for row in after.tickets}
            gone = before.tickets - after.tickets
            freed = [row for row in gone if (row.ticket_type_id, row.unit) not in sold_again]
            corrected = await self._inspection.correct(
                event, leases, _units(after.tickets - before.tickets), _units(freed), after.cancelled
            )
        log.warning(
            "event %d: stock rebuilt; %d holds kept, %d ended, %d units sold or given back meanwhile",
            event.id,
            kept,
            ended,
            corrected,
        )
        return Rebuilt(kept, ended, corrected)

    async def _build(self, event: Event, leases: str, books: StockInBooks) -> tuple[int, int]:
        # Looked at after the tickets were read: a booking among them that is still paying is paying here too.
        seen = await self._inspection.look(event, leases)
        written = {row.booking_id for row in books.tickets}
        return await self._inspection.rebuild(
            event,
            leases,
            sold=books.sold,
            taken=books.bought,
            cancelled=books.cancelled,
            committed={hold.booking for hold in seen.holds if hold.booking in written and hold.booking},
            retry_seconds=self._settings.retry_seconds,
        )

    async def _books(self, event: Event) -> StockInBooks:
        """What the database says, asked until it answers: half a rebuild helps nobody."""
        for _ in range(READ_TRIES):
            try:
                return await take_stock(self._database, event.id)
            except violations.BROKEN as error:
                log.warning("event %d: its tickets could not be read, trying again: %s", event.id, error)
                await asyncio.sleep(RETRY_SECONDS)
        return await take_stock(self._database, event.id)


def _units(rows: Iterable[TicketRow]) -> list[Unit]:
    return [(row.ticket_type_id, row.user_id, row.unit) for row in rows]

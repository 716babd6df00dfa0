"""The seats of seated sales in the process's memory: read once for all who look, told to all who watch."""

import asyncio
import json
import logging
from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from redis.exceptions import RedisError

from ticketflow.booking.best_seats import Row, rows_of
from ticketflow.domain import Event, Refusal
from ticketflow.live.catalogue import Catalogue
from ticketflow.live.slot import Slot
from ticketflow.stock import Seats, Stock
from ticketflow.store.events import Seat

log = logging.getLogger(__name__)

PAUSE_SECONDS = 0.5
"""Between two frames of an event's seats. The first change after a quiet time is told at once."""
FRESH_SECONDS = 0.25
"""Who looks is content with what was read so short a time ago, however fast the sale goes."""


class SeatBoard:
    """What this process knows of each event's seats. However many ask, Redis is asked once."""

    def __init__(self, catalogue: Catalogue, stock: Stock) -> None:
        self._catalogue = catalogue
        self._stock = stock
        self._seats: dict[int, tuple[float, Seats]] = {}
        self._reading: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._watchers: defaultdict[int, set[Slot]] = defaultdict(set)
        self._telling: dict[int, asyncio.Task[None]] = {}
        self._plans: dict[int, tuple[Sequence[Seat], list[Row]]] = {}

    async def plan(self, event: Event) -> dict[int, list[Row]]:
        """The rows of each seated type, which never change."""
        found = {}
        for ticket_type in event.ticket_types:
            if ticket_type.seated:
                seats = await self._catalogue.seats(ticket_type)
                known = self._plans.get(ticket_type.id)
                if known is None or known[0] is not seats:
                    known = self._plans[ticket_type.id] = seats, rows_of(seats)
                found[ticket_type.id] = known[1]
        return found

    async def look(self, event: Event) -> Seats:
        """The seats as this process has heard of them. Raises `Refusal` not_ready."""
        known = self._seats.get(event.id)
        if known and not self._behind(event.id, known[1]):
            return known[1]
        return await self._read(event, since=_clock() - FRESH_SECONDS)

    async def look_again(self, event: Event) -> Seats:
        """The seats as they are now, whatever was heard. Raises `Refusal` not_ready."""
        return await self._read(event, since=_clock())

    def watch(self, event: Event, slot: Slot) -> None:
        """From now on tell a socket of each change."""
        self._watchers[event.id].add(slot)

    def leave(self, event: Event, slot: Slot) -> None:
        """A socket is gone."""
        watchers = self._watchers.get(event.id)
        if watchers is None:
            return
        watchers.discard(slot)
        if not watchers:
            del self._watchers[event.id]
            if telling := self._telling.pop(event.id, None):
                telling.cancel()

    def moved(self, event: Event) -> None:
        """The event's stock has changed: those who watch its seats will be told."""
        if event.id in self._watchers and event.id not in self._telling:
            self._telling[event.id] = asyncio.create_task(self._tell(event), name="seats")

    async def _tell(self, event: Event) -> None:
        """Tell of changes until all that was heard of is told, and then a pause has been quiet."""
        told: Seats | None = None
        try:
            while told is None or self._behind(event.id, told):
                try:
                    told = await self.look_again(event)
                    frame = json.dumps({"type": "seats", **seats_view(told)})
                    for slot in self._watchers.get(event.id, ()):
                        slot.put("seats", frame)
                except (RedisError, Refusal) as error:
                    log.warning("the seats of event %d cannot be told yet: %s", event.id, error)
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            if self._telling.get(event.id) is asyncio.current_task():
                del self._telling[event.id]

    async def _read(self, event: Event, *, since: float) -> Seats:
        """The seats, read at `since` or later: all who wait for a reading share it."""
        async with self._reading[event.id]:
            known = self._seats.get(event.id)
            if known and known[0] >= since:
                return known[1]
            began = _clock()
            seats = await self._stock.seats(event)
            self._seats[event.id] = began, seats
            return seats

    def _behind(self, event_id: int, seats: Seats) -> bool:
        counts = self._catalogue.counts(event_id)
        return counts is not None and (counts.epoch, counts.version) > (seats.epoch, seats.version)


def seats_view(seats: Seats) -> dict[str, Any]:
    """The seats as clients get them: per type one bit a unit in base64, the first unit in the highest bit."""
    return {
        "epoch": seats.epoch,
        "version": seats.version,
        "free": _encoded(seats.free),
        "held": _encoded(seats.held),
    }


def plan_view(plan: Mapping[int, Sequence[Row]]) -> list[dict[str, Any]]:
    """The rows as clients get them: from the front to the back, each with its first unit."""
    return [
        {
            "ticket_type_id": type_id,
            "rows": [
                {"section": row.section, "row": row.row, "first": row.first, "numbers": row.numbers}
                for row in rows
            ],
        }
        for type_id, rows in plan.items()
    ]


def _encoded(units: Mapping[int, bytes]) -> dict[str, str]:
    return {str(type_id): b64encode(bits).decode() for type_id, bits in units.items()}


def _clock() -> float:
    return asyncio.get_running_loop().time()

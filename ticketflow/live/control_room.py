"""What an organiser sees of a sale: one frame a second for each event that somebody watches."""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from databases import Database

from ticketflow.domain import BookingStatus, Event, iso, now
from ticketflow.live.catalogue import Catalogue
from ticketflow.live.slot import Slot
from ticketflow.store import audit, bookings, outbox, violations
from waiting_room import Forecast

log = logging.getLogger(__name__)

FRAME_SECONDS = 1.0
_COUNTED = (
    "waiting",
    "called",
    "active",
    "missed",
    "admitted_total",
    "admitted_last_minute",
    "rate_per_minute",
    "max_active",
)


class ControlRoom:
    """Builds desk frames. `run` it once a process; organisers' sockets come and go by `attach`."""

    def __init__(self, catalogue: Catalogue, database: Database) -> None:
        self._catalogue = catalogue
        self._database = database
        self._slots: defaultdict[int, set[Slot]] = defaultdict(set)
        self._steered: dict[int, tuple[int, str | None]] = {}
        """Who made the last revision of each event's levers that was seen here."""

    @contextmanager
    def attach(self, event_id: int, slot: Slot) -> Iterator[None]:
        """Let a socket see an event's desk for as long as the block lasts."""
        self._slots[event_id].add(slot)
        try:
            yield
        finally:
            self._slots[event_id].discard(slot)

    async def run(self) -> None:
        """Send a frame a second until cancelled."""
        while True:
            for event_id, slots in list(self._slots.items()):
                event = self._catalogue.find(event_id)
                if not slots or event is None:
                    continue
                try:
                    text = json.dumps(await self.frame(event))
                except violations.BROKEN as error:
                    log.warning("no desk frame for event %d: %s", event_id, error)
                    continue
                except Exception:
                    log.exception("no desk frame for event %d", event_id)
                    continue
                for slot in slots:
                    slot.put("desk", text)
            await asyncio.sleep(FRAME_SECONDS)

    async def frame(self, event: Event) -> dict[str, Any]:
        """The contract's desk frame: the room's last frame, the stock's last counts, and the mail."""
        return {
            "type": "desk",
            "at": iso(now()),
            "sale_state": self._catalogue.sale_state(event).value,
            **self._room(event),
            **await self._steering(event),
            **self._stock(event),
            "refused": await bookings.count(self._database, event.id, BookingStatus.REFUSED),
            "mail": await outbox.counts(self._database, event.id),
        }

    def _room(self, event: Event) -> dict[str, Any]:
        frame = self._catalogue.frame(event.id)
        if frame is None:
            return {**dict.fromkeys(_COUNTED, 0), "waits": _waits(Forecast())}
        said = {name: getattr(frame, name) for name in _COUNTED} | {"waits": _waits(frame.forecast)}
        return {**said, "mode": frame.mode.value, "message": frame.message, "opened": frame.opened}

    async def _steering(self, event: Event) -> dict[str, Any]:
        """Which revision of the levers the frame shows, and who made it."""
        frame = self._catalogue.frame(event.id)
        revision = frame.revision if frame else 0
        if self._steered.get(event.id, (-1, None))[0] != revision:
            by = (await audit.steered(self._database, event.id, revision))["by"] if revision else None
            self._steered[event.id] = revision, by
        return {"revision": revision, "steered_by": self._steered[event.id][1]}

    def _stock(self, event: Event) -> dict[str, Any]:
        counts = self._catalogue.counts(event.id)
        capacity = sum(t.capacity for t in event.ticket_types)
        remaining = {str(t.id): counts.remaining.get(t.id, 0) if counts else 0 for t in event.ticket_types}
        free = sum(remaining.values())
        sold = sum(counts.sold.values()) if counts else 0
        return {
            "remaining": remaining,
            "free": free,
            "held": capacity - free - sold if counts else 0,
            "sold": sold,
        }


def _waits(forecast: Forecast) -> dict[str, int]:
    """How the waits that fans were told turned out."""
    return {"told": forecast.told, "right": forecast.right, "withdrawn": forecast.withdrawn}

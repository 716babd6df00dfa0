"""What is shown of a sale's autopilot: in the desk's frame, and to whoever asks over the API."""

import logging
import math
from typing import Any

from databases import Database

from ticketflow.autopilot.meter import Meter, Reading
from ticketflow.domain import iso
from ticketflow.figures.lately import Lately
from ticketflow.store import autopilots, violations
from ticketflow.store.autopilots import Asked, Autopilot

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.2
BELIEVED_SECONDS = 120.0
"""A database that is slow is when one looks at an autopilot: what it said last is shown for so long."""
USUAL_P95_MS = 2000
USUAL_ERROR_RATE = 0.02
LOW_PART, HIGH_PART = 0.1, 2
"""What is suggested: from a tenth of the rate that is set to twice of it."""
MOST_RATE = 1_000_000


class Board:
    """Reads and shows."""

    def __init__(self, database: Database, meter: Meter) -> None:
        self._database = database
        self._meter = meter
        waiting = {"patience": PATIENCE_SECONDS, "believed": BELIEVED_SECONDS}
        self._autopilots = Lately[int, Autopilot | None](self._read, violations.BROKEN, _warn, **waiting)

    async def view(self, event_id: int) -> dict[str, Any] | None:
        """The autopilot as it flies, or as it was handed back; None if it was never switched on, or if that
        cannot be said."""
        autopilot = await self._autopilots.get(event_id)
        return _view(autopilot, await self._meter.look(event_id)) if autopilot else None

    async def whole_view(self, event_id: int, rate_per_minute: int) -> dict[str, Any]:
        """The same, also of one that was never switched on, with what could be asked of it."""
        autopilot = await autopilots.by_event(self._database, event_id)
        reading = await self._meter.look(event_id)
        suggested = autopilot.asked if autopilot else suggestion(rate_per_minute)
        shown = _view(autopilot, reading) if autopilot else {**_OFF, **_fares(reading)}
        return {**shown, "rate_per_minute": rate_per_minute, "suggested": _asked(suggested)}

    async def close(self) -> None:
        """End the questions that are still open."""
        await self._autopilots.close()

    async def _read(self, event_id: int) -> Autopilot | None:
        return await autopilots.by_event(self._database, event_id)


def _warn(error: Exception) -> None:
    log.warning("an autopilot could not be shown: %s", error)


def suggestion(rate_per_minute: int) -> Asked:
    """Bounds around the rate that is set, and targets that fans do not notice."""
    low = max(1, math.floor(rate_per_minute * LOW_PART))
    high = min(MOST_RATE, max(low, rate_per_minute * HIGH_PART))
    return Asked(low, high, USUAL_P95_MS, USUAL_ERROR_RATE)


_OFF: dict[str, Any] = {
    **dict.fromkeys(("low", "high", "target_p95_ms", "target_error_rate", "moved_at")),
    "on": False,
    "why": "",
}


def _view(autopilot: Autopilot, reading: Reading) -> dict[str, Any]:
    return {
        "on": autopilot.engaged,
        **_asked(autopilot.asked),
        **_fares(reading),
        "why": autopilot.why,
        "moved_at": iso(autopilot.moved_at) if autopilot.moved_at else None,
        "rate_per_minute": autopilot.rate_per_minute,
    }


def _asked(asked: Asked) -> dict[str, Any]:
    return {
        "low": asked.low,
        "high": asked.high,
        "target_p95_ms": asked.target_p95_ms,
        "target_error_rate": asked.target_error_rate,
    }


def _fares(reading: Reading) -> dict[str, Any]:
    seconds, errors = reading.p95_seconds, reading.error_rate
    return {
        "p95_ms": None if seconds is None else round(seconds * 1000),
        "error_rate": None if errors is None else round(errors, 4),
    }

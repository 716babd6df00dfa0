"""How bookings fare: counted where they are answered, told to Redis by each process, read by whoever asks.

What is measured is what the fan waits for: from the request to book until it is decided. A booking adds one
to a count in memory and nothing else; a few times in each window a process tells what it has counted, all
events in one go. Bookings that nobody has decided yet count with their age, which is less than they will
take: were only ends counted, a ledger that stands still would look like one without customers.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ticketflow.autopilot.histogram import bucket_of, p95
from ticketflow.loops import lasting
from ticketflow.stock.keys import StockKeys

log = logging.getLogger(__name__)

WINDOWS = 4
"""So many windows are looked back on, the one that runs among them: 15 to 20 s if one is 5 s."""
TOLD = 5
"""How often in each window a process tells what it has counted."""
ORDERS_SEEN = 500
"""Of the bookings on their way, the oldest so many are looked at: one look holds up nobody."""
FAILED = "failed"


@dataclass(frozen=True)
class Reading:
    """How an event's bookings fare at one moment. `at` is Redis's time in microseconds.

    One alone is chance, two are a sign: a single failure counts as none.
    """

    at: int
    holds: int
    took: Counter[int]
    failures: int

    @property
    def bookings(self) -> int:
        return self.took.total() + self.failures

    @property
    def p95_seconds(self) -> float | None:
        """What 95% take at most; None where too few have booked to say it."""
        return p95(self.took)

    @property
    def error_rate(self) -> float | None:
        """The share of bookings that failed for a fault of ours; None if there was none at all."""
        if not self.bookings:
            return None
        return self.failures / self.bookings if self.failures > 1 else 0.0


class Meter:
    """Counts and reads. `window_seconds` must be the same in every process of the house."""

    def __init__(self, redis: "Redis", prefix: str, window_seconds: float) -> None:
        self._prefix = prefix
        self._window = window_seconds
        self._counted: defaultdict[int, Counter[str]] = defaultdict(Counter)
        folder = files("ticketflow.autopilot") / "lua"
        self._note = redis.register_script((folder / "note.lua").read_text(encoding="utf-8"))
        self._look = redis.register_script((folder / "look.lua").read_text(encoding="utf-8"))

    def took(self, event_id: int, seconds: float) -> None:
        """A booking was decided after so long."""
        self._counted[event_id][str(bucket_of(seconds))] += 1

    def failed(self, event_id: int) -> None:
        """A booking came to nothing for a fault of ours, or was not decided as long as anybody waits."""
        self._counted[event_id][FAILED] += 1

    @lasting
    async def run(self) -> None:
        """For ever: tell what was counted. To be run in each process that counts."""
        while True:
            await asyncio.sleep(self._window / TOLD)
            await self.tell()

    async def tell(self) -> None:
        """Add what was counted since the last time to what all processes have. Without Redis it is lost."""
        counted, self._counted = self._counted, defaultdict(Counter)
        try:
            # Scripts that are called at once go over together (see `GroupedRedis`).
            await asyncio.gather(*(self._tell(event_id, counts) for event_id, counts in counted.items()))
        except RedisError as error:
            log.warning("how bookings fare could not be told: %s", error)

    async def _tell(self, event_id: int, counts: Counter[str]) -> None:
        told = [part for pair in counts.items() for part in pair]
        await self._note(keys=[self._key(event_id)], args=[*self._spans(), *told])

    async def look(self, event_id: int) -> Reading:
        """How the event's bookings fare now, in all processes."""
        stock = StockKeys(self._prefix, event_id)
        found: Any = await self._look(
            keys=[self._key(event_id), stock.orders, stock.holds], args=[*self._spans(), ORDERS_SEEN]
        )
        at, holds, counted, ages = found
        took, failures = Counter[int](), 0
        for what, often in zip(counted[::2], counted[1::2], strict=True):
            if what == FAILED:
                failures += int(often)
            else:
                took[int(what)] += int(often)
        took.update(bucket_of(int(age) / 1000) for age in ages)
        return Reading(int(at), int(holds), took, failures)

    def _spans(self) -> tuple[int, int]:
        return round(self._window * 1_000_000), WINDOWS

    def _key(self, event_id: int) -> str:
        return f"{self._prefix}:{{event:{event_id}}}:booking-times"

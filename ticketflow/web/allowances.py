"""How much somebody may ask in a minute: counted here, summed up in Redis for all processes once a second.

A request waits for no store: it is counted in memory. What has gathered is added to a key in Redis that ends
by itself, and the sum of all processes comes back with the same command. So all share a limit to within a
second, and to within a hundredth: who asks seldom is not worth a command. Without Redis each process counts
for itself. It is a brake, whose minutes begin with the clock's; what must hold to the last request has a
script (the brake of bookings, the joins, strict.lua).
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ticketflow.loops import lasting
from ticketflow.web.arrival import Allowance

log = logging.getLogger(__name__)

PERIOD_SECONDS = 60
SHARE_SECONDS = 1.0
WORTH = 100
"""One part in so many of a limit is worth telling the others."""
MOST_COUNTED = 200_000
"""Who comes after so many others in a minute is counted by nobody until the next: a process has to live."""
AT_ONCE = 500
"""Sums asked for in one go: a request has to wait for no more."""


@dataclass(eq=False, slots=True)
class _Count:
    worth: int
    own: int = 0
    """Since the last time that Redis was told."""
    seen: int = 0
    """The sum of all processes then."""
    refused: bool = False


class Counts:
    """The counts of the minute that it is, by name."""

    def __init__(self, redis: "Redis", prefix: str, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._prefix = prefix
        self._clock = clock
        self._minute = 0
        self._counts: dict[str, _Count] = {}
        self._due: dict[str, _Count] = {}

    def take(self, name: str, most: int) -> tuple[Allowance, bool]:
        """Count one for `name`, of `most` a minute; gives what is left, and whether there was one left."""
        minute, second = divmod(int(self._clock()), PERIOD_SECONDS)
        if minute != self._minute:
            self._minute, self._counts, self._due = minute, {}, {}
        count = self._counts.get(name)
        if count is None:
            count = _Count(max(1, most // WORTH))
            if len(self._counts) < MOST_COUNTED:
                self._counts[name] = count
        left = most - count.own - count.seen
        if left <= 0:
            self._tell(count, name)
            return Allowance(most, 0, PERIOD_SECONDS - second), False
        count.own += 1
        if count.own == count.worth:
            self._due[name] = count
        return Allowance(most, left - 1, PERIOD_SECONDS - second), True

    def _tell(self, count: _Count, name: str) -> None:
        """One line for all that somebody is refused in a minute."""
        if not count.refused:
            count.refused = True
            logging.getLogger("ticketflow.security").info("limit_reached", extra={"limit": name})

    @lasting
    async def keep_sharing(self) -> None:
        """Add up with the other processes until cancelled."""
        while True:
            await asyncio.sleep(SHARE_SECONDS)
            try:
                await self.share()
            except RedisError as error:
                log.warning("limits are not shared meanwhile: %s", error)

    async def share(self) -> None:
        """Tell Redis what has gathered, and learn what the others have counted. Raises RedisError."""
        minute, due = self._minute, self._due
        waiting = list(due.items())
        for start in range(0, len(waiting), AT_ONCE):
            part = waiting[start : start + AT_ONCE]
            counted = [count.own for _, count in part]
            pipeline = self._redis.pipeline(transaction=False)
            for (name, _), own in zip(part, counted, strict=True):
                key = f"{self._prefix}:asked:{minute}:{name}"
                pipeline.incrby(key, own)
                pipeline.expire(key, 2 * PERIOD_SECONDS)
            sums = (await pipeline.execute())[::2]
            for (name, count), own, total in zip(part, counted, sums, strict=True):
                count.seen = total
                count.own -= own
                del due[name]
                if count.own >= count.worth:
                    due[name] = count

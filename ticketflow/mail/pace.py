"""How fast letters leave: so many a second at most, of all workers together."""

import asyncio
import logging
from importlib.resources import files
from math import ceil

from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

REDIS_SECONDS = 2.0
"""How long Redis may take to answer before it counts as away."""
BURST_SECONDS = 0.1
"""For so long nothing may have left, and be made up for at once."""


class Pace:
    """Lets letters go by a bucket in Redis. One of this worker's asks at a time: the first in line."""

    def __init__(self, redis: "Redis", prefix: str, per_second: int) -> None:
        self._key = f"{prefix}:mail:pace"
        self._per_second = per_second
        self.burst = ceil(per_second * BURST_SECONDS)
        self._script = redis.register_script((files("ticketflow.mail") / "lua" / "pace.lua").read_text())
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Return once a letter may leave."""
        if not self._per_second:
            return
        async with self._turn:
            # Redis says how long, and has no event for it.
            while pause := await self._ask():  # noqa: ASYNC110
                await asyncio.sleep(pause)

    async def _ask(self) -> float:
        """0 if a letter may leave, else the seconds after which to ask again."""
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                return int(await self._script(keys=[self._key], args=[self._per_second, self.burst])) / 1e6
        except (RedisError, OSError) as error:
            # Letters go out without Redis, too: this worker keeps the pace by itself, whoever else works.
            log.warning("the pace of the mail is not in Redis: %s", error)
            await asyncio.sleep(1 / self._per_second)
            return 0

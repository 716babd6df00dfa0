"""How Redis, the database and the processes are, as this process sees them."""

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Any

from databases import Database
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ticketflow.figures.pulse import processes
from ticketflow.store import violations

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.5


class Health:
    """Looks at most as often as it is asked."""

    def __init__(self, redis: "Redis", database: Database, prefix: str) -> None:
        self._redis = redis
        self._database = database
        self._prefix = prefix

    async def look(self) -> dict[str, Any]:
        """`redis` and `database`: whether they answer, and in how many milliseconds; and the processes."""
        redis, database, seen = await asyncio.gather(
            _timed(self._redis.ping()), _timed(self._database.fetch_val("SELECT 1")), self._processes()
        )
        return {"redis": redis, "database": database, **seen}

    async def _processes(self) -> dict[str, list[dict[str, Any]]]:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await processes(self._redis, self._prefix)
        except (RedisError, TimeoutError):
            return {"workers": [], "web": []}


async def _timed(question: Awaitable[Any]) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await question
    except (RedisError, TimeoutError, *violations.BROKEN) as error:
        log.warning("a store does not answer: %s", error)
        return {"ok": False, "ms": None}
    return {"ok": True, "ms": round((time.perf_counter() - began) * 1000, 1)}

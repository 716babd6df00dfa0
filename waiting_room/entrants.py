"""The log of who entered a lobby's draw, read from Redis in slices."""

from __future__ import annotations

from collections.abc import AsyncIterator

from redis.asyncio import Redis

SLICE_BYTES = 1 << 18
"""Some 11,000 visitors: a few milliseconds of Redis's time, and of the reader's."""


async def read_entrants(redis: Redis, key: str) -> AsyncIterator[str]:
    """The visitors in the log at `key`, each once, oldest first. None come after those there at the start."""
    seen: set[str] = set()
    length = await redis.strlen(key)
    cut_off = ""
    for start in range(0, length, SLICE_BYTES):
        end = min(start + SLICE_BYTES, length) - 1
        *visitors, cut_off = (cut_off + str(await redis.getrange(key, start, end))).split("\n")
        for visitor in visitors:
            # Who was put back after a loss may have been noted before it as well.
            if visitor not in seen:
                seen.add(visitor)
                yield visitor

"""The last hour of a sale, second by second: a stream in Redis in which each second stands once.

An entry's id is its second, and a stream takes no id that is not above its last one: whoever is first records
a second, and nobody can do it twice.
"""

import json
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from ticketflow.store.minutes import SERIES, Sample

KEPT_SECONDS = 3600
"""And a few minutes more, until the last minute of them is in the database for certain."""
SPARE_SECONDS = 300


class Samples:
    """The samples of all events on one Redis."""

    def __init__(self, redis: "Redis", prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix

    def key(self, event_id: int) -> str:
        """A stream; it shares the hash tag of the event's other keys."""
        return f"{self._prefix}:{{event:{event_id}}}:samples"

    async def add(self, event_id: int, second: int, sample: Sample) -> bool:
        """Record a second, unless it or a later one stands there already. Gives whether it was this call."""
        key, oldest = self.key(event_id), (second - KEPT_SECONDS - SPARE_SECONDS) * 1000
        try:
            await self._redis.xadd(
                key, {"is": json.dumps(sample, separators=(",", ":"))}, id=f"{second * 1000}-0", minid=oldest
            )
        except ResponseError as error:
            if "equal or smaller" not in str(error):
                raise
            return False
        await self._redis.expire(key, KEPT_SECONDS + SPARE_SECONDS)
        return True

    async def last(self, event_id: int) -> tuple[int, Sample] | None:
        """The last second that stands there."""
        return _first(await self._redis.xrevrange(self.key(event_id), count=1))

    async def last_before(self, event_id: int, second: int) -> tuple[int, Sample] | None:
        """The last second that stands there before that one."""
        return _first(await self._redis.xrevrange(self.key(event_id), max=f"({second * 1000}-0", count=1))

    async def first_from(self, event_id: int, second: int) -> tuple[int, Sample] | None:
        """The first second that stands there from that one on."""
        return _first(await self._redis.xrange(self.key(event_id), min=str(second * 1000), count=1))

    async def between(self, event_id: int, first: int, end: int) -> dict[int, Sample]:
        """Second -> sample, from `first` up to but without `end`."""
        key = self.key(event_id)
        return dict(_read(await self._redis.xrange(key, min=str(first * 1000), max=f"({end * 1000}-0")))


def _first(entries: Any) -> tuple[int, Sample] | None:
    found = _read(entries)
    return found[0] if found else None


def _read(entries: Sequence[tuple[str, dict[str, str]]]) -> list[tuple[int, Sample]]:
    """The samples in entries; what another version wrote with other series is passed over."""
    whole = json.loads(f"[{','.join(fields['is'] for _, fields in entries)}]")
    return [
        (int(entry_id.partition("-")[0]) // 1000, tuple(sample))
        for (entry_id, _), sample in zip(entries, whole, strict=True)
        if len(sample) == len(SERIES)
    ]

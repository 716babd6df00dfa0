"""How often somebody may try: passwords of an account, and letters to an address."""

import hashlib

from redis.asyncio import Redis

from ticketflow.domain import Refusal

SECONDS = 600
"""After so long the count begins anew."""


class Tries:
    """Counts tries in Redis, by what they are at. The names are hashed: Redis need not know who was tried.

    A try is counted before it is made, so that a thousand at once are counted as well; one that succeeds is
    given back. Whether there is such an account has no part in it.
    """

    def __init__(self, redis: "Redis", prefix: str, most: int) -> None:
        self._redis = redis
        self._prefix = prefix
        self._most = most

    async def take(self, *at: object) -> None:
        """Count a try. Raises `Refusal` too_many_requests if there were too many."""
        used, seconds = await self._count(at, 1)
        if used > self._most:
            raise Refusal(
                "too_many_requests",
                "That was tried very often in a short time. Nothing was changed; try again in "
                f"{-(-seconds // 60)} min.",
                retry_after=seconds,
            )

    async def take_if_left(self, *at: object) -> bool:
        """Count a try, and say whether it may be made."""
        return (await self._count(at, 1))[0] <= self._most

    async def give_back(self, *at: object) -> None:
        """The try was none: it was right."""
        await self._count(at, -1)

    async def _count(self, at: tuple[object, ...], by: int) -> tuple[int, int]:
        """The count after this one, and how many seconds it is kept."""
        name = hashlib.sha256("\0".join(map(str, at)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        key = f"{self._prefix}:tries:{name}"
        async with self._redis.pipeline(transaction=True) as step:
            step.incrby(key, by)
            step.expire(key, SECONDS, nx=True)
            step.ttl(key)
            used, _, seconds = await step.execute()
        return int(used), max(1, int(seconds))

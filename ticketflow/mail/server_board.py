"""Whether the mail server is there: written where every process may read it, by the worker that finds out."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis

from ticketflow.domain import iso, now

BELIEVED_SECONDS = 60
"""How long such a word holds if nobody repeats it: who wrote it may have died."""


@dataclass(frozen=True)
class ServerState:
    """`state` is up or away; `since` and `reason` tell of the latter."""

    state: str
    since: datetime | None = None
    reason: str | None = None

    def public(self) -> dict[str, Any]:
        """As the delivery desk is told."""
        return {"state": self.state, "since": self.since and iso(self.since), "reason": self.reason}


async def server_state(redis: "Redis", prefix: str) -> ServerState:
    """What the workers say of the mail server. Raises what Redis raises."""
    said = {name: str(value) for name, value in (await redis.hgetall(_key(prefix))).items()}
    if not said:
        return ServerState("up")
    return ServerState("away", datetime.fromisoformat(said["since"]).astimezone(UTC), said["reason"])


async def say_away(redis: "Redis", prefix: str, reason: str) -> None:
    """Say that the server is away, or is still away: since the first who has said so."""
    key = _key(prefix)
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.hsetnx(key, "since", iso(now()))
        pipeline.hset(key, "reason", reason)
        pipeline.expire(key, BELIEVED_SECONDS)
        await pipeline.execute()


async def say_up(redis: "Redis", prefix: str) -> None:
    """Say that it is there again."""
    await redis.delete(_key(prefix))


def _key(prefix: str) -> str:
    return f"{prefix}:mail:server"

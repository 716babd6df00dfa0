"""What the delivery desk asks of the postmen, wherever they run: is the mail server there; and to come."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ticketflow.domain import iso

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerState:
    """`state` is up or away; `since` and `reason` tell of the latter."""

    state: str
    since: datetime | None = None
    reason: str | None = None

    def public(self) -> dict[str, Any]:
        return {"state": self.state, "since": self.since and iso(self.since), "reason": self.reason}


class Postmen:
    """One a process."""

    def __init__(self, redis: "Redis", prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix

    async def server(self) -> ServerState:
        """What they say of the mail server. Raises what Redis raises."""
        said = await self._redis.hgetall(f"{self._prefix}:mail:server")
        if not said:
            return ServerState("up")
        return ServerState("away", datetime.fromisoformat(said["since"]).astimezone(UTC), said["reason"])

    async def wake(self) -> None:
        """Ring for them. Who does not hear it looks by themselves, a moment later."""
        try:
            await self._redis.publish(f"{self._prefix}:mail", "")
        except (RedisError, OSError) as error:
            log.warning("the postmen were not woken: %s", error)

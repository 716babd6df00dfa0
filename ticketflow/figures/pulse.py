"""Which processes are alive: each says so once a second, with how many sockets it holds."""

import asyncio
import json
import logging
import os
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ticketflow.loops import lasting

log = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
SHOWN_SECONDS = 60
"""A process that is silent is shown for so long, with since when it is, and then forgotten."""


class Pulse:
    """One process's sign of life. `sockets` counts those it holds, if it is one that holds any."""

    def __init__(
        self, redis: "Redis", prefix: str, kind: str, sockets: Callable[[], int] | None = None
    ) -> None:
        self._redis = redis
        self._key = _key(prefix)
        self._kind = kind
        self._sockets = sockets
        # Numbers of processes come again, in containers all the time.
        self._name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"

    @lasting
    async def beat(self) -> None:
        """Beat until cancelled. Who ends in good order takes the name along."""
        try:
            while True:
                try:
                    await self.beat_once()
                except RedisError as error:
                    log.warning("no sign of life could be given: %s", error)
                await asyncio.sleep(BEAT_SECONDS)
        finally:
            with suppress(RedisError, asyncio.CancelledError):
                await self._redis.hdel(self._key, f"{self._kind}:{self._name}")

    async def beat_once(self) -> None:
        """Say that this process is alive now, by the clock of Redis."""
        seconds, micros = await self._redis.time()
        said = {"at": seconds + micros / 1e6, "sockets": self._sockets() if self._sockets else None}
        await self._redis.hset(self._key, f"{self._kind}:{self._name}", json.dumps(said))
        await self._redis.expire(self._key, SHOWN_SECONDS)


async def processes(redis: "Redis", prefix: str) -> dict[str, list[dict[str, Any]]]:
    """The processes seen of late, as the desk is told: `workers`, and `web` with their sockets."""
    seconds, micros = await redis.time()
    now, key = seconds + micros / 1e6, _key(prefix)
    found: dict[str, list[dict[str, Any]]] = {"workers": [], "web": []}
    for field, text in sorted((await redis.hgetall(key)).items()):
        kind, _, name = str(field).partition(":")
        said = json.loads(text)
        silent = round(max(0.0, now - said["at"]), 1)
        if silent > SHOWN_SECONDS:
            await redis.hdel(key, field)
        elif kind == "web":
            found["web"].append({"name": name, "sockets": said["sockets"], "seen_seconds_ago": silent})
        else:
            found["workers"].append({"name": name, "seen_seconds_ago": silent})
    return found


def _key(prefix: str) -> str:
    return f"{prefix}:alive"

"""Lets all processes know that an account is not any more what they remember of it."""

import json
import logging
from collections.abc import Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ticketflow.live.hub import Hub
from ticketflow.live.open_sockets import OpenSockets

log = logging.getLogger(__name__)

Forget = Callable[[int], None]


class AccountNews:
    """Tells, and hears through the hub. Whoever remembers accounts has its `forget` in `listeners`."""

    def __init__(self, redis: "Redis", prefix: str, hub: Hub, open_sockets: OpenSockets) -> None:
        self._redis = redis
        self._channel = channel_of(prefix)
        self._hub = hub
        self._open_sockets = open_sockets
        self.listeners: list[Forget] = []
        hub.listen(self._channel, self._hear)

    async def changed(self, account: int) -> None:
        """Its role has changed, or it is closed: its open sockets come back as what it is then."""
        await self._tell(account, sockets=True)

    async def revoked(self, account: int, session: str) -> None:
        """A token is over: its sockets are let go, and nobody remembers it."""
        await self._hub.sessions.end_session(account, session)
        await self._tell(account, sockets=False)

    async def _tell(self, account: int, *, sockets: bool) -> None:
        message = _message(account, sockets=sockets)
        self._hear(message)
        try:
            await self._redis.publish(self._channel, message)
        except RedisError as error:
            log.warning("a changed account could not be told to the other processes: %s", error)

    def _hear(self, message: str) -> None:
        told = json.loads(message)
        for forget in self.listeners:
            forget(told["account"])
        if told["sockets"]:
            self._open_sockets.send_back(told["account"])


async def tell_changed(redis: "Redis", prefix: str, account: int) -> None:
    """The same from a process that remembers nothing itself. Raises what Redis raises."""
    await redis.publish(channel_of(prefix), _message(account, sockets=True))


def channel_of(prefix: str) -> str:
    """Where it is told."""
    return f"{prefix}:accounts"


def _message(account: int, *, sockets: bool) -> str:
    return json.dumps({"account": account, "sockets": sockets})

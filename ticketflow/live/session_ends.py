"""The ends of sessions, told to every process: sockets are let go, and what is remembered is forgotten."""

import json
import logging
from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ticketflow.domain import User
from ticketflow.live.open_sockets import OpenSockets

log = logging.getLogger(__name__)


class SessionEnds:
    """Told here: this process acts now, the others when they hear. Whoever remembers accounts has a function
    in `listeners` that forgets one."""

    def __init__(self, redis: "Redis", prefix: str, open_sockets: OpenSockets) -> None:
        self._redis = redis
        self._open_sockets = open_sockets
        self.listeners: list[Callable[[int], None]] = []
        self.channel = channel_of(prefix)

    async def end_session(self, account: int, session: str) -> None:
        """Let go the sockets of a session, or of a token, that is over."""
        await self._tell({"account": account, "session": session})

    async def account_changed(self, user: User) -> None:
        """Forget what is remembered of an account, and let go the sockets of its sessions that began under
        another number."""
        await self._tell({"account": user.id, "epoch": user.session_epoch})

    async def role_changed(self, account: int) -> None:
        """Forget what is remembered of an account. Its sockets come back as what it is now."""
        await self._tell({"account": account})

    def hear(self, data: str) -> None:
        """Take in what a process has told."""
        over = json.loads(data)
        for forget in self.listeners:
            forget(over["account"])
        if "session" in over:
            self._open_sockets.end_session(over["account"], over["session"])
        elif "epoch" in over:
            self._open_sockets.end_older_sessions(over["account"], over["epoch"])
        else:
            self._open_sockets.send_back(over["account"])

    async def _tell(self, over: dict[str, Any]) -> None:
        message = json.dumps(over)
        self.hear(message)
        try:
            await self._redis.publish(self.channel, message)
        except RedisError as error:
            log.warning("the end of a session could not be told to the other processes: %s", error)


async def tell_role_changed(redis: "Redis", prefix: str, account: int) -> None:
    """The same from a process that remembers nothing itself. Raises what Redis raises."""
    await redis.publish(channel_of(prefix), json.dumps({"account": account}))


def channel_of(prefix: str) -> str:
    """Where it is told."""
    return f"{prefix}:sessions"

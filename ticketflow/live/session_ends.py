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
    """Told here: this process acts now, the others when they hear. `forget` is told of each account that has
    changed."""

    def __init__(
        self, redis: "Redis", prefix: str, open_sockets: OpenSockets, forget: Callable[[int], None]
    ) -> None:
        self._redis = redis
        self._open_sockets = open_sockets
        self._forget = forget
        self.channel = f"{prefix}:sessions"

    async def end_session(self, account: int, session: str) -> None:
        """Let go the sockets of a session that is over."""
        await self._tell({"account": account, "session": session})

    async def account_changed(self, user: User) -> None:
        """Forget what is remembered of an account, and let go the sockets of its sessions that began under
        another number."""
        await self._tell({"account": user.id, "epoch": user.session_epoch})

    def hear(self, data: str) -> None:
        """Take in what a process has told."""
        over = json.loads(data)
        if "session" in over:
            self._open_sockets.end_session(over["account"], over["session"])
        else:
            self._forget(over["account"])
            self._open_sockets.end_older_sessions(over["account"], over["epoch"])

    async def _tell(self, over: dict[str, Any]) -> None:
        message = json.dumps(over)
        self.hear(message)
        try:
            await self._redis.publish(self.channel, message)
        except RedisError as error:
            log.warning("the end of a session could not be told to the other processes: %s", error)

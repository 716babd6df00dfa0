"""The ends of sessions, told to every process: sockets are let go, and what is remembered is forgotten.

They are told twice. Word over Redis is there in milliseconds, but may be lost; what is written down is read
by each process every second. So also a process that was cut off from Redis knows of an end within a second,
and one that begins knows of all.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from databases import Database
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ticketflow.domain import User, now
from ticketflow.live.ended import Ended
from ticketflow.live.open_sockets import OpenSockets
from ticketflow.loops import lasting
from ticketflow.store import session_ends as records
from ticketflow.store import violations
from ticketflow.store.session_ends import End

log = logging.getLogger(__name__)

READ_SECONDS = 1.0
OVERLAP = timedelta(minutes=1)
"""So far back each reading looks again: for what was committed later than it was dated, by another clock."""
PRUNE_SECONDS = 3_600.0


class SessionEnds:
    """Told here: this process acts now, the others when they hear. Whoever remembers accounts has a function
    in `listeners` that forgets one."""

    def __init__(
        self, redis: "Redis", database: Database, prefix: str, ended: Ended, open_sockets: OpenSockets
    ) -> None:
        self._redis = redis
        self._database = database
        self._open_sockets = open_sockets
        self._read_to = now() - records.KEPT
        self.ended = ended
        self.listeners: list[Callable[[int], None]] = []
        self.channel = channel_of(prefix)

    async def end_session(self, account: int, session: str) -> None:
        """End a session for good, and let go its sockets."""
        await records.note(self._database, account, session)
        await self.session_over(account, session)

    async def session_over(self, account: int, session: str) -> None:
        """Let go the sockets of a session, or of a token, whose end is written down."""
        await self._tell({"account": account, "session": session})

    async def account_changed(self, user: User) -> None:
        """Forget what is remembered of an account, and let go the sockets of its sessions and tokens of an
        older number. That these have ended is written down."""
        await self._tell({"account": user.id, "epoch": user.session_epoch})

    async def role_changed(self, account: int) -> None:
        """Forget what is remembered of an account. Its sockets come back as what it is now."""
        await self._tell({"account": account})

    def hear(self, data: str) -> None:
        """Take in what a process has told."""
        over = json.loads(data)
        if "session" in over or "epoch" in over:
            end = End(over["account"], over.get("session"), over.get("epoch"), now())
            self.ended.add(end)
            self._act(end)
        else:
            self._forget(over["account"])
            self._open_sockets.send_back(over["account"])

    async def read(self) -> None:
        """Take in what was written down since the last time, whether or not it was heard."""
        at = now()
        for end in await records.since(self._database, self._read_to - OVERLAP):
            if self.ended.add(end):
                self._act(end)
        self._read_to = at

    @lasting
    async def keep_reading(self) -> None:
        """For ever: read what is new, and now and then forget what is too old to matter."""
        clock, prune_at = asyncio.get_running_loop().time, 0.0
        while True:
            # While the database is away it tells of nothing new either; that it is away is said elsewhere.
            with suppress(TimeoutError, *violations.BROKEN):
                await self.read()
                if clock() >= prune_at:
                    prune_at = clock() + PRUNE_SECONDS
                    self.ended.prune()
                    await records.prune(self._database)
            await asyncio.sleep(READ_SECONDS)

    def _act(self, end: End) -> None:
        self._forget(end.user_id)
        if end.session is not None:
            self._open_sockets.end_session(end.user_id, end.session)
        else:
            self._open_sockets.end_older_sessions(end.user_id, end.epoch or 0)

    def _forget(self, account: int) -> None:
        for forget in self.listeners:
            forget(account)

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

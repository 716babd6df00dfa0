"""The delivery desk, live: one count a second for each scope that somebody watches, whoever many they are."""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from databases import Database
from redis.exceptions import RedisError

from ticketflow.live.slot import Slot
from ticketflow.loops import lasting
from ticketflow.mail.server_board import ServerState
from ticketflow.store import violations
from ticketflow.store.mail_counts import summary
from ticketflow.store.mail_desk import Scope

log = logging.getLogger(__name__)

FRAME_SECONDS = 1.0


class MailRoom:
    """Builds the desk's frames. `run` it once a process; sockets come and go by `attach`."""

    def __init__(self, database: Database, server: Callable[[], Awaitable[ServerState]]) -> None:
        self._database = database
        self._server = server
        self._slots: defaultdict[Scope, set[Slot]] = defaultdict(set)

    @contextmanager
    def attach(self, scope: Scope, slot: Slot) -> Iterator[None]:
        """Let a socket see a scope's letters for as long as the block lasts."""
        self._slots[scope].add(slot)
        try:
            yield
        finally:
            self._slots[scope].discard(slot)
            if not self._slots[scope]:
                del self._slots[scope]

    @lasting
    async def run(self) -> None:
        """Send a frame a second until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            for scope, slots in list(self._slots.items()):
                try:
                    text = json.dumps(await self.frame(scope))
                except (RedisError, *violations.BROKEN) as error:
                    log.warning("no frame of the delivery desk: %s", error)
                    continue
                for slot in list(slots):
                    slot.put("mail", text)
            await asyncio.sleep(max(0.1, FRAME_SECONDS - (loop.time() - began)))

    async def frame(self, scope: Scope) -> dict[str, Any]:
        """The scope's numbers now, and the mail server."""
        numbers = await summary(self._database, scope)
        return {"type": "mail", **numbers, "server": (await self._server()).public()}

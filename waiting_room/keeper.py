"""Keeps one room going: makes it, ticks it, and brings it back when Redis has lost it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from dataclasses import replace

from redis.exceptions import RedisError

from .errors import RoomLost
from .frame import Frame
from .policy import RoomPolicy
from .room import WaitingRoom

log = logging.getLogger(__name__)

REMEMBER_SECONDS = 2.0
"""A process whose ticks always come second asks for a frame this often: any of them may have to restore."""

CANCEL_AGAIN_SECONDS = 0.3


class RoomKeeper:
    """The heartbeat of one room, to be run by one process or by many.

    `policy` is what the room is first made with. What was steered since is remembered from the frames, so a
    room that Redis loses comes back as it was. That memory is the process's own: an application that must
    outlive Redis and all of its processes at once keeps policy, epoch and frontier in its database instead,
    and calls `WaitingRoom.ensure` and `tick` itself.
    """

    def __init__(self, room: WaitingRoom, policy: RoomPolicy) -> None:
        self.room = room
        self.policy = policy
        self.frame: Frame | None = None
        """The last frame this process has seen; None before the first."""
        self._seen_at = 0.0
        self._trouble = ""
        self._task: asyncio.Task[None] | None = None

    async def ensure(self) -> bool:
        """Make the room unless Redis has it. True if this call made it.

        Who has seen the room before knows that it was lost, and takes places back before anybody is let in.
        The epoch is the time in unix seconds, and always above one this process has seen: it needs no store.
        """
        last = self.frame
        epoch = max(int(time.time()), last.epoch + 1 if last else 0)
        frontier = last.frontier if last else 0
        return await self.room.ensure(
            self.policy, epoch=epoch, frontier=frontier, recovering=last is not None
        )

    async def tick(self) -> None:
        """One beat: admit, remember the frame, and restore a lost room."""
        try:
            frame = await self.room.tick()
            if frame is None and time.monotonic() - self._seen_at > REMEMBER_SECONDS:
                frame = await self.room.snapshot()
        except RoomLost:
            log.warning("room %s is not in Redis, putting it there", self.room.name)
            await self.ensure()
            return
        if frame is not None:
            self._remember(frame)

    async def start(self) -> None:
        """Make the room and tick it in the background until `stop`.

        A Redis that cannot be reached is waited for, never raised.
        """
        await self._survive(self.ensure())
        self._task = asyncio.create_task(self._tick_for_ever())

    async def stop(self) -> None:
        """End the ticking. The room stays; other processes go on with it."""
        # Clients on Python 3.11 can swallow a cancellation that meets the result they wait for.
        while self._task and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=CANCEL_AGAIN_SECONDS)

    async def _tick_for_ever(self) -> None:
        # On a grid: a room that is ticked late because of the work between lets in fewer than it may.
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self._survive(self.tick())
            due = max(due + self.policy.tick_seconds, loop.time())
            await asyncio.sleep(due - loop.time())

    async def _survive(self, step: Awaitable[object]) -> None:
        """Await a step. The heart goes on beating whatever happens; the same trouble is told once."""
        try:
            await step
        except RedisError as error:
            if str(error) != self._trouble:
                log.warning("room %s: %s", self.room.name, error)
            self._trouble = str(error)
        except Exception:
            log.exception("room %s", self.room.name)
        else:
            self._trouble = ""

    def _remember(self, frame: Frame) -> None:
        self.frame, self._seen_at = frame, time.monotonic()
        self.policy = replace(
            self.policy,
            mode=frame.mode,
            message=frame.message,
            rate_per_minute=frame.rate_per_minute,
            max_active=frame.max_active,
            lobby_opens_at=frame.lobby_opens_at,
            opens_at=frame.opens_at,
        )

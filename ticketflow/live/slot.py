"""One slot a socket, newest wins: a slow reader gets the latest state, never a backlog."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

FRAME_SECONDS = 0.1
"""A socket gets at most ten frames a second. Replies to its own commands do not wait."""


MOST_REPLIES = 64
"""Replies that may wait for a reader; who sends more commands without reading is read no further."""


class Closed(Exception):
    """Raised by `pump` when the slot was closed: the socket is to be let go."""


class Slot:
    """What waits to be sent on one socket: the newest frame of each kind, and replies in order."""

    def __init__(self) -> None:
        self._frames: dict[str, str] = {}
        self._replies: deque[str] = deque()
        self._filled = asyncio.Event()
        self._sent = asyncio.Event()
        self._closed = False

    def close(self) -> None:
        """End `pump`, once what waits has been sent."""
        self._closed = True
        self._filled.set()

    def put(self, kind: str, frame: str) -> None:
        """Leave a frame; it takes the place of one of the same kind that was not sent yet."""
        self._frames[kind] = frame
        self._filled.set()

    def reply(self, message: str) -> None:
        """Leave a reply; each is sent."""
        self._replies.append(message)
        self._filled.set()

    async def taken(self) -> None:
        """Return once the reader has taken enough replies to be given more."""
        while len(self._replies) >= MOST_REPLIES:
            self._sent.clear()
            await self._sent.wait()

    async def pump(self, send: Callable[[str], Awaitable[None]], idle_seconds: float) -> None:
        """Send what is left here until cancelled.

        Raises TimeoutError if the reader takes nothing for `idle_seconds`, and `Closed` after `close`.
        """
        loop = asyncio.get_running_loop()
        next_frame_at = 0.0
        while True:
            await self._something(next_frame_at)
            while self._replies:
                await _send(send, self._replies.popleft(), idle_seconds)
                self._sent.set()
            while self._frames and loop.time() >= next_frame_at:
                # The oldest kind first, so that a busy kind does not starve the others.
                frame = self._frames.pop(next(iter(self._frames)))
                await _send(send, frame, idle_seconds)
                next_frame_at = loop.time() + FRAME_SECONDS

    async def _something(self, next_frame_at: float) -> None:
        """Return when there is a reply to send, or a frame whose time has come."""
        loop = asyncio.get_running_loop()
        while not self._replies and not (self._frames and loop.time() >= next_frame_at):
            if self._closed and not self._frames:
                raise Closed
            self._filled.clear()
            if not self._frames:
                await self._filled.wait()
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout_at(next_frame_at):
                    await self._filled.wait()


async def _send(send: Callable[[str], Awaitable[None]], text: str, idle_seconds: float) -> None:
    async with asyncio.timeout(idle_seconds):
        await send(text)

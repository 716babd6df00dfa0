"""One slot a socket, newest wins: a slow reader gets the latest state, never a backlog."""

import asyncio
from collections.abc import Awaitable, Callable

FRAME_SECONDS = 0.1
"""A socket gets at most ten frames a second. Replies to its own commands do not wait."""


MOST_REPLIES = 64
"""Replies that may wait for a reader; who sends more commands without reading is read no further."""


class Closed(Exception):
    """Raised by `pump` when the slot was closed: the socket is to be let go."""


class Slot:
    """What waits to be sent on one socket: the newest frame of each kind, and replies in order.

    A process has thousands of them and fills all of them at once: what each frame costs here, and what each
    socket keeps here, counts so many times.
    """

    __slots__ = ("_closed", "_frames", "_next_frame_at", "_replies", "_sending_since", "_taken", "_woken")

    def __init__(self) -> None:
        self._frames: dict[str, str] = {}
        # Most have none, and few have many: an empty deque would take ten times the room.
        self._replies: list[str] = []
        self._closed = False
        self._next_frame_at = 0.0
        self._sending_since: float | None = None
        self._woken: asyncio.Future[None] | None = None
        self._taken: asyncio.Future[None] | None = None

    def close(self) -> None:
        """End `pump`, once what waits has been sent."""
        self._closed = True
        _wake(self._woken)

    def put(self, kind: str, frame: str) -> None:
        """Leave a frame; it takes the place of one of the same kind that was not sent yet."""
        first = not self._frames
        self._frames[kind] = frame
        # Where one waits already its time is set.
        if first:
            _wake(self._woken)

    def reply(self, message: str) -> None:
        """Leave a reply; each is sent."""
        self._replies.append(message)
        _wake(self._woken)

    async def taken(self) -> None:
        """Return once the reader has taken enough replies to be given more."""
        while len(self._replies) >= MOST_REPLIES:
            self._taken = asyncio.get_running_loop().create_future()
            await self._taken

    async def pump(self, send: Callable[[str], Awaitable[None]], idle_seconds: float) -> None:
        """Send what is left here until cancelled.

        Raises TimeoutError if the reader takes nothing for `idle_seconds`, and `Closed` after `close`.
        """
        async with asyncio.timeout(None) as patience:
            watch = _Watch(self, patience, idle_seconds)
            try:
                await self._send_on(send)
            finally:
                watch.end()

    async def _send_on(self, send: Callable[[str], Awaitable[None]]) -> None:
        time = asyncio.get_running_loop().time
        while True:
            if self._replies:
                self._sending_since = time()
                await send(self._replies.pop(0))
                _wake(self._taken)
            elif self._frames and time() >= self._next_frame_at:
                self._sending_since = time()
                # The oldest kind first, so that a busy kind does not starve the others.
                await send(self._frames.pop(next(iter(self._frames))))
                self._next_frame_at = time() + FRAME_SECONDS
            elif self._closed and not self._frames:
                raise Closed
            else:
                self._sending_since = None
                await self._something()

    async def _something(self) -> None:
        """Return when something new was left, or the time of a frame that waits has come."""
        loop = asyncio.get_running_loop()
        self._woken = loop.create_future()
        if not self._frames:
            await self._woken
            return
        timer = loop.call_at(self._next_frame_at, _wake, self._woken)
        try:
            await self._woken
        finally:
            timer.cancel()

    def stuck_since(self) -> float | None:
        """Since when, by the loop's clock, what is on its way to the reader is; None if nothing is."""
        return self._sending_since


class _Watch:
    """Ends a pump by its time limit when one thing has been on its way for too long.

    It looks once in so many seconds: a timer for each thing that is sent would cost more than to send it.
    """

    def __init__(self, slot: Slot, patience: asyncio.Timeout, idle_seconds: float) -> None:
        self._slot, self._patience, self._idle_seconds = slot, patience, idle_seconds
        self._look()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        since = self._slot.stuck_since() or now
        if now - since >= self._idle_seconds:
            self._patience.reschedule(now)
        else:
            self._timer = loop.call_at(since + self._idle_seconds, self._look)

    def end(self) -> None:
        self._timer.cancel()


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)

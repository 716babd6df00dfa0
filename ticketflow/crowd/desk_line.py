"""One fan's websocket: commands by number, frames as they come, and a new connection when one drops."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from ticketflow.crowd.reply import COME_BACK_LATER, Broken, Reply

CONNECT_SECONDS = 20.0
FIRST_DELAY_SECONDS = 0.4
LONGEST_DELAY_SECONDS = 10.0
MOST_FAILURES = 10
REPLY_SECONDS = 40.0


class DeskLine:
    """Speaks for one fan, who asks for one thing at a time."""

    def __init__(
        self, url: str, headers: Mapping[str, str], take: Callable[[dict[str, Any], int], None]
    ) -> None:
        """`take` is given each frame that is no reply, and the number of the connection it came by."""
        self._url = url
        self._headers = headers
        self._take = take
        self._socket: ClientConnection | None = None
        self._news = asyncio.Event()
        self._replies: dict[int, Reply] = {}
        self._last_id = 0
        self._trouble: str | None = None
        self._told_seconds: float | None = None
        self.connections = 0

    async def until(self, ready: Callable[[], bool]) -> None:
        """Return when `ready`, which is asked at each piece of news. Raises `Broken` if the line is dead."""
        while not ready():
            if self._trouble:
                raise Broken(self._trouble)
            self._news.clear()
            await self._news.wait()

    async def command(self, do: str, **fields: Any) -> Reply:
        """Send a command and give the reply; if the line drops in between, send it again.

        Only a hold is not the same when it is done twice, and a lost one ends by itself.
        """
        self._last_id += 1
        number, message = self._last_id, json.dumps({"id": self._last_id, "do": do, **fields})
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                while number not in self._replies:
                    await self._send(number, message)
        except TimeoutError:
            raise Broken(f"no reply to {do} within {REPLY_SECONDS:.0f} s") from None
        return self._replies.pop(number)

    async def _send(self, number: int, message: str) -> None:
        await self.until(lambda: self._socket is not None)
        socket, connection = self._socket, self.connections
        assert socket is not None  # noqa: S101 - what `until` waited for
        with suppress(ConnectionClosed):
            await socket.send(message)
        await self.until(
            lambda: number in self._replies or self._socket is None or self.connections != connection
        )

    async def keep_open(self) -> None:
        """Connect, and again after each drop: when the house said, or else waiting longer each time; until
        cancelled, or hopeless."""
        failures = 0
        while failures < MOST_FAILURES and self._trouble is None:
            connections = self.connections
            try:
                await self._converse()
            except InvalidStatus as error:
                self._judge(error.response.status_code)
            except (OSError, TimeoutError, WebSocketException):
                pass
            finally:
                self._socket = None
                self._news.set()
            failures = 1 if self.connections > connections else failures + 1
            await asyncio.sleep(self._pause(failures))
        self._trouble = self._trouble or "the line is dead"
        self._news.set()

    def _pause(self, failures: int) -> float:
        told, self._told_seconds = self._told_seconds, None
        if told is not None:
            return told
        ceiling: float = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2**failures)
        return ceiling * random.uniform(0.5, 1)

    async def _converse(self) -> None:
        async with connect(
            self._url,
            additional_headers=self._headers,
            compression=None,
            proxy=None,
            open_timeout=CONNECT_SECONDS,
            close_timeout=1,
        ) as socket:
            self.connections += 1
            self._socket = socket
            self._news.set()
            async for text in socket:
                self._hear(text)

    def _hear(self, text: str | bytes) -> None:
        try:
            frame = json.loads(text)
            if frame["type"] == "reply":
                self._replies[frame["id"]] = Reply(frame["status"], frame["body"])
            elif frame["type"] == "reconnect":
                self._told_seconds = frame["after"]
            else:
                self._take(frame, self.connections)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._trouble = f"a frame that cannot be read ({type(error).__name__})"
        self._news.set()

    def _judge(self, status: int) -> None:
        if status not in COME_BACK_LATER:
            self._trouble = f"the desk socket was refused with {status}"


@asynccontextmanager
async def open_line(line: DeskLine) -> AsyncIterator[DeskLine]:
    """Keep the line open for as long as the block lasts."""
    keeper = asyncio.create_task(line.keep_open())
    try:
        yield line
    finally:
        keeper.cancel()
        await asyncio.wait({keeper})

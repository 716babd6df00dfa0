"""Clients that cost little, so that what is measured is the server: what they send are ready-made bytes.

Each connection is one object that the event loop calls when bytes have come; no task, no stream, no parser
of more than a client must know.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from .common import seconds

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
HANDSHAKE_KEY = base64.b64encode(b"a key of a bench").decode()
PATIENCE_SECONDS = 60
TEXT, PING, PONG = 0x1, 0x9, 0xA
"""The kinds of websocket frames that a client meets or sends here."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of an answer, and its head and body as they came."""

    status: int
    head: bytes
    body: bytes


L = TypeVar("L", bound="Line")


class Line(asyncio.Protocol):
    """One connection that stays open, and asks one thing at a time; `answered` is called with each answer."""

    def __init__(self) -> None:
        self.answered: Callable[[Line, Answer], None] = _nobody_asked
        self._held = b""

    def connection_made(self, transport: Any) -> None:
        self.ask, self.close = transport.write, transport.close

    def data_received(self, data: bytes) -> None:
        self._held += data
        head_ends = self._held.find(b"\r\n\r\n") + 4
        if head_ends < 4:
            return
        head = self._held[:head_ends]
        length = LENGTH.search(head)
        ends = head_ends + (int(length[1]) if length else 0)
        if len(self._held) >= ends:
            body, self._held = self._held[head_ends:ends], self._held[ends:]
            self.answered(self, Answer(int(head[9:12]), head, body))


class SocketLine(Line):
    """A websocket. Its answers are the text messages that begin with `marker`; all others are passed over."""

    def __init__(self, marker: bytes) -> None:
        super().__init__()
        self._marker = marker
        self._open = False

    def data_received(self, data: bytes) -> None:
        if not self._open:
            # What comes right behind the handshake stays in hand until more comes.
            self._open = b"\r\n\r\n" in self._held + data
            super().data_received(data)
            return
        self._held += data
        while frame := _first_frame(self._held):
            kind, payload, length = frame
            self._held = self._held[length:]
            if kind == PING:
                self.ask(client_frame(PONG, payload))
            elif kind == TEXT and payload.startswith(self._marker):
                self.answered(self, Answer(0, b"", payload))


def post(url: str, *headers: str, body: bytes = b"") -> bytes:
    """A POST as it goes over the wire, with header lines of its own."""
    parts = urlsplit(url)
    lines = [f"POST {_target(url)} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *filter(None, headers), "", ""]).encode() + body


def handshake(url: str, *headers: str) -> bytes:
    """What opens a websocket."""
    parts = urlsplit(url)
    lines = [f"GET {_target(url)} HTTP/1.1", f"Host: {parts.netloc}", f"Sec-WebSocket-Key: {HANDSHAKE_KEY}"]
    upgrade = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    return "\r\n".join([*lines, *upgrade, *headers, "", ""]).encode()


def _target(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def message(text: bytes) -> bytes:
    """A text message of a client's."""
    return client_frame(TEXT, text)


def client_frame(kind: int, payload: bytes) -> bytes:
    """What a client sends, as it goes over the wire."""
    # A client must mask what it sends; a mask of zeros leaves the bytes as they are.
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return bytes([0x80 | kind]) + length + bytes(4) + payload


def _first_frame(held: bytes) -> tuple[int, bytes, int] | None:
    """Kind, payload and whole length of a server's first frame, once all of it is here."""
    if len(held) < 4:
        return None
    size, begins = held[1], 2
    if size == 126:
        size, begins = int.from_bytes(held[2:4], "big"), 4
    ends = begins + size
    return (held[0] & 0x0F, held[begins:ends], ends) if len(held) >= ends else None


def _nobody_asked(line: Line, answer: Answer) -> None:
    raise AssertionError(f"nobody asked for {answer}")


async def connect(url: str, make: Callable[[], L]) -> L:
    """A new connection to the server of `url`."""
    parts = urlsplit(url)
    _, line = await asyncio.get_running_loop().create_connection(make, str(parts.hostname), parts.port or 80)
    return line


async def ask(lines: Sequence[Line], requests: Sequence[bytes], at_once: int) -> list[Answer]:
    """Send all requests, so many on their way at the same time, each on the line that is idle longest."""
    idle, left, answers = deque(lines), deque(requests), list[Answer]()
    done = asyncio.get_running_loop().create_future()

    def ask_next() -> None:
        line = idle.popleft()
        line.answered = answered
        line.ask(left.popleft())

    def answered(line: Line, answer: Answer) -> None:
        answers.append(answer)
        idle.append(line)
        if left:
            ask_next()
        elif len(answers) == len(requests):
            done.set_result(None)

    for _ in range(min(at_once, len(requests))):
        ask_next()
    await asyncio.wait_for(done, PATIENCE_SECONDS)
    return answers


@dataclass
class Load:
    """Requests to one server, over connections that stay open."""

    url: str
    connections: int
    answers: list[Answer] = field(default_factory=list)
    """Those of the last `rate`."""
    _lines: list[Line] = field(default_factory=list)

    async def rate(self, requests: Sequence[bytes]) -> float:
        """Answers a second, all of them good ones."""
        while len(self._lines) < self.connections:
            self._lines.append(await connect(self.url, Line))

        async def work() -> None:
            self.answers = await ask(self._lines, requests, self.connections)

        took = await seconds(work)
        bad = [answer for answer in self.answers if answer.status not in (200, 201)]
        assert not bad, bad[0]
        return len(requests) / took

    def close(self) -> None:
        """Close the connections; the next `rate` opens them anew."""
        for line in self._lines:
            line.close()
        self._lines.clear()

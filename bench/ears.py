"""Thousands of open sockets in one process, each as cheap as can be, and when each of them heard what."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any
from urllib.parse import urlsplit

from .load import PING, PONG, TEXT, client_frame, handshake, message

AT_ONCE = 100
PATIENCE_SECONDS = 120
NARROW_BYTES = 4_096
"""What the kernel keeps for a reader who has stopped."""
STUFFING = 400
"""Messages that are sent back to a reader who has stopped: 8 MB, where the kernel keeps four at most."""
ECHOED = message(json.dumps({"id": 1, "do": "x" * 19_900}).encode())
"""A command that is refused in words that repeat it."""


class Ear(asyncio.Protocol):
    """One socket. It only counts, and tells its `Crowd` of texts that are waited for."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._held = b""
        self._open = False
        self.opened = asyncio.get_running_loop().create_future()
        self.frames = 0
        self.first_at = self.last_at = 0.0
        self.last = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self._held:
            data = self._held + data
        if not self._open:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._held = head
                return
            self._open = True
            self.opened.set_result(head)
        while len(data) >= 2:
            size, begins = data[1], 2
            if size >= 126:
                begins = 4 if size == 126 else 10
                size = int.from_bytes(data[2:begins], "big")
            ends = begins + size
            if len(data) < ends:
                break
            self._take(data[0] & 0x0F, data[begins:ends], now)
            data = data[ends:]
        self._held = data

    @property
    def rate(self) -> float:
        """Texts a second between the first and the last of those counted."""
        return (self.frames - 1) / (self.last_at - self.first_at) if self.frames > 1 else 0.0

    def _take(self, kind: int, payload: bytes, now: float) -> None:
        if kind == TEXT:
            self.frames += 1
            self.first_at, self.last_at, self.last = self.first_at or now, now, payload
            self._crowd.heard(payload, now)
        elif kind == PING:
            self.transport.write(client_frame(PONG, payload))


@dataclass
class Crowd:
    """All sockets to one server."""

    url: str
    ears: list[Ear] = field(default_factory=list)
    text: bytes = b""
    """The last text that was waited for."""
    _wanted: bytes | None = None
    _times: list[float] = field(default_factory=list)
    _all_heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self, count: int, *headers: str, narrow: bool = False) -> None:
        """Open so many sockets more, some at a time."""
        already = len(self.ears)
        for begin in range(already, already + count, AT_ONCE):
            some = min(AT_ONCE, already + count - begin)
            self.ears += await asyncio.gather(*(self._opened(headers, narrow) for _ in range(some)))

    async def _opened(self, headers: Sequence[str], narrow: bool) -> Ear:
        parts = urlsplit(self.url)
        line = socket.socket()
        line.setblocking(False)
        if narrow:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW_BYTES)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(line, (parts.hostname, parts.port))
        _, ear = await loop.create_connection(lambda: Ear(self), sock=line)
        ear.transport.write(handshake(self.url, *headers))
        head = await asyncio.wait_for(ear.opened, PATIENCE_SECONDS)
        assert head.startswith(b"HTTP/1.1 101"), head
        return ear

    def expect(self, marker: bytes) -> None:
        """From now on note when a text comes that holds `marker`."""
        self._wanted, self._times = marker, []
        self._all_heard.clear()

    async def latencies(self, since: float) -> list[float]:
        """How long after `since` each socket had the text, the quickest first, once all have it."""
        await asyncio.wait_for(self._all_heard.wait(), PATIENCE_SECONDS)
        return [at - since for at in self._times]

    def heard(self, payload: bytes, now: float) -> None:
        """One socket has a text."""
        if self._wanted is not None and self._wanted in payload:
            self._times.append(now)
            if len(self._times) == len(self.ears):
                self.text, self._wanted = payload, None
                self._all_heard.set()

    async def stop_reading(self) -> None:
        """Read no further, and ask for so much that it lies before the door."""
        for ear in self.ears:
            ear.transport.pause_reading()
            for _ in range(STUFFING):
                ear.transport.write(ECHOED)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any(ear.transport.get_write_buffer_size() for ear in self.ears):  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.05)

    def forget(self) -> None:
        """Count anew from here on."""
        for ear in self.ears:
            ear.frames, ear.first_at = 0, 0.0

    def close(self) -> None:
        """Close all sockets."""
        for ear in self.ears:
            ear.transport.abort()
        self.ears.clear()


def p99(latencies: Sequence[float]) -> float:
    """What 99 of 100 are not above."""
    return sorted(latencies)[ceil(0.99 * len(latencies)) - 1]


def enough_files() -> None:
    """Let this process and its children have as many open files as they may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

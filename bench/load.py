"""A client that costs little, so that what is measured is the server: its requests are ready-made bytes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .common import seconds

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """The status of an answer, and its head and body as they came."""

    status: int
    head: bytes
    body: bytes


@dataclass
class Load:
    """POSTs to one address over connections that stay open, each with a header line (or "") of its own."""

    url: str
    headers: Sequence[str]
    answers: list[Answer] = field(default_factory=list)
    _lines: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    async def rate(self, each: int) -> float:
        """Answers a second when each connection asks `each` times, one request after the other."""
        if not self._lines:
            parts = urlsplit(self.url)
            for _ in self.headers:
                self._lines.append(await asyncio.open_connection(parts.hostname, parts.port))
        self.answers.clear()
        took = await seconds(lambda: self._all(each))
        bad = [answer for answer in self.answers if answer.status not in (200, 201)]
        assert not bad, bad[0]
        return len(self.answers) / took

    async def close(self) -> None:
        """Close the connections; the next `rate` opens them anew."""
        for _, writer in self._lines:
            writer.close()
            await writer.wait_closed()
        self._lines.clear()

    async def _all(self, each: int) -> None:
        async with asyncio.TaskGroup() as fans:
            for line, header in zip(self._lines, self.headers, strict=True):
                fans.create_task(self._one(*line, header, each))

    async def _one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, header: str, each: int
    ) -> None:
        parts = urlsplit(self.url)
        lines = [f"POST {parts.path or '/'} HTTP/1.1", f"Host: {parts.netloc}", "Content-Length: 0"]
        request = "\r\n".join([*lines, *([header] if header else []), "", ""]).encode()
        for _ in range(each):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = LENGTH.search(head)
            assert length is not None, head
            body = await reader.readexactly(int(length[1]))
            self.answers.append(Answer(int(head.split(b" ", 2)[1]), head, body))

"""A line to a database that carries so many bytes a second: what is more has to queue, as at a slow one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

from ticketflow.loops import end


class NarrowLine:
    """All connections share its width. How long a query takes grows with what others have sent before it.

    `bytes_a_second` may be changed while it carries; None is as wide as can be.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self.bytes_a_second: float | None = None
        self.carried = 0
        """What clients have sent, in bytes."""
        self._free_at = 0.0
        self._carrying: set[asyncio.Task[None]] = set()
        self._ends: set[asyncio.StreamWriter] = set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until one of its ends closes it."""
        far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        self._ends |= {writer, far_writer}
        for way in self._pour(reader, far_writer, slow=True), self._pour(far_reader, writer):
            task = asyncio.create_task(way)
            self._carrying.add(task)
            task.add_done_callback(self._carrying.discard)

    async def _pour(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slow: bool = False
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                if slow:
                    self.carried += len(data)
                    await self._queue(len(data))
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _queue(self, size: int) -> None:
        """Wait for what was sent before, and for this: like cars through one lane."""
        if self.bytes_a_second is None:
            return
        now = asyncio.get_running_loop().time()
        self._free_at = max(now, self._free_at) + size / self.bytes_a_second
        await asyncio.sleep(self._free_at - now)

    async def cut(self) -> None:
        """End every connection."""
        await end(self._carrying)
        for writer in self._ends:
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def narrow_line(url: str) -> AsyncIterator[tuple[NarrowLine, str]]:
    """A line to the database at that address, wide at first, and the address at this end of it."""
    parts = urlsplit(url)
    line = NarrowLine(parts.hostname or "127.0.0.1", parts.port or 3306)
    server = await asyncio.start_server(line.carry, "127.0.0.1", 0)
    here = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    who = parts.netloc.rpartition("@")[0]
    try:
        yield line, urlunsplit(parts._replace(netloc=f"{who}@{here}" if who else here))
    finally:
        server.close()
        await line.cut()

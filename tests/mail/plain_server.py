"""A mail server in this process whose answers a test decides, word for word."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

Answer = Callable[[str], str]
LARGEST = 10_000_000
CUT = ""
"""The answer that is none: the connection ends."""


class PlainServer:
    """Speaks as much SMTP as a postman listens to, and ends a connection after a 421."""

    def __init__(self) -> None:
        self.sender: Answer = lambda _: "250 ok"
        """Is asked with the number of letters this connection has brought."""
        self.recipient: Answer = lambda _: "250 ok"
        self.text: Answer = lambda _: "250 taken"
        """These are asked with the letter's address."""
        self.named: Counter[str] = Counter()
        self.texts: Counter[str] = Counter()
        """Address -> how often the server was told it, and how often it had the text."""
        self.taken: Counter[str] = Counter()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Yields its URL."""
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, limit=LARGEST)
        async with server:
            yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        brought, address, answer = 0, "", "220 hello"
        with suppress(OSError):
            while answer != CUT:
                writer.write(answer.encode() + b"\r\n")
                line = b"" if answer.startswith("421") else await reader.readline()
                word = line[:4].upper()
                if word == b"RCPT":
                    address = line.decode().split("<")[1].split(">")[0]
                if word == b"MAIL":
                    brought += 1
                if word == b"DATA":
                    writer.write(b"354 go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                answer = self._answer(word, address, brought)
        writer.close()

    def _answer(self, word: bytes, address: str, brought: int) -> str:
        if word == b"MAIL":
            return self.sender(str(brought))
        if word == b"RCPT":
            self.named[address] += 1
            return self.recipient(address)
        if word == b"DATA":
            self.texts[address] += 1
            answer = self.text(address)
            self.taken[address] += answer.startswith("250")
            return answer
        return CUT if word in (b"", b"QUIT") else "250 ok"

"""What a browser offers a websocket, and what of it is declined; on a real Hypercorn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart, websocket

from tests.servers import free_port
from ticketflow.loops import running
from ticketflow.web.plain_sockets import PlainConnection, PlainWebsocket

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)
TEXT = "word " * 20
FRAME = b"\x81" + bytes([len(TEXT)]) + TEXT.encode()
"""The text as one frame of a server that compresses nothing (RFC 6455, 5.2)."""


def quarts_own() -> Quart:
    """An application that says a text to each socket."""
    app = Quart(__name__)

    @app.websocket("/")
    async def say() -> None:
        await websocket.accept()
        await websocket.send(TEXT)

    return app


def plain() -> Quart:
    app = quarts_own()
    app.asgi_websocket_class, app.websocket_class = PlainConnection, PlainWebsocket
    return app


@asynccontextmanager
async def served(app: Quart) -> AsyncIterator[int]:
    config = Config()
    config.bind = [f"127.0.0.1:{free_port()}"]
    config.loglevel = "WARNING"
    stop = asyncio.Event()
    async with running([serve(app, config, shutdown_trigger=stop.wait)]):
        yield int(config.bind[0].rpartition(":")[2])
        stop.set()


async def said(port: int) -> tuple[bytes, bytes]:
    """Head and first frame that somebody gets who offers to compress, as each browser does."""
    async with asyncio.timeout(20):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
        writer.write(HANDSHAKE)
        head = await reader.readuntil(b"\r\n\r\n")
        frame = b""
        # A ping may come first.
        while not frame or frame[0] & 0x0F == 9:
            begin = await reader.readexactly(2)
            frame = begin + await reader.readexactly(begin[1])
        writer.close()
        return head.lower(), frame


async def check_nothing_is_compressed(app: Quart) -> None:
    async with served(app) as port:
        head, frame = await said(port)
    assert head.startswith(b"http/1.1 101")
    assert b"sec-websocket-extensions" not in head
    assert frame == FRAME


async def test_nothing_is_compressed():
    await check_nothing_is_compressed(plain())


async def test_control_left_alone_it_is():
    with pytest.raises(AssertionError):
        await check_nothing_is_compressed(quarts_own())

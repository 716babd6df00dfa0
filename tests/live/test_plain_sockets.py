"""What a browser offers a websocket and is declined, and how much of what it sends is taken in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart, websocket
from quart.asgi import ASGIWebsocketConnection

from tests.house import eventually
from tests.servers import free_port
from ticketflow.loops import running
from ticketflow.web import plain_sockets
from ticketflow.web.plain_sockets import MOST_WAITING, PlainConnection, PlainWebsocket

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


def plain(app: Quart | None = None) -> Quart:
    app = app or quarts_own()
    app.asgi_websocket_class, app.websocket_class = PlainConnection, PlainWebsocket
    return app


@asynccontextmanager
async def served(app: Quart) -> AsyncIterator[int]:
    config = Config()
    config.bind = [f"127.0.0.1:{free_port()}"]
    config.loglevel = "WARNING"
    config.graceful_timeout = 0.1
    stop = asyncio.Event()
    async with running([serve(app, config, shutdown_trigger=stop.wait)]):
        yield int(config.bind[0].rpartition(":")[2])
        stop.set()


async def opened(port: int) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
    """A socket, as soon as the server is there, and the head of its answer."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            break
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)
    writer.write(HANDSHAKE)
    return await reader.readuntil(b"\r\n\r\n"), reader, writer


async def said(port: int) -> tuple[bytes, bytes]:
    """Head and first frame that somebody gets who offers to compress, as each browser does."""
    async with asyncio.timeout(20):
        head, reader, writer = await opened(port)
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


MANY = 200
"""More messages than Hypercorn's queue and ours hold, of one byte each (RFC 6455, 5.3)."""
FLOOD = (b"\x82\x81" + bytes(5)) * MANY


def deaf(over: asyncio.Event, begun: asyncio.Event) -> Quart:
    """An application that reads nothing of what its sockets send, until it is over."""
    app = Quart(__name__)

    @app.websocket("/")
    async def say_nothing() -> None:
        await websocket.accept()
        begun.set()
        await over.wait()

    return app


async def check_no_more_is_taken_in_than_fits(kind: type[ASGIWebsocketConnection]) -> None:
    """Somebody sends without end what nobody reads."""
    over, taken = asyncio.Event(), 0

    async def sends_on() -> Any:
        nonlocal taken
        if taken == MANY:
            over.set()
        await asyncio.sleep(0)
        taken += 1
        return {"type": "websocket.receive", "bytes": b"x", "text": None}

    async def nowhere(message: Any) -> None:
        pass

    scope: Any = {"headers": [], "path": "/", "query_string": b"", "scheme": "ws", "asgi": {}}
    connection = asyncio.create_task(kind(deaf(over, asyncio.Event()), scope)(sends_on, nowhere))
    with suppress(TimeoutError):
        async with asyncio.timeout(0.3):
            await over.wait()
    over.set()
    await connection
    # Full, and one in the hand.
    assert taken == MOST_WAITING + 1


async def test_no_more_is_taken_in_than_fits():
    await check_no_more_is_taken_in_than_fits(PlainConnection)


async def test_control_left_alone_all_is():
    with pytest.raises(AssertionError):
        await check_no_more_is_taken_in_than_fits(ASGIWebsocketConnection)


async def check_who_sends_on_keeps_no_connection(seconds: float) -> None:
    """The conversation ends while somebody still sends and all queues are full: nothing of it is left."""
    over, begun = asyncio.Event(), asyncio.Event()
    async with served(plain(deaf(over, begun))) as port, asyncio.timeout(20):
        _, _, writer = await opened(port)
        await begun.wait()
        writer.write(FLOOD)
        for _ in range(MANY):
            # It comes in one piece, and is put into the queues in so many turns of the loop.
            await asyncio.sleep(0.001)
        over.set()

        async def all_gone() -> bool:
            return not any("_server_callback" in repr(task.get_coro()) for task in asyncio.all_tasks())

        with suppress(TimeoutError):
            await eventually(all_gone, seconds=seconds)
        gone = await all_gone()
        writer.close()
    assert gone


async def test_who_sends_on_keeps_no_connection():
    await check_who_sends_on_keeps_no_connection(10)


async def test_control_left_alone_hypercorn_keeps_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plain_sockets, "_read_no_more", lambda receive, send: None)
    with pytest.raises(AssertionError):
        await check_who_sends_on_keeps_no_connection(0.5)

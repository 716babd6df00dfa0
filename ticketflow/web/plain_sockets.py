"""Websockets without what costs much when there are thousands of them and each is told of each change."""

import asyncio
from collections.abc import Awaitable
from http import HTTPStatus
from time import perf_counter

from hypercorn.protocol.ws_stream import WSStream
from hypercorn.typing import ASGIReceiveCallable, ASGIReceiveEvent, ASGISendCallable, WebsocketScope
from quart import Quart, Websocket
from quart.asgi import ASGIWebsocketConnection
from werkzeug.datastructures import Headers

from ticketflow.web import logs
from ticketflow.web.arrival import Allowance

MOST_WAITING = 8
"""Messages of one socket that are taken in before they are read. A page waits for replies and never has so
many; of who sends on and on, Hypercorn reads no further, and the rest waits at the sender's end."""


class PlainConnection(ASGIWebsocketConnection):
    """Quart's connection, which sends nothing compressed, signals to nobody what it sends, and takes in no
    more than is read."""

    def __init__(self, app: Quart, scope: WebsocketScope) -> None:
        super().__init__(app, scope)
        self.queue = asyncio.Queue(MOST_WAITING)
        self._number = ""

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        _decline_compression(send)
        try:
            await super().__call__(receive, send)
        finally:
            _read_no_more(receive, send)

    async def handle_websocket(self, websocket: Websocket, send: ASGISendCallable) -> None:
        """Hold the conversation, and write the socket's line when it is over."""
        began = perf_counter()
        self._number = logs.begin(websocket, self.app.config.get("PROXY_HOPS", 0))
        try:
            await super().handle_websocket(websocket, send)
        finally:
            if self.app.config.get("ACCESS_LOG"):
                status = getattr(websocket, "answered", HTTPStatus.SWITCHING_PROTOCOLS)
                logs.tell(websocket, int(status), perf_counter() - began)

    async def accept_connection(
        self, send: ASGISendCallable, headers: Headers, subprotocol: str | None
    ) -> None:
        # A server of ASGI's first version takes no headers here.
        if "spec_version" in self.scope.get("asgi", {}):
            headers["X-Request-Id"] = self._number
        await super().accept_connection(send, headers, subprotocol)

    async def send_data(self, send: ASGISendCallable, data: str | bytes) -> None:
        text, raw = (data, None) if isinstance(data, str) else (None, data)
        await send({"type": "websocket.send", "bytes": raw, "text": text})


class PlainWebsocket(Websocket):
    """Quart's websocket, to be accepted before anything is sent; `send` does nothing but send."""

    answered: int = HTTPStatus.SWITCHING_PROTOCOLS
    """The status of the handshake."""
    account: int | None = None
    network: str | None = None
    allowance: Allowance | None = None
    """As an `Arrival` has them."""

    def send(self, data: str | bytes) -> Awaitable[None]:  # type: ignore[override]
        found: Awaitable[None] = self._send(data)
        return found


def _decline_compression(send: ASGISendCallable) -> None:
    """Let Hypercorn's handshake overlook that the client can compress, as each browser says.

    Compressed, a socket keeps a third of a megabyte of its past, and a frame of 150 bytes is hardly smaller.
    Hypercorn has no setting for it, and its handshake is not yet answered here.
    """
    stream = getattr(send, "__self__", None)
    if isinstance(stream, WSStream):
        stream.handshake.extensions = None


def _read_no_more(receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Let Hypercorn drop what still comes: the conversation is over, and nobody empties its queue.

    It waits for room there with each message, and with the news that the socket is closed: for ever, if
    somebody sent more at that moment than the queue holds. It has no setting for that either.
    """
    stream, queue = getattr(send, "__self__", None), getattr(receive, "__self__", None)
    if isinstance(stream, WSStream) and isinstance(queue, asyncio.Queue):
        stream.app_put = _drop
        while not queue.empty():
            queue.get_nowait()


async def _drop(message: ASGIReceiveEvent) -> None:
    """Take a message for nobody."""

"""Websockets without what costs much when there are thousands of them and each is told of each change."""

from collections.abc import Awaitable

from hypercorn.protocol.ws_stream import WSStream
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable
from quart import Websocket
from quart.asgi import ASGIWebsocketConnection


class PlainConnection(ASGIWebsocketConnection):
    """Quart's connection, which sends nothing compressed and signals to nobody what it sends."""

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        _decline_compression(send)
        await super().__call__(receive, send)

    async def send_data(self, send: ASGISendCallable, data: str | bytes) -> None:
        text, raw = (data, None) if isinstance(data, str) else (None, data)
        await send({"type": "websocket.send", "bytes": raw, "text": text})


class PlainWebsocket(Websocket):
    """Quart's websocket, to be accepted before anything is sent; `send` does nothing but send."""

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

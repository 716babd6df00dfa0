"""How an answer leaves: head, then the whole body at once."""

from hypercorn.typing import ASGISendCallable
from quart import Response
from quart.asgi import ASGIHTTPConnection
from quart.typing import ResponseTypes
from quart.utils import encode_headers
from quart.wrappers.response import DataBody


class WholeAnswer(ASGIHTTPConnection):
    """Quart's connection, which sends a body that it has whole in two parts: all of it, and then nothing.

    Each part costs the server a turn through its protocol and a write to the socket.
    """

    async def _send_response(self, send: ASGISendCallable, response: ResponseTypes) -> None:
        body = response.response if isinstance(response, Response) else None
        if not isinstance(body, DataBody):
            await super()._send_response(send, response)
            return
        headers = encode_headers(response.headers)
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send(
            {"type": "http.response.body", "body": body.data[body.begin : body.end], "more_body": False}
        )

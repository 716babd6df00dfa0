"""How an answer leaves: head, then the whole body at once, with the headers that each has."""

from time import perf_counter

from hypercorn.typing import ASGISendCallable, ASGISendEvent
from quart import Request, Response
from quart.asgi import ASGIHTTPConnection
from quart.typing import ResponseTypes
from quart.utils import encode_headers
from quart.wrappers.response import DataBody

from ticketflow.web import logs
from ticketflow.web.arrival import Allowance
from ticketflow.web.headers import Header, Headers

WENT_AWAY = 499
"""The status in the log of a request whose client did not wait for the answer."""


class WholeAnswer(ASGIHTTPConnection):
    """Quart's connection, which sends a body that it has whole in two parts: all of it, and then nothing.

    Each part costs the server a turn through its protocol and a write to the socket. What every answer has
    is put to it here, after all that can go wrong.
    """

    _number = ""
    _status = WENT_AWAY
    _request: Request

    async def handle_request(self, request: Request, send: ASGISendCallable) -> None:
        """Answer, and write the request's line."""
        began = perf_counter()
        self._request = request
        self._number = logs.begin(request, self.app.config.get("PROXY_HOPS", 0))
        try:
            await super().handle_request(request, send)
        finally:
            if self.app.config.get("ACCESS_LOG"):
                logs.tell(request, self._status, perf_counter() - began)

    async def _send_response(self, send: ASGISendCallable, response: ResponseTypes) -> None:
        body = response.response if isinstance(response, Response) else None
        if not isinstance(body, DataBody):
            await self._send_parts(send, response)
            return
        headers = self._complete(encode_headers(response.headers))
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send(
            {"type": "http.response.body", "body": body.data[body.begin : body.end], "more_body": False}
        )
        self._status = response.status_code

    async def _send_parts(self, send: ASGISendCallable, response: ResponseTypes) -> None:
        async def completed(event: ASGISendEvent) -> None:
            if event["type"] == "http.response.start":
                event["headers"] = self._complete(list(event["headers"]))
            await send(event)

        await super()._send_response(completed, response)
        self._status = response.status_code

    def _complete(self, given: list[Header]) -> list[Header]:
        kept: Headers = self.app.extensions["headers"]
        headers = kept.complete(given)
        headers.append((b"x-request-id", self._number.encode()))
        allowance: Allowance | None = getattr(self._request, "allowance", None)
        if allowance is not None:
            headers += as_headers(allowance)
        return headers


def as_headers(allowance: Allowance) -> list[Header]:
    """How clients are told what is left to them."""
    return [
        (b"ratelimit-limit", b"%d" % allowance.most),
        (b"ratelimit-remaining", b"%d" % allowance.left),
        (b"ratelimit-reset", b"%d" % allowance.seconds),
    ]

"""HTTP/1.1 with no way round it, and our own words where a request does not get as far as the application.

A proxy and the server behind it must never read one stream of bytes in two ways: who finds such a place can
speak behind the proxy's back, and be whoever they say. So two lengths for one body are refused, and no
connection becomes HTTP/2 halfway, as Hypercorn would let it: what came after that, a proxy would pass on
unread, with whatever X-Forwarded-For stands in it.
"""

import json
from http import HTTPStatus

import h11
from hypercorn.events import Closed
from hypercorn.protocol.h11 import H11Protocol

_LENGTHS = (b"content-length", b"transfer-encoding")
_WORDS = {
    HTTPStatus.BAD_REQUEST: ("bad_request", "This is no request that can be understood. Nothing was done."),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        "headers_too_large",
        "The head of this request is larger than this desk reads. Nothing was done.",
    ),
}


class StrictH11(H11Protocol):
    """Hypercorn's, without its exits."""

    async def _check_protocol(self, event: h11.Request) -> None:
        """HTTP/1.1 it is: an upgrade to anything but a websocket is not heard."""

    async def _create_stream(self, request: h11.Request) -> None:
        size, lengths = len(request.target), 0
        for name, value in request.headers:
            size += len(name) + len(value)
            lengths += name in _LENGTHS
        refusal = None
        # h11 counts what it waits with: a head that comes in one piece it takes in any size.
        if size > self.config.h11_max_incomplete_size:
            refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        elif lengths > 1:
            refusal = HTTPStatus.BAD_REQUEST
        if refusal is None:
            await super()._create_stream(request)
            return
        await self._send_error_response(refusal)
        await self.send(Closed())

    async def _send_error_response(self, status_code: int) -> None:
        status = HTTPStatus(status_code)
        code, detail = _WORDS.get(status, _WORDS[HTTPStatus.BAD_REQUEST])
        body = json.dumps(
            {"type": f"urn:problem:{code}", "title": status.phrase, "status": status.value}
            | {"code": code, "detail": detail}
        ).encode()
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            (b"x-content-type-options", b"nosniff"),
            *self.config.response_headers("h11"),
        ]
        await self._send_h11_event(h11.Response(headers=headers, status_code=status_code))
        await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())

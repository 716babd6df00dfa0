"""localstripe as a server on loopback, with what it lacks: keys that are remembered, and a bad line.

    python -m tests.payments.stripe_server PORT

localstripe's own command listens on every address, keeps its state in a file that all runs share, and
passes over the Idempotency-Key. Here the same application gets two layers: `remember` answers a key that
was seen before as Stripe's documentation says, and `spoil` does on request what networks do.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from aiohttp import web
from localstripe import server
from localstripe.resources import Store

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answer = tuple[int, bytes]

answers: dict[str, tuple[bytes, "asyncio.Future[Answer]"]] = {}
"""Idempotency key -> what was asked under it, and the answer."""
trouble: dict[str, int] = {}
"""`lose`, `busy` or `forget` and the end of a path -> how many more such requests meet it."""


@web.middleware
async def remember(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a known key as the first time; refuse it with another body."""
    key = request.headers.get("Idempotency-Key")
    if request.method != "POST" or key is None or due("forget", request.path):
        return await handler(request)
    asked = request.path.encode() + await request.read()
    if key in answers:
        first, answer = answers[key]
        if first != asked:
            error = {"type": "idempotency_error", "message": "This key came with other parameters."}
            return web.json_response({"error": error}, status=400)
        return whole(*await answer)
    answer = asyncio.get_running_loop().create_future()
    answers[key] = (asked, answer)
    response = await handler(request)
    assert isinstance(response, web.Response)
    assert isinstance(response.body, bytes)
    answer.set_result((response.status, response.body))
    return whole(response.status, response.body)


@web.middleware
async def spoil(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn a request away as too many, or do what it asks and lose the answer."""
    if request.path == "/_test/trouble":
        trouble.update(await request.json())
        return web.Response()
    if due("busy", request.path):
        return web.json_response({"error": {"message": "Too many requests."}}, status=429)
    response = await handler(request)
    if due("lose", request.path):
        assert request.transport is not None
        request.transport.close()
    return response


def due(kind: str, path: str) -> bool:
    """Whether this request is to meet that trouble; counts it."""
    name = f"{kind} {path.rsplit('/', maxsplit=1)[-1]}"
    left = trouble.get(name, 0)
    trouble[name] = max(0, left - 1)
    return left > 0


def whole(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/json")


def main(port: int) -> None:
    Store.dump_to_disk = lambda self: None
    server.app.middlewares[:0] = [spoil, remember]
    web.run_app(server.app, host="127.0.0.1", port=port, print=lambda _: None)


if __name__ == "__main__":
    main(int(sys.argv[1]))

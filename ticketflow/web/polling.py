"""Answers for pages that poll: 304 to who has it already, and after how long to ask again."""

from hashlib import sha256
from http import HTTPStatus

from quart import Response, request

from ticketflow.web.services import services

POLL_AFTER = "Poll-After"
"""Seconds after which a page without a socket should ask again; more when many do."""


async def pollable(response: Response) -> Response:
    """Make an answer to GET conditional, and say when to ask again. Others are left as they are."""
    if request.method != "GET" or response.status_code != HTTPStatus.OK:
        return response
    response.headers[POLL_AFTER] = str(services().poll_pace.next_poll())
    return await conditional(response)


async def conditional(response: Response) -> Response:
    """The response, or 304 to who has it. Without a tag of its own it is known by what it says."""
    if "ETag" not in response.headers:
        body = await response.get_data(as_text=False)
        response.set_etag(sha256(body).hexdigest()[:16], weak=True)
    return await response.make_conditional(request)

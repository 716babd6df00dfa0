"""Answers made for one request that are worth compressing: those ten times as long as what they say."""

import gzip

from quart import Response, request


async def compressed(response: Response) -> Response:
    """The answer, compressed for who takes it so. Not for answers that repeat what was asked next to what is
    secret: from their compressed length one could guess the one by asking the other."""
    response.headers["Vary"] = "Accept-Encoding"
    if request.accept_encodings.quality("gzip"):
        response.set_data(gzip.compress(await response.get_data(as_text=False), compresslevel=6))
        response.headers["Content-Encoding"] = "gzip"
    return response

"""A house with doors behind which everything goes wrong, so that its error pages can be looked at."""

from quart import Quart, abort
from quart_rate_limiter import RateLimitExceeded
from redis.exceptions import ConnectionError as RedisIsAway

from ticketflow.domain import Refusal

STATUSES = (403, 404, 405, 409, 410, 413, 429, 500, 503)


def add_broken_doors(app: Quart) -> list[int]:
    """Give `app` a page for each status under /broken; call it before the first request.

    /broken/once answers 503 the first time and is well from then on. The list given back gets a 1 for each
    time it was asked.
    """
    asked: list[int] = []

    async def broken(status: int) -> str:
        match status:
            case 403:
                raise Refusal("forbidden", "This is for organisers.")
            case 409:
                raise Refusal("still_processing", "Your payment is still on its way.")
            case 429:
                raise RateLimitExceeded(7)
            case 500:
                raise RuntimeError("nobody foresaw this")
            case 503:
                raise RedisIsAway("it is away")
        abort(status)

    async def once() -> str:
        asked.append(1)
        if len(asked) == 1:
            raise RedisIsAway("it is away")
        return "<!doctype html><html lang=en-GB><title>Well</title><h1>All is well again</h1></html>"

    app.add_url_rule("/broken/<int:status>", "broken", broken, methods=["GET", "POST"])
    app.add_url_rule("/broken/once", "broken_once", once)
    return asked

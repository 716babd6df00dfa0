"""The pages for what went wrong: what happened, what was not lost, and what to do next."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from quart import render_template, request
from quart.typing import ResponseReturnValue
from redis.exceptions import RedisError

from ticketflow.store import violations
from ticketflow.web.frame import ask_nobody
from ticketflow.web.guard import SAFE
from ticketflow.web.paging import safe_path
from ticketflow.web.session import signed_in

AGAIN = frozenset({429, 503})
"""What passes by itself: the page tries again."""
SOONEST_SECONDS = 5
SPREAD_SECONDS = 5


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    kept: str
    art: str = "gone"


_KEPT = "Your tickets are yours, and your place in a line is kept."
_WORDS = {
    401: _Words("Sign in first", _KEPT, "shut"),
    402: _Words("It was not paid", "Nothing was taken from you.", "shut"),
    403: _Words("This door is not open to you", f"Nothing was changed. {_KEPT}", "shut"),
    404: _Words("There is nothing here", _KEPT),
    405: _Words("It does not work that way", f"Nothing was changed. {_KEPT}", "shut"),
    409: _Words("Not at this moment", _KEPT, "shut"),
    410: _Words("This has ended", "What you have bought is under My tickets, and stays yours.", "shut"),
    413: _Words("That is too much at once", f"Nothing was changed. {_KEPT}", "shut"),
    429: _Words("One moment, please", f"Nothing was lost by it. {_KEPT}", "pause"),
    500: _Words(
        "Something broke on our side",
        f"{_KEPT} If you were paying, look under My tickets before you pay again.",
        "shut",
    ),
    503: _Words("We will be right back", _KEPT, "pause"),
}
_OTHER = _Words("That did not work", _KEPT, "shut")


async def error_page(problem: dict[str, Any]) -> ResponseReturnValue:
    """The page for a problem document. It needs no store: what is away may be the reason for it."""
    status: int = problem["status"]
    if status >= 500 or not await _can_ask():
        ask_nobody()
    words = _WORDS.get(status, _OTHER)
    wait = problem.get("retry_after")
    page = await render_template(
        "error.html",
        status=status,
        title=words.title,
        detail=problem["detail"],
        kept=words.kept,
        art=words.art,
        action=_action(status),
        again_in=_again_in(wait) if status in AGAIN and request.method in SAFE else None,
        # What a reader can tell us, so that we find it in the log.
        at=datetime.now(UTC) if status == 500 else None,
        number=problem.get("request_id"),
    )
    headers = {"Retry-After": str(wait)} if wait is not None else {}
    return page, status, headers | ({"Allow": ", ".join(problem["allow"])} if "allow" in problem else {})


async def _can_ask() -> bool:
    try:
        await signed_in()
    except (RedisError, *violations.BROKEN):
        return False
    return True


def _again_in(wait: int | None) -> int:
    """Seconds until the page tries again: those who were sent away together do not come back together."""
    return max(wait or 0, SOONEST_SECONDS) + random.randrange(SPREAD_SECONDS)


def _action(status: int) -> dict[str, str]:
    """The way on. What was sent by a form is not sent again by us: its page is where one goes on."""
    if status == 401:
        return {"label": "Sign in", "href": "/signin"}
    if request.method in SAFE:
        if status in AGAIN or status == 500:
            return {"label": "Try now", "href": safe_path(request.full_path.rstrip("?")) or "/"}
        return {"label": "All events", "href": "/"}
    try:
        came_from = urlsplit(request.referrer or "")
    except ValueError:  # "http://[" is no address at all
        came_from = urlsplit("")
    query = f"?{came_from.query}" if came_from.query else ""
    # A path of ours may begin with two slashes, and would then be taken for another host.
    back = safe_path(came_from.path + query)
    if came_from.netloc == request.host and back:
        return {"label": "Back to where you were", "href": back}
    return {"label": "All events", "href": "/"}

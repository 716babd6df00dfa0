"""What a fan is told, as JSON: one shape for HTTP and for sockets. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from .standing import Standing


def queue_view(standing: Standing) -> dict[str, Any]:
    """A fan's place. `place` is 1 for the next to be called and None where it means nothing.

    `wait_seconds` is an interval that never moves to a later time without `slower` saying why (null, or
    one of promise.Slower); `claim_by` and `expires_at` are ISO 8601 in UTC. So is `opens_at`, null where the
    doors open by hand; `opened` says that they have been open, so nothing is drawn any more. The ticket is
    the fan's own: whoever has it has the place.
    """
    return {
        "ticket": standing.ticket,
        "state": standing.state.value,
        "place": standing.place,
        "ahead": standing.ahead,
        "waiting": standing.waiting,
        "wait_seconds": list(standing.wait_seconds) if standing.wait_seconds else None,
        "slower": standing.slower.value if standing.slower else None,
        "rate_per_minute": standing.rate_per_minute,
        "claim_by": _moment(standing.claim_by),
        "expires_at": _moment(standing.expires_at),
        "message": standing.message,
        "opened": standing.opened,
        "opens_at": _moment(standing.opens_at),
    }


def place_frame(standing: Standing) -> dict[str, Any]:
    """The same for a socket that is told of each change; the ticket need not be repeated."""
    view = queue_view(standing)
    del view["ticket"]
    return {"type": "place", **view}


# The opening is told with every place, and is the same in each.
@lru_cache(maxsize=1_024)
def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""What a fan is told, as JSON: one shape for HTTP and for sockets. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol

from .promise import Promise
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
        **own_view(standing),
        **turn_view(standing.place, standing.promise),
        **line_view(standing, standing.opens_at),
    }


def own_view(standing: Standing) -> dict[str, Any]:
    """The part of it that stays until the fan is looked up again."""
    return {
        "state": standing.state.value,
        "claim_by": _moment(standing.claim_by),
        "expires_at": _moment(standing.expires_at),
    }


def turn_view(place: int | None, promise: Promise | None) -> dict[str, Any]:
    """The part that moves with the line, and is each fan's own."""
    seconds = promise.seconds if promise else None
    return {
        "place": place,
        "ahead": None if place is None else place - 1,
        "wait_seconds": list(seconds) if seconds else None,
        "slower": promise.slower.value if promise and promise.slower else None,
    }


class Line(Protocol):
    """What a fan's standing and a room's frame both know of the line."""

    @property
    def waiting(self) -> int: ...
    @property
    def rate_per_minute(self) -> int: ...
    @property
    def message(self) -> str: ...
    @property
    def opened(self) -> bool: ...


def line_view(line: Line, opens_at: float | None) -> dict[str, Any]:
    """The part that is the same for all fans of a room. `opens_at` is in unix seconds."""
    return {
        "waiting": line.waiting,
        "rate_per_minute": line.rate_per_minute,
        "message": line.message,
        "opened": line.opened,
        "opens_at": _moment(opens_at),
    }


# The opening is told with every place, and is the same in each.
@lru_cache(maxsize=1_024)
def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""What the queue page says when it is written: all that its script keeps up to date afterwards."""

from datetime import datetime, timedelta
from typing import Any

from ticketflow.domain import from_micros, now
from waiting_room import RoomPolicy, Standing, State
from waiting_room.notice import next_look
from waiting_room.views import queue_view

NEAR_SECONDS = 60
"""Who is called within this had better stay. In step with static/js/queue.js."""
MOVED_BY_HAND = frozenset({State.ACTIVE, State.DONE, State.LEFT})
"""Nothing happens here until the fan does something: the page need not look again."""


def view(standing: Standing, policy: RoomPolicy, *, first: int | None) -> dict[str, Any]:
    """The contract's view of a place and what a page without a script cannot work out by itself.

    `done` is the share of the way since the place that was shown `first`, in percent; `turn_between` the wait
    as moments; `lapsed` says that the time to take a missed place back is over; `look_again` is in seconds,
    None where the page stays as it is.
    """
    at = now()
    ends = standing.expires_at
    return {
        **queue_view(standing),
        "at": at,
        "return_seconds": policy.return_seconds,
        "first": first,
        "done": share_done(first, standing.place),
        "turn_between": _moments(standing, at),
        "near": standing.wait_seconds is not None and standing.wait_seconds[1] <= NEAR_SECONDS,
        "lapsed": standing.state is State.MISSED and ends is not None and from_micros(int(ends * 1e6)) <= at,
        "look_again": None if standing.state in MOVED_BY_HAND else next_look(standing, policy),
    }


def share_done(first: int | None, place: int | None) -> int:
    """Percent of the way from the first place shown to the front. Who is next has all of it behind them."""
    if first is None or place is None:
        return 0
    return 100 if place <= 1 else 100 * (first - place) // (first - 1)


def _moments(standing: Standing, at: datetime) -> tuple[datetime, datetime] | None:
    """The wait as times of day: the later one to the next full minute."""
    if standing.wait_seconds is None:
        return None
    low, high = standing.wait_seconds
    return at + timedelta(seconds=low), at + timedelta(seconds=high, microseconds=59_999_999)

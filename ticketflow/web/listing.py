"""The landing page's list: what is next, what is over, and what somebody looks for. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ticketflow.domain import SaleState

LASTS = timedelta(hours=6)
"""An event is not over when it begins."""
_ORDER = {
    **dict.fromkeys((SaleState.ON_SALE, SaleState.LOBBY, SaleState.PAUSED), 0),
    SaleState.SCHEDULED: 1,
    SaleState.SOLD_OUT: 2,
}

Shown = Mapping[str, Any]
"""An event as `show_event` gives it."""


def is_over(event: Shown, at: datetime) -> bool:
    """Whether nobody can come to it any more: its sale is closed, or it has taken place."""
    starts_at: datetime = event["starts_at"]
    return event["sale_state"] == SaleState.CLOSED or starts_at + LASTS < at


def nearness(event: Shown) -> tuple[int, datetime]:
    """What comes first: where one can join now, then the next to open, and last what is sold out."""
    order = _ORDER.get(SaleState(event["sale_state"]), 1)
    return order, event["sale_starts_at"] if order == 1 else event["starts_at"]


def found_by(events: Sequence[Shown], words: str) -> list[Shown]:
    """Those with each of the words in their name or venue. In step with js/landing.js, which does it live."""
    wanted = words.casefold().split()
    return [
        event
        for event in events
        if all(word in f"{event['name']} {event['venue']}".casefold() for word in wanted)
    ]

"""The frames that say one thing and need nothing but what they say it of."""

import json
from typing import Any

from ticketflow.booking.results import Result


def booking_frame(result: Result) -> dict[str, Any]:
    """The contract's `booking` frame: how a booking has ended."""
    return {
        "type": "booking",
        "id": result["booking_id"],
        "status": result["status"],
        "reason": result["reason"],
    }


def touch_frame(fresh: bool) -> str:
    """The contract's `touch` frame: whether this process hears of changes, or what it tells may be old."""
    return json.dumps({"type": "touch", "fresh": fresh})

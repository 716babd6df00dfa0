"""The order of the landing page's list, and what its search finds."""

from datetime import datetime, timedelta
from typing import Any

from ticketflow.domain import now
from ticketflow.web.listing import found_by, is_over, nearness


def test_the_order_of_the_list():
    at = now()

    def event(state: str, days: int, sale_in: int = 0, name: str = "A") -> dict[str, Any]:
        starts: datetime = at + timedelta(days=days)
        opens = at + timedelta(days=sale_in)
        return {
            "sale_state": state,
            "starts_at": starts,
            "sale_starts_at": opens,
            "name": name,
            "venue": "Łódź",
        }

    sold, late, soon = event("sold_out", 1), event("scheduled", 9, 5), event("scheduled", 30, 2)
    on, paused = event("on_sale", 8), event("paused", 7)
    assert sorted([sold, late, soon, on, paused], key=nearness) == [paused, on, soon, late, sold]
    assert [is_over(e, at) for e in (on, event("closed", 3), event("on_sale", -1))] == [False, True, True]
    assert not is_over({**on, "starts_at": at - timedelta(hours=1)}, at), "it has only begun"
    night = event("on_sale", 1, name="Night of the Synths")
    assert found_by([night, on], "  synths łódź ") == [night]
    assert found_by([night, on], "") == [night, on]

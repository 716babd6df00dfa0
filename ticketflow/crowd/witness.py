"""What a suspicious customer checks in everything they are shown."""

from collections.abc import Mapping
from typing import Any

from ticketflow.crowd.tally import Tally

EXACT = 256
"""Places up to here are exact. Those behind are within 1%, and a new connection may say so anew."""


class Witness:
    """One fan's memory of what they were shown. What does not fit together goes to the tally as an error."""

    def __init__(self, tally: Tally, capacities: Mapping[str, int]) -> None:
        self._tally = tally
        self._capacities = capacities
        self._place: int | None = None
        self._connection = 0
        self.told: tuple[float, float] | None = None
        """The first wait interval that was shown, in seconds, for a wait that began about then."""

    def see_place(self, view: Mapping[str, Any], connection: int) -> None:
        """Look at a place: it may fall, and never rise while the fan is in line."""
        place = view["place"]
        if view["state"] != "waiting":
            self._place = None
            return
        if not isinstance(place, int) or place < 1 or view["ahead"] != place - 1:
            self._tally.error("a place that is none")
            return
        if self._place is not None and place > self._place + self._slack(connection):
            self._tally.error("a place rose")
        self._place, self._connection = place, connection
        if self.told is None and view["wait_seconds"]:
            low, high = view["wait_seconds"]
            self.told = (low, high)

    def see_stock(self, frame: Mapping[str, Any]) -> None:
        """Look at what is left: between nothing and all."""
        for type_id, remaining in frame["remaining"].items():
            if remaining < 0:
                self._tally.error("stock below zero")
            elif remaining > self._capacities.get(type_id, remaining):
                self._tally.error("more in stock than there is")

    def see_booking(self, booking: Mapping[str, Any], hold: Mapping[str, Any], mine: Any) -> bool:
        """Look at a confirmed booking, and for it in the account's own list. Gives whether it is there."""
        if booking["amount"] != hold["amount"] or len(booking["units"]) != len(hold["units"]):
            self._tally.error("a booking is not what was held")
        if len({ticket["code"] for ticket in booking["tickets"]}) != len(booking["units"]):
            self._tally.error("a booking without a ticket for each unit")
        listed = [b for b in mine if b["id"] == booking["id"] and b["status"] == "confirmed"]
        if len(listed) != 1 or sorted(listed[0]["units"]) != sorted(booking["units"]):
            self._tally.error("a confirmed booking is not in the list")
            return False
        return True

    def _slack(self, connection: int) -> int:
        if connection == self._connection or self._place is None or self._place <= EXACT:
            return 0
        return self._place // 100 + 1

"""The rules an organiser sets for a room. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .errors import BadPolicy


class Mode(StrEnum):
    """What the doors do: draw lots, let in, hold, let those inside finish, or turn away."""

    LOBBY = "lobby"
    OPEN = "open"
    PAUSED = "paused"
    DRAINING = "draining"
    CLOSED = "closed"


MESSAGE_MAX = 500
RANGES: dict[str, tuple[float, float]] = {
    "rate_per_minute": (0, 1_000_000),
    "max_active": (0, 1_000_000),
    "lobby_opens_at": (0, 2**53),
    "opens_at": (0, 2**53),
    "claim_seconds": (1, 86_400),
    "lease_seconds": (1, 86_400),
    "return_seconds": (0, 86_400),
    "away_seconds": (0, 86_400),
    "recovery_seconds": (0, 3_600),
    "tick_seconds": (0.05, 10),
}

STORED: dict[str, str] = {
    "mode": "mode",
    "rate_per_minute": "rate",
    "max_active": "cap",
    "message": "message",
    "lobby_opens_at": "lobby_at",
    "opens_at": "opens_at",
    "claim_seconds": "claim_us",
    "lease_seconds": "lease_us",
    "return_seconds": "return_us",
    "away_seconds": "away_us",
    "recovery_seconds": "recovery_us",
    "tick_seconds": "tick_us",
}
"""A policy's fields, and what the scripts call them in the room's hash. Spans are microseconds there."""


@dataclass(frozen=True)
class RoomPolicy:
    """How a room admits. Times of day are unix microseconds, spans are seconds.

    `rate_per_minute` is how many are called in any rolling minute, `max_active` how many may be called or
    active at once. In mode LOBBY nobody may join before `lobby_opens_at` (0: at once), and the tick turns
    the room OPEN at `opens_at` (0: only by hand).

    Raises BadPolicy, naming the field, for a value out of range.
    """

    mode: Mode
    rate_per_minute: int
    max_active: int
    message: str = ""
    lobby_opens_at: int = 0
    opens_at: int = 0
    claim_seconds: int = 120
    lease_seconds: int = 600
    return_seconds: int = 900
    away_seconds: int = 300
    recovery_seconds: int = 10
    tick_seconds: float = 0.5

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "mode", Mode(self.mode))
        except ValueError:
            raise BadPolicy("mode", f"must be one of {', '.join(Mode)}") from None
        self._check_message(self.message)
        for field, (lowest, highest) in RANGES.items():
            self._check_range(field, lowest, highest)
        if 0 < self.opens_at < self.lobby_opens_at:
            raise BadPolicy("lobby_opens_at", "must not be after opens_at")

    def stored(self, *fields: str) -> dict[str, str | int]:
        """The named fields, or all, as the room's hash holds them."""
        held: dict[str, str | int] = {}
        for field in fields or STORED:
            value = getattr(self, field)
            held[STORED[field]] = round(value * 1_000_000) if field.endswith("_seconds") else value
        return held

    @classmethod
    def restored(cls, held: Mapping[str, str]) -> RoomPolicy:
        """The policy in a room's hash; the reverse of `stored`."""
        values: dict[str, Any] = {"mode": held["mode"], "message": held["message"]}
        for field in RANGES:
            number = int(held[STORED[field]])
            values[field] = number // 1_000_000 if field.endswith("_seconds") else number
        return cls(**values | {"tick_seconds": int(held["tick_us"]) / 1_000_000})

    @staticmethod
    def _check_message(message: object) -> None:
        if not isinstance(message, str) or len(message) > MESSAGE_MAX:
            raise BadPolicy("message", f"must be a text of at most {MESSAGE_MAX} characters")

    def _check_range(self, field: str, lowest: float, highest: float) -> None:
        value = getattr(self, field)
        kinds = (int, float) if field == "tick_seconds" else int
        # True is an int to Python, and a rate of True is somebody's mistake.
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise BadPolicy(
                field, "must be a number" if field == "tick_seconds" else "must be a whole number"
            )
        if not lowest <= value <= highest:
            raise BadPolicy(field, f"must be between {lowest} and {highest}")

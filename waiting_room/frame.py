"""The frame: what a room publishes once a tick for everybody. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from .estimate import RankMap, rank_above
from .forecast import Expected, Forecast
from .policy import Mode
from .promise import Causes, Slower
from .views import line_view


@dataclass(frozen=True)
class Frame:
    """A room at one moment. `at`, `lobby_opens_at` and `opens_at` are unix microseconds; 0 is "not set".

    `recovering`: the line is being put together again after a loss, and ranks in it mean nothing yet.
    `frontier` is the highest order called or passed over so far, and at least 1 once the doors have opened.
    `steered_at` is when the pace was last changed by hand (or by a loss), `slowed_at` when last for the
    slower, and `slower` why, as long as that stands. `revision` is the highest that steered the room, and
    `extended_at` when all leases last got more time. `ranks` comes whenever the line has moved and once a
    second, else it is None.
    """

    room: str
    epoch: int
    version: int
    at: int
    mode: Mode
    message: str
    rate_per_minute: int
    max_active: int
    waiting: int
    called: int
    active: int
    missed: int
    admitted_total: int
    admitted_last_minute: int
    frontier: int
    lobby_opens_at: int
    opens_at: int
    recovering: bool
    steered_at: int
    slowed_at: int
    slower: Slower | None
    forecast: Forecast
    revision: int
    extended_at: int
    ranks: RankMap | None

    @property
    def opened(self) -> bool:
        """Whether the doors have ever opened: the draw is over then, whatever the mode is now."""
        return self.frontier > 0

    @property
    def inside(self) -> int:
        """How many hold a slot."""
        return self.called + self.active

    @property
    def full(self) -> bool:
        """Whether one comes in only as one goes out."""
        return self.inside >= self.max_active

    @cached_property
    def causes(self) -> Causes:
        return Causes(self.steered_at / 1e6, self.slower, self.full, self.slowed_at / 1e6)

    def expect(self, ahead: int, forecast: Forecast | None = None) -> Expected | None:
        """The wait of who has so many ahead, by the frame's own forecast or a newer one. None when nothing
        moves, or the line is not whole yet."""
        if self.recovering:
            return None
        return (forecast or self.forecast).expect(
            ahead, mode=self.mode, rate_per_minute=self.rate_per_minute, max_active=self.max_active
        )

    def expect_about(self, ahead: int) -> Expected | None:
        """The same as nearly as a rank map knows a place: worked out once for all whom this frame finds
        between the same two of its ranks."""
        rank = rank_above(ahead)
        if rank not in self._expected:
            self._expected[rank] = self.expect(rank)
        return self._expected[rank]

    @cached_property
    def _expected(self) -> dict[int, Expected | None]:
        return {}

    @cached_property
    def line_text(self) -> str:
        """What it says to all fans alike, as JSON."""
        return json.dumps(line_view(self, self.opens_at / 1e6 or None))

    @classmethod
    def parse(cls, text: str) -> Frame:
        """The frame in a published text. Raises ValueError or KeyError if it is none."""
        said: dict[str, Any] = json.loads(text)
        texts: dict[str, Any] = {
            "room": str(said["room"]),
            "mode": Mode(said["mode"]),
            "message": str(said["message"]),
            "recovering": bool(said["recovering"]),
            "slower": Slower(said["slower"]) if said["slower"] else None,
            "forecast": Forecast.parse(said["forecast"]),
        }
        orders = said.get("ranks")
        ranks = None if orders is None else RankMap([int(o) for o in orders.split()], int(said["waiting"]))
        # The scripts write what has more than 14 digits as text, since Redis's JSON would round it.
        rest = {field.name for field in fields(cls)} - texts.keys() - {"ranks"}
        numbers: dict[str, Any] = {name: int(said[name]) for name in rest}
        return cls(**texts, **numbers, ranks=ranks)

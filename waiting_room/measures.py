"""How the line moves, measured from one map frame to the next. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .forecast import STAY_SECONDS
from .frame import Frame
from .policy import Mode

MEMORY_SECONDS = 600.0
"""What was measured so long ago weighs about a third."""

GAP_SECONDS = 10.0
"""Frames further apart than this are not measured: nobody was there to tick."""

PRIOR_STAYS = 5.0
PRIOR_TURNS = 10.0
PRIOR_STOOD = 5000.0
"""Weighed in with what is measured: so many slots given back after STAY_SECONDS, so many calls at the set
rate, and one who left in so many seconds of standing in line."""


@dataclass
class Measures:
    """Sums over the last minutes, older ones weighing less, and the frame they were last brought up to.

    `watched` is for how many seconds, none forgotten. `held` person-seconds inside gave `freed` slots back.
    `taken` were called where the rate `offered` so many, while there was room inside. `gone` have left from
    ahead of the last pilot, who had `stood` so many person-seconds before it.
    """

    at: float = 0.0
    watched: float = 0.0
    admitted: int = 0
    inside: int = 0
    waiting: int = 0
    full: bool = False
    held: float = 0.0
    freed: float = 0.0
    offered: float = 0.0
    taken: float = 0.0
    stood: float = 0.0
    gone: float = 0.0

    def see(self, frame: Frame, fall: tuple[int, int] | None, *, steered: bool) -> None:
        """Take in a frame; `fall` is how many stood ahead of the last pilot before, and now."""
        seconds = frame.at / 1e6 - self.at
        called = frame.admitted_total - self.admitted
        # Who a drain has called back went neither in nor out.
        called_back = steered and frame.mode is Mode.DRAINING
        measured = 0 < seconds < GAP_SECONDS and called >= 0 and not frame.recovering and not called_back
        if measured and frame.mode is not Mode.LOBBY:
            self._forget(seconds)
            self._see_slots(frame, seconds, called)
            if not steered and frame.mode is Mode.OPEN:
                self._see_rate(frame, seconds, called)
            if fall:
                before, now = fall
                self.stood += before * seconds
                self.gone += before - now - called
        self.at = frame.at / 1e6
        self.admitted, self.inside, self.waiting = frame.admitted_total, frame.inside, frame.waiting
        self.full = frame.full

    @property
    def stay(self) -> float:
        return max(0.1, (self.held + PRIOR_STAYS * STAY_SECONDS) / (self.freed + PRIOR_STAYS))

    @property
    def stay_error(self) -> float:
        by_chance = 1 / math.sqrt(self.freed + PRIOR_STAYS)
        # Of long stays nothing is seen until they end: what was watched for hardly a stay says little.
        return math.hypot(by_chance, self.stay / (self.stay + self.watched) / 2)

    @property
    def share(self) -> float:
        return min(1.0, max(0.05, (self.taken + PRIOR_TURNS) / (self.offered + PRIOR_TURNS)))

    @property
    def share_error(self) -> float:
        return 1 / (self.offered + PRIOR_TURNS)

    @property
    def leaving(self) -> float:
        return max(0.0, self.gone + 1) / (self.stood + PRIOR_STOOD)

    @property
    def leaving_error(self) -> float:
        return math.sqrt(max(0.0, self.gone) + 1) / (self.stood + PRIOR_STOOD)

    def _forget(self, seconds: float) -> None:
        kept = math.exp(-seconds / MEMORY_SECONDS)
        for name in ("held", "freed", "offered", "taken", "stood", "gone"):
            setattr(self, name, kept * getattr(self, name))

    def _see_slots(self, frame: Frame, seconds: float, called: int) -> None:
        self.watched += seconds
        self.held += (self.inside + frame.inside) / 2 * seconds
        self.freed += max(0, self.inside + called - frame.inside)

    def _see_rate(self, frame: Frame, seconds: float, called: int) -> None:
        # A line that ran dry or a full desk says nothing about the rate.
        if self.waiting and frame.waiting and not self.full and not frame.full:
            self.offered += frame.rate_per_minute / 60 * seconds
            self.taken += called

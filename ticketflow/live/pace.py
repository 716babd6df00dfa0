"""How fast tickets go, from what was really sold in the last minutes, and when they would be gone. Pure.

Shown is only what can be stood by: a forecast needs a minute of watching and some sales, comes when the end
is near, and goes only when it is clearly further off again. A number that is shown stays until another one
is clearly nearer, so that it does not flicker between two.
"""

from collections import deque
from math import log

WINDOW_SECONDS = 300.0
"""How far back "the last minutes" go."""
STEP_SECONDS = 10.0
"""Sales are kept by steps of this length, and a forecast is worked out once in each."""
WATCHED_SECONDS = 60.0
FEWEST_SOLD = 10
FEWEST_TO_STAY = 5
SHOWN_BELOW_MINUTES = 45.0
HIDDEN_ABOVE_MINUTES = 60.0
MINUTES = (1, 2, 3, 4, 5, 7, 10, 15, 20, 25, 30, 40, 50, 60)
"""What is said: nobody can know that it is 23 minutes."""
CLEARLY = 1.12
"""By what factor another of `MINUTES` must be nearer before it takes the place of the one that is shown."""


class Pace:
    """The sales of one ticket type as this process has seen them. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._epoch: int | None = None
        self._steps: deque[tuple[int, int]] = deque()
        """Each step in which something was heard: its number, and what was sold in all at its end."""
        self._due = 0.0
        self._shown: int | None = None

    def note(self, at: float, epoch: int, sold: int) -> None:
        """Take the number sold in all. Under a new epoch all was counted anew: what was seen is void."""
        step = int(at // STEP_SECONDS)
        if epoch != self._epoch:
            self._epoch, self._shown, self._due = epoch, None, at
            self._steps.clear()
        if self._steps and self._steps[-1][0] == step:
            self._steps.pop()
        self._steps.append((step, sold))
        self._forget(at)

    def minutes_left(self, at: float, remaining: int) -> int | None:
        """In about how many minutes `remaining` are gone at the pace of the last minutes; None if that cannot
        be said, or is too far off to matter."""
        if at >= self._due:
            self._due = at + STEP_SECONDS
            self._shown = self._settled(self._minutes(at, remaining))
        return self._shown

    def _minutes(self, at: float, remaining: int) -> float | None:
        self._forget(at)
        if not self._steps or remaining <= 0:
            return None
        first, before = self._steps[0]
        watched = at - max((first + 1) * STEP_SECONDS, at - WINDOW_SECONDS)
        sold = self._steps[-1][1] - before
        fewest = FEWEST_TO_STAY if self._shown else FEWEST_SOLD
        if watched < WATCHED_SECONDS or sold < fewest:
            return None
        return remaining * watched / sold / 60

    def _forget(self, at: float) -> None:
        """Drop what lies before the window, but for the last of it: with that the window begins."""
        while len(self._steps) > 1 and (self._steps[1][0] + 1) * STEP_SECONDS <= at - WINDOW_SECONDS:
            self._steps.popleft()

    def _settled(self, minutes: float | None) -> int | None:
        """What is said of so many minutes, after what is said now."""
        if minutes is None or minutes > (HIDDEN_ABOVE_MINUTES if self._shown else SHOWN_BELOW_MINUTES):
            return None

        def far(said: int) -> float:
            return abs(log(said / minutes))

        nearest = min(MINUTES, key=far)
        if self._shown and far(self._shown) < far(nearest) + log(CLEARLY):
            return self._shown
        return nearest

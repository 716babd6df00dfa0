"""What a room knows of how its line moves, and from it the wait of any place. Pure."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from .policy import Mode

LAYOUT = 1
"""Of what is kept in Redis. To be counted up when it changes: what another version wrote is not read."""

STAY_SECONDS = 60.0
"""Until it is measured, a call is taken to hold its slot for so long."""

SECONDS_ROUGH = 0.5
"""People are called on ticks and told whole seconds: no wait is known better than so."""


WIDEST = 2.0
"""No interval ends later than e^2, seven times, the plain estimate: more would be no help to anybody."""

PRIOR_SPREAD = 1.3
"""How many errors to either side, in a room that has seen few waits to their end: 80% of a normal
distribution lie within."""


class Expected(NamedTuple):
    """A wait from now, in seconds: the plain estimate, its relative error, and the interval made of both."""

    plain: float
    error: float
    low: float
    high: float


class Pace(NamedTuple):
    """How a line moves: `rate` a second are let in while fewer than `cap` are inside; then one comes in as
    one of the `inside` goes out, after `stay` seconds there; of those in line a share `leaving` gives up
    in a second."""

    rate: float
    cap: int
    inside: int
    stay: float
    leaving: float

    def seconds(self, turns: float) -> float:
        """Until so many turns have come."""
        by_cap = self.cap / self.stay
        if self.inside > self.cap:
            # The cap was lowered: nobody comes in until so many have gone.
            return self.stay * math.log(self.inside / self.cap) + self._drained(turns, min(self.rate, by_cap))
        early = self._drained(turns, self.rate)
        if self.rate <= by_cap:
            return early
        full_in = (self.cap - self.inside) / (self.rate - by_cap)
        if early <= full_in:
            return early
        return full_in + self._drained(self._left(turns, full_in), by_cap)

    def _drained(self, turns: float, speed: float) -> float:
        """Seconds until so many turns have come at `speed` a second, while those ahead thin out."""
        if self.leaving * turns < 1e-6 * speed:
            return turns / speed
        return math.log1p(self.leaving * turns / speed) / self.leaving

    def _left(self, turns: float, seconds: float) -> float:
        """How many of the turns are left after so many seconds at the rate."""
        if self.leaving * seconds < 1e-6:
            return turns - self.rate * seconds
        staying = math.exp(-self.leaving * seconds)
        return turns * staying - self.rate / self.leaving * (1 - staying)


@dataclass(frozen=True)
class Forecast:
    """What the pilots (pilots.py) have measured, as every frame carries it to every process.

    `share`: how much of the set rate is really let in while there is room inside. `stay`: seconds for which
    a call holds its slot, be it a booking or a no-show. `leaving`: which share of the line gives up in a
    second. The three `_error`s say how well these are known: as shares of them, the last one as it is.
    `inside`: how many are called or active. `told`, `right` and `withdrawn` are the record: promises whose
    end is known, those that held, and those that a change by the organiser replaced before their end.
    """

    share: float = 1.0
    share_error: float = 0.1
    stay: float = STAY_SECONDS
    stay_error: float = 0.7
    leaving: float = 0.0
    leaving_error: float = 0.0003
    inside: int = 0
    told: int = 0
    right: int = 0
    withdrawn: int = 0
    spread: float = PRIOR_SPREAD

    @classmethod
    def parse(cls, text: str) -> Forecast:
        """The reverse of `text`; of an empty text, or one of another version's, what is known at first."""
        return _parsed(text)

    def text(self) -> str:
        return packed(self)

    def expect(self, ahead: int, *, mode: Mode, rate_per_minute: int, max_active: int) -> Expected | None:
        """The wait until somebody with `ahead` before them is called. None when nothing moves."""
        if mode is not Mode.OPEN or rate_per_minute <= 0 or max_active <= 0:
            return None
        rate = rate_per_minute / 60 * self.share
        pace = Pace(rate, max_active, self.inside, self.stay, self.leaving)
        plain = pace.seconds(ahead + 1)
        error = self._error(pace, ahead + 1, plain)
        width = math.exp(min(self.spread * error, WIDEST))
        return Expected(plain, error, plain / width, plain * width)

    def _error(self, pace: Pace, turns: int, plain: float) -> float:
        """How far off the plain estimate may be, as a share of it: as measured things are, and by chance."""
        rate, cap, inside, stay, leaving = pace
        longer_stay = Pace(rate, cap, inside, stay * (1 + self.stay_error), leaving).seconds(turns)
        more_leave = Pace(rate, cap, inside, stay, leaving + self.leaving_error).seconds(turns)
        # Who is let in by the rate comes on the second; who leaves, and who makes room inside, by chance.
        chance = max(0.0, turns - rate * plain) if longer_stay == plain else turns
        return math.sqrt(
            math.log(longer_stay / plain) ** 2
            + math.log(more_leave / plain) ** 2
            + self.share_error**2
            + chance / turns**2
            + (SECONDS_ROUGH / max(plain, SECONDS_ROUGH)) ** 2
        )


# All who ask between two ticks are told by one and the same text.
@lru_cache(maxsize=64)
def _parsed(text: str) -> Forecast:
    layout, *known = json.loads(text or "[0]")
    return Forecast(*known) if layout == LAYOUT else Forecast()


def packed(known: Any) -> str:
    """A dataclass as the text that is kept in Redis: its values in their order, fractions to the millisecond
    or to four digits."""
    return json.dumps([LAYOUT, *_values(known)], separators=(",", ":"))


# Not by astuple, which copies each number: a room writes thousands of them at each tick.
def _values(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3) if abs(value) >= 1 else float(f"{value:.4g}")
    if isinstance(value, (tuple, list)):
        return [_values(v) for v in value]
    return [_values(getattr(value, f.name)) for f in fields(value)] if is_dataclass(value) else value

"""When the autopilot moves the admission rate, and to what. Pure.

Additive increase, multiplicative decrease: Chiu and Jain, "Analysis of the Increase and Decrease Algorithms
for Congestion Avoidance in Computer Networks" (1989), and what TCP has done since (RFC 5681). The rate climbs
by small equal steps while all is well and is halved when it is not: where a database saturates is not known
and changes, and a queue that grows has to be drained, not only to stop growing. Far over the target (`FAR`)
there is a long queue already: it is halved twice at once, as TCP falls back further for a timeout than for a
single loss.

What this adds to it:
- **A band** (`EASY`). Between well under the target and over it nothing is moved, so that the rate comes to
  rest under what the house can take, instead of climbing into the wall again and again.
- **Patience** (`SETTLES`, `RECOVERS`). Who was let in before a change books after it, and the measure looks
  back: a second cut waits for the first to be seen, and a climb waits longer than that.
- **Scarcity**. If those inside are expected to buy more than is free, each one more let in is one more
  disappointed. The count is of this moment, so nothing waits for it to settle.

All spans are counted in intervals, the time between two looks. They end halfway between two looks, so that a
look that comes a little early is none too few.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

HALF = 0.5
CLIMBS = 20
"""Steps from the lowest rate to the highest."""
EASY = 0.7
"""Below this part of a target the rate may climb."""
FAR = 2
"""Above so many times a target a cut is worth two."""
SETTLES = 1.5
"""From a cut to the next: at the second look."""
RECOVERS = 5.5
"""From a cut to the next step up: at the sixth look. One swing down and up again takes no less."""
UNSEEN = 3.5
"""From a move to a step up while nobody books: nothing speaks against it, and nothing for it."""


@dataclass(frozen=True)
class Plan:
    """What the organiser asks for. Rates are people a minute, `error_rate` is a share of the bookings."""

    low: int
    high: int
    p95_seconds: float
    error_rate: float

    @property
    def step(self) -> int:
        return max(1, math.ceil((self.high - self.low) / CLIMBS))


@dataclass(frozen=True)
class Seen:
    """One look at the sale. `at` is in intervals since any moment that stays the same."""

    at: float
    rate: int
    p95_seconds: float | None
    error_rate: float | None
    """None: nobody has booked of late. `p95_seconds` is None also where too few have."""
    free: int
    expected: float
    """How many of the free tickets those inside will want."""

    @property
    def scarce(self) -> bool:
        return self.expected > self.free or self.free == 0

    @property
    def ample(self) -> bool:
        return self.free > 0 and self.expected <= EASY * self.free


@dataclass(frozen=True)
class Past:
    """When the rate was last moved, and last cut, on the clock of `Seen.at`."""

    moved_at: float = -math.inf
    cut_at: float = -math.inf


class Why(StrEnum):
    """What a move was for."""

    BOUNDS = "bounds"
    SCARCE = "scarce"
    SLOW = "slow"
    ERRORS = "errors"
    WELL = "well"
    QUIET = "quiet"


@dataclass(frozen=True)
class Move:
    """The rate from now on, and why."""

    rate: int
    why: Why


def decide(plan: Plan, seen: Seen, past: Past) -> Move | None:
    """The move that is due, if one is."""
    within = min(max(seen.rate, plan.low), plan.high)
    if within != seen.rate:
        return Move(within, Why.BOUNDS)
    if seen.scarce:
        return _cut(plan, seen, Why.SCARCE)
    if trouble := trouble_in(plan, seen):
        settled = seen.at - past.cut_at >= SETTLES
        return _cut(plan, seen, trouble, HALF**2 if _is_far(plan, seen) else HALF) if settled else None
    if seen.at - past.cut_at < RECOVERS or not seen.ample:
        return None
    if seen.error_rate is None:
        return _climb(plan, seen, Why.QUIET) if seen.at - past.moved_at >= UNSEEN else None
    return _climb(plan, seen, Why.WELL) if _is_easy(plan, seen) else None


def trouble_in(plan: Plan, seen: Seen) -> Why | None:
    """Which target is missed; slowness first, which errors mostly follow from."""
    if seen.p95_seconds is not None and seen.p95_seconds > plan.p95_seconds:
        return Why.SLOW
    if seen.error_rate is not None and seen.error_rate > plan.error_rate:
        return Why.ERRORS
    return None


def _is_far(plan: Plan, seen: Seen) -> bool:
    late = (seen.p95_seconds or 0) > FAR * plan.p95_seconds
    return late or (seen.error_rate or 0) > FAR * plan.error_rate


def _is_easy(plan: Plan, seen: Seen) -> bool:
    quick = seen.p95_seconds is None or seen.p95_seconds <= EASY * plan.p95_seconds
    return quick and (seen.error_rate or 0) <= EASY * plan.error_rate


def _cut(plan: Plan, seen: Seen, why: Why, to: float = HALF) -> Move | None:
    rate = max(plan.low, math.floor(seen.rate * to))
    return Move(rate, why) if rate < seen.rate else None


def _climb(plan: Plan, seen: Seen, why: Why) -> Move | None:
    rate = min(plan.high, seen.rate + plan.step)
    return Move(rate, why) if rate > seen.rate else None


def is_cut(move: Move) -> bool:
    """Whether what follows waits for this to settle."""
    return move.why in (Why.SCARCE, Why.SLOW, Why.ERRORS)


def tell(plan: Plan, seen: Seen, move: Move) -> str:
    """The move in words, for the organiser and the audit log."""
    p95, errors = f"{seen.p95_seconds or 0:.1f} s", f"{(seen.error_rate or 0):.1%}"
    return {
        Why.BOUNDS: f"Set to {move.rate} a minute, the nearest within {plan.low} and {plan.high}.",
        Why.SCARCE: (
            f"Slowed to {move.rate} a minute: those inside are expected to buy {math.ceil(seen.expected)}, "
            f"and {seen.free} are free."
        ),
        Why.SLOW: f"Slowed to {move.rate} a minute: bookings take {p95}, target {plan.p95_seconds:.1f} s.",
        Why.ERRORS: (
            f"Slowed to {move.rate} a minute: {errors} of bookings fail, target {plan.error_rate:.1%}."
        ),
        Why.WELL: f"Raised to {move.rate} a minute: bookings take {p95}, target {plan.p95_seconds:.1f} s.",
        Why.QUIET: f"Raised to {move.rate} a minute: hardly anybody books, and nothing is held up.",
    }[move.why]

"""The policy, in flights made up by hypothesis: it is pure, so a minute of a sale is a list of looks."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ticketflow.autopilot import policy
from ticketflow.autopilot.policy import CLIMBS, EASY, RECOVERS, SETTLES, UNSEEN, Move, Past, Plan, Seen, Why

LONG = math.ceil(CLIMBS * (UNSEEN + 1))
"""Intervals in which any plan gets from one end to the other."""


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    low = draw(st.integers(1, 1_000_000))
    high = draw(st.integers(low, 1_000_000))
    return Plan(low, high, draw(st.floats(0.05, 60)), draw(st.floats(0, 1)))


rates = st.integers(0, 1_000_000)
shares = st.one_of(st.none(), st.floats(0, 1))
looks = st.builds(
    Seen,
    at=st.just(0.0),
    rate=st.just(0),
    p95_seconds=st.one_of(st.none(), st.floats(0, 100)),
    error_rate=shares,
    free=st.integers(0, 1000),
    expected=st.floats(0, 2000),
)


@dataclass
class Flight:
    """A sale under the autopilot: each look is taken an interval after the one before."""

    plan: Plan
    rate: int
    past: Past = field(default_factory=Past)
    moves: list[tuple[int, Move, int]] = field(default_factory=list)
    """When, what, and the rate before."""
    at: int = 0

    def look(self, seen: Seen) -> None:
        seen = Seen(**{**seen.__dict__, "at": float(self.at), "rate": self.rate})
        move = policy.decide(self.plan, seen, self.past)
        if move:
            self.moves.append((self.at, move, self.rate))
            self.past = Past(self.at, self.at if policy.is_cut(move) else self.past.cut_at)
            self.rate = move.rate
        self.at += 1

    def fly(self, seen: Iterable[Seen]) -> "Flight":
        for one in seen:
            self.look(one)
        return self


def look_with(plan: Plan, *, part: float | None, errors: float | None = 0.0, ample: bool = True) -> Seen:
    """A look in which p95 is that part of the target."""
    p95 = None if part is None else part * plan.p95_seconds
    return Seen(0, 0, p95, errors, free=100, expected=10 if ample else 80)


@given(plans(), rates, st.lists(looks, max_size=60))
def test_after_the_first_look_the_rate_is_within_bounds_whatever_is_seen(plan, rate, seen):
    flight = Flight(plan, rate)
    for one in [look_with(plan, part=0.9), *seen]:
        flight.look(one)
        assert plan.low <= flight.rate <= plan.high


@given(plans(), rates)
def test_slow_for_long_it_comes_down_to_the_lowest(plan, rate):
    flight = Flight(plan, rate).fly([look_with(plan, part=1.1)] * 60)
    assert flight.rate == plan.low
    # From anywhere within bounds, in as many cuts as there are halvings in between.
    assert all(move.why in (Why.BOUNDS, Why.SLOW) for _, move, _ in flight.moves)


@given(plans(), rates)
def test_well_for_long_it_climbs_to_the_highest_in_equal_steps(plan, rate):
    flight = Flight(plan, rate).fly([look_with(plan, part=EASY * 0.9)] * (CLIMBS + 1))
    assert flight.rate == plan.high
    raised = [move.rate - before for _, move, before in flight.moves if move.why is Why.WELL]
    assert all(step == plan.step for step in raised[:-1])


@given(plans(), rates)
def test_while_nobody_books_it_moves_slowly(plan, rate):
    flight = Flight(plan, rate).fly([look_with(plan, part=None, errors=None)] * LONG)
    times = [at for at, move, _ in flight.moves if move.why is Why.QUIET]
    assert all(later - before >= UNSEEN for before, later in pairwise(times))
    assert flight.rate == plan.high


@given(plans(), rates)
def test_between_easy_and_over_nothing_moves(plan, rate):
    flight = Flight(plan, rate).fly([look_with(plan, part=(EASY + 1) / 2)] * 30)
    assert all(move.why is Why.BOUNDS for _, move, _ in flight.moves)


def too_soon(flight: Flight) -> list[Move]:
    """The climbs that followed a cut sooner than RECOVERS says, and the cuts for trouble that did so."""
    found, cut_at = [], -math.inf
    for at, move, _ in flight.moves:
        patience = {Why.WELL: RECOVERS, Why.QUIET: RECOVERS, Why.SLOW: SETTLES, Why.ERRORS: SETTLES}
        if at - cut_at < patience.get(move.why, 0):
            found.append(move)
        if policy.is_cut(move):
            cut_at = at
    return found


@given(plans(), rates, st.lists(looks, max_size=100))
def test_it_swings_no_faster_than_it_says(plan, rate, seen):
    assert too_soon(Flight(plan, rate).fly(seen)) == []


def impatient(plan: Plan, seen: Seen, past: Past) -> Move | None:
    return DECIDE(plan, seen, Past())


DECIDE: Callable[[Plan, Seen, Past], Move | None] = policy.decide


def test_control_without_patience_it_swings_at_once(monkeypatch):
    plan = Plan(10, 1000, 2.0, 0.02)
    good, bad = look_with(plan, part=0.1), look_with(plan, part=5)
    assert too_soon(Flight(plan, 1000).fly([bad, good] * 10)) == []
    monkeypatch.setattr(policy, "decide", impatient)
    assert len(too_soon(Flight(plan, 1000).fly([bad, good] * 10))) == 10


def test_far_over_its_target_a_cut_is_worth_two():
    plan = Plan(10, 1000, 2.0, 0.02)
    for part, errors, rate in [(1.9, 0.0, 500), (2.1, 0.0, 250), (0.1, 0.03, 500), (0.1, 0.05, 250)]:
        assert Flight(plan, 1000).fly([look_with(plan, part=part, errors=errors)]).rate == rate


@given(plans(), st.floats(0, 1), st.integers(0, 1000))
def test_what_is_left_cannot_serve_those_inside(plan, over, free):
    """However well bookings fare: it slows at every look, and climbs no more while it is close."""
    seen = Seen(0, 0, 0.01, 0.0, free=free, expected=free * (1 + over) + 1)
    flight = Flight(plan, plan.high).fly([seen] * 25)
    assert flight.rate == plan.low
    assert all(move.why is Why.SCARCE for _, move, _ in flight.moves)
    close = Seen(0, 0, 0.01, 0.0, free=100, expected=80)
    assert Flight(plan, plan.low).fly([close] * 25).moves == []


@given(plans(), st.floats(0, 1))
def test_errors_slow_it_as_well(plan, errors):
    flight = Flight(plan, plan.high).fly([look_with(plan, part=0.1, errors=errors)] * 60)
    assert flight.rate == (plan.low if errors > plan.error_rate else plan.high)


def test_it_says_why_in_words():
    plan = Plan(60, 1200, 2.0, 0.02)
    slow = Seen(0, 840, 2.9, 0.0, free=1000, expected=10)
    move = policy.decide(plan, slow, Past())
    assert move == Move(420, Why.SLOW)
    assert policy.tell(plan, slow, move) == "Slowed to 420 a minute: bookings take 2.9 s, target 2.0 s."
    few = Seen(0, 840, 0.2, 0.0, free=30, expected=41.2)
    assert policy.tell(plan, few, Move(420, Why.SCARCE)) == (
        "Slowed to 420 a minute: those inside are expected to buy 42, and 30 are free."
    )
    failing = Seen(0, 840, 0.2, 0.051, free=1000, expected=10)
    assert policy.tell(plan, failing, Move(420, Why.ERRORS)) == (
        "Slowed to 420 a minute: 5.1% of bookings fail, target 2.0%."
    )

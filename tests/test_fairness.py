"""The figures of fairness are what the plain definitions give."""

import random
from itertools import combinations

import pytest

from ticketflow.fairness import order_of, waits_of


def plain_tau(stood: list[int]) -> tuple[int, float | None]:
    """Every pair is looked at."""
    pairs = list(combinations(stood, 2))
    up = sum(a < b for a, b in pairs)
    down = sum(a > b for a, b in pairs)
    if up + down == 0:
        return down, None
    return down, (up - down) / ((up + down) * len(pairs)) ** 0.5


@pytest.mark.parametrize("seed", range(20))
def test_tau_is_that_of_every_pair(seed: int):
    rng = random.Random(seed)
    stood = [rng.randrange(1, 40 if seed % 2 else 10**16) for _ in range(rng.randrange(0, 90))]
    if seed % 3 == 0:
        stood.sort()
        stood[3:5] = reversed(stood[3:5])
    turned, tau = plain_tau(stood)
    found = order_of(stood)
    assert (found.calls, found.pairs_turned) == (len(stood), turned)
    assert found.tau == (tau if tau is None else pytest.approx(tau))


def test_tau_of_known_orders():
    assert order_of([1, 2, 3]).tau == 1
    assert order_of([3, 2, 1]).tau == -1
    # Kendall (1938): one of three pairs is turned.
    assert order_of([1, 3, 2]).tau == pytest.approx(1 / 3)
    assert order_of([]).tau is order_of([7]).tau is order_of([7, 7]).tau is None


def test_work_grows_little_faster_than_the_line():
    """A line in the reverse order has every pair turned, and is counted without looking at each."""
    count = 20_000
    assert order_of(range(count, 0, -1)).pairs_turned == count * (count - 1) // 2


def test_waits_run_from_joining_or_from_the_opening():
    joined = 1_700_000_000_000_000
    drawn, came = [5, 9], [joined, joined + 1_000_000]
    times = [joined + n * 10_000_000 for n in (1, 2, 3, 4)]
    waits = waits_of([*drawn, *came], times)
    assert (waits.count, waits.p50, waits.p90, waits.longest) == (4, 30.0, 39.0, 39.0)
    assert waits_of([0], [1]).count == 0

"""The ledger that judges a storm is shown runs that break the rules."""

import pytest

from .ledger import Ledger

SECOND = 1_000_000


def ledger_of(*calls: tuple[float, str]) -> Ledger:
    """Sixty a minute and a tick of half a second: one at once, then one a second."""
    ledger = Ledger(tick_seconds=0.5, cap=3)
    ledger.note_rate(0, 60)
    for at, visitor in calls:
        ledger.note_call(round(at * SECOND), visitor)
    return ledger


def test_one_a_second_and_one_at_once_keep_the_rate():
    assert ledger_of((1, "a"), (1.6, "b"), (2.6, "c"), (61.5, "d")).check_rate() == 3


def test_control_more_than_that_is_seen():
    with pytest.raises(AssertionError):
        ledger_of((1, "a"), (1.1, "b"), (1.2, "c")).check_rate()


def test_control_a_lowered_rate_that_does_not_hold_is_seen():
    ledger = ledger_of(*((n, f"fan {n}") for n in range(1, 30)))
    ledger.check_rate()
    ledger.note_rate(10 * SECOND, 30)
    with pytest.raises(AssertionError):
        ledger.check_rate()


def test_control_who_is_overtaken_is_seen_unless_they_did_not_stay():
    ledger, orders = ledger_of((1, "b"), (2, "a"), (3, "c")), {"a": 1, "b": 2, "c": 3}
    with pytest.raises(AssertionError, match="overtaken"):
        ledger.check_order(orders, set())
    assert ledger.check_order(orders, {"a"}) == 2


def test_a_cap_set_below_those_inside_lets_them_go_but_nobody_in():
    ledger = ledger_of()
    for inside in (3, 2):
        ledger.note_inside(inside)
    ledger.note_cap(1)
    for inside in (3, 2, 1):
        ledger.note_inside(inside)
    with pytest.raises(AssertionError, match="2 inside"):
        ledger.note_inside(2)

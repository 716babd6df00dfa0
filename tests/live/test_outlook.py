"""What is told to be left at a fan's turn, held against sales that are played to that turn."""

import random

import pytest

from ticketflow.live import outlook as module
from ticketflow.live.outlook import VISITS, Outlook, outlook

LIMIT = 4
HABITS = ([1, 1, 1, 1, 1], [6, 1, 2, 0, 1], [1, 0, 0, 0, 1], [0, 0, 1, 0, 8])
"""How often a visit ends with 0, 1, ... 4 tickets bought, from crowd to crowd."""


def test_enough_for_everybody_ahead_is_sure_at_any_pace():
    assert outlook(free=401, sold=0, limit=LIMIT, turns=100, visits=0) == Outlook(1, 401, True)
    assert outlook(free=400, sold=0, limit=LIMIT, turns=100, visits=0) is None


def test_nothing_is_said_of_a_pace_that_was_hardly_seen():
    assert outlook(free=300, sold=60, limit=LIMIT, turns=100, visits=VISITS - 1) is None
    assert outlook(free=300, sold=60, limit=LIMIT, turns=100, visits=VISITS) is not None


def test_tickets_that_everybody_buys_are_told_to_be_gone():
    assert outlook(free=100, sold=400, limit=LIMIT, turns=500, visits=200) == Outlook(0, 0, False)


def test_where_it_may_end_either_way_nothing_is_said():
    assert outlook(free=100, sold=100, limit=LIMIT, turns=100, visits=100) is None


def test_nothing_sold_or_everything_sold_is_no_certainty():
    for sold in (0, 50 * LIMIT):
        told = outlook(free=290, sold=sold, limit=LIMIT, turns=75, visits=50)
        assert told is None or told.most > told.least or told.most == 0


def shares_right(trials: int = 600) -> tuple[float, float]:
    """Of what was told: the share of all that held, and of what was called sure."""
    crowd = random.Random(5)
    right: list[bool] = []
    sure: list[bool] = []
    for _ in range(trials):
        habit, turns, seen = crowd.choice(HABITS), crowd.randrange(1, 300), crowd.randrange(0, 300)
        sold = sum(crowd.choices(range(LIMIT + 1), habit, k=seen))
        free = crowd.randrange(1, LIMIT * turns * 2)
        left = free
        for wanted in crowd.choices(range(LIMIT + 1), habit, k=turns):
            left -= min(wanted, left)
        if told := outlook(free=free, sold=sold, limit=LIMIT, turns=turns, visits=seen):
            (sure if told.sure else right).append(told.least <= left <= told.most)
    assert min(len(sure), len(right)) > trials / 6
    return sum(right) / len(right), sum(sure) / len(sure)


def test_what_is_told_holds():
    right, sure = shares_right()
    assert right >= 0.8
    assert sure == 1


def test_control_without_doubt_it_does_not(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST_LIKELY", 0.0)
    assert shares_right()[0] < 0.8

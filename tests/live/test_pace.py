"""When tickets are gone at the pace of the last minutes: right, steady, and silent when nothing is known."""

import random
from itertools import pairwise

import pytest

from ticketflow.live import pace as pace_module
from ticketflow.live.pace import SHOWN_BELOW_MINUTES, STEP_SECONDS, WINDOW_SECONDS, Pace

EPOCH = 1


class Selling:
    """A ticket type that sells so many a minute, at random, from `left` on; each second the page looks."""

    def __init__(self, left: int, seed: int = 7) -> None:
        self.pace, self.left, self.sold, self.at = Pace(), left, 0, 1_000.0
        self._dice = random.Random(seed)
        self.pace.note(self.at, EPOCH, 0)

    def run(self, seconds: int, per_minute: float) -> list[int | None]:
        """What is said in each second."""
        said = []
        for _ in range(seconds):
            self.at += 1
            gone = min(self.left, sum(self._dice.random() < per_minute / 600 for _ in range(10)))
            if gone:
                self.left, self.sold = self.left - gone, self.sold + gone
                self.pace.note(self.at, EPOCH, self.sold)
            said.append(self.pace.minutes_left(self.at, self.left))
        return said


@pytest.mark.parametrize(("left", "per_minute"), [(300, 30.0), (2_000, 60.0), (500, 50.0)])
def test_it_is_gone_when_it_was_said(left: int, per_minute: float):
    sale = Selling(left)
    sale.run(240, per_minute)
    true = sale.left / per_minute
    (said,) = set(sale.run(1, per_minute))
    assert said is not None
    assert true / 1.35 <= said <= true * 1.35


def test_a_few_sales_or_a_short_look_tell_nothing():
    busy = Selling(100)
    assert set(busy.run(55, 60.0)) == {None}
    assert busy.run(30, 60.0)[-1] is not None
    slow = Selling(5)
    assert set(slow.run(600, 0.5)) == {None}, "three in five minutes are chance"


def test_the_end_of_a_large_hall_is_nobody_s_business_yet():
    sale = Selling(50_000)
    assert set(sale.run(900, 120.0)) == {None}
    assert sale.left / 120 > SHOWN_BELOW_MINUTES


def test_it_falls_without_flickering():
    sale = Selling(600)
    said = [minutes for minutes in sale.run(1_300, 30.0) if minutes]
    changes = [(a, b) for a, b in pairwise(said) if a != b]
    assert said[0] >= 15
    assert said[-1] == 1
    assert all(a > b for a, b in changes), changes


def test_without_its_guards_it_flickers(monkeypatch: pytest.MonkeyPatch):
    """The control: what the test above relies on is not the dice."""
    monkeypatch.setattr(pace_module, "CLEARLY", 1.0)
    monkeypatch.setattr(pace_module, "WINDOW_SECONDS", 60.0)
    sale = Selling(600)
    said = [minutes for minutes in sale.run(1_300, 30.0) if minutes]
    assert any(a < b for a, b in pairwise(said))


def test_only_the_last_minutes_count():
    """A rush that is over is forgotten, and a quiet hour before a rush does not slow it down."""
    sale = Selling(400)
    assert sale.run(200, 60.0)[-1] is not None
    quiet = sale.run(int(WINDOW_SECONDS + 2 * STEP_SECONDS), 0)
    assert quiet[-1] is None
    sale.run(3_600, 0)
    sale.left = 300
    sale.run(int(WINDOW_SECONDS), 20.0)
    said = sale.run(1, 20.0)[-1]
    assert said is not None
    assert 8 <= said <= 15


def test_a_new_epoch_starts_anew():
    """Redis was lost and counted again: a jump in the count is no sale."""
    sale = Selling(400)
    assert sale.run(120, 60.0)[-1] is not None
    sale.pace.note(sale.at, EPOCH + 1, sale.sold + 200)
    assert sale.pace.minutes_left(sale.at, sale.left - 200) is None


def test_tickets_given_back_are_not_sold():
    sale = Selling(400)
    sale.run(120, 60.0)
    sale.pace.note(sale.at + 1, EPOCH, 2)
    assert sale.pace.minutes_left(sale.at + STEP_SECONDS, 398) is None

"""Quantiles of real waits, the ends of a line and of a sale: pure figures."""

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.waiting_room.counted import span_of
from ticketflow.domain import from_micros
from ticketflow.figures.ends import line_gone_at, sold_out_at
from ticketflow.stock import StockNumbers
from ticketflow.store.minutes import SERIES, Sample
from waiting_room import Forecast, Frame, Mode, Tally, Waits

NOW = 1_795_951_200


@given(st.lists(st.floats(0, 100_000), min_size=1, max_size=200), st.sampled_from([0.5, 0.9]))
def test_a_quantile_is_within_5_percent_of_the_true_one(waits: list[float], share: float):
    spans: dict[int, int] = {}
    for wait in waits:
        spans[span_of(wait)] = spans.get(span_of(wait), 0) + 1
    told = Waits(spans).quantile(share)
    true = sorted(waits)[max(1, math.ceil(share * len(waits))) - 1]
    assert told is not None
    assert abs(told - true) <= max(0.5, 0.05 * true)


def test_nobody_has_no_median():
    assert (Waits().quantile(0.5), Waits().count) == (None, 0)


def test_a_tally_is_read_back_as_it_was_kept():
    flat = ["joins", "7", "opened_at", "1795366334233725", "admitted:3", "2", "gave_up:0", "1"]
    tally = Tally.read(5, flat)
    assert (tally.called, tally.joins, tally.missed, tally.opened_at) == (5, 7, 0, 1795366334233725)
    assert (tally.admitted.spans, tally.gave_up.spans) == ({3: 2}, {0: 1})
    assert '"opened_at": "1795366334233725"' in tally.text()


def frame(**given: object) -> Frame:
    said: dict[str, object] = {
        "room": "event:1",
        "epoch": 1,
        "version": 1,
        "revision": 0,
        "extended_at": 0,
        "at": NOW * 1_000_000,
        "mode": Mode.OPEN,
        "message": "",
        "rate_per_minute": 600,
        "max_active": 1000,
        "waiting": 300,
        "called": 0,
        "active": 0,
        "missed": 0,
        "admitted_total": 0,
        "admitted_last_minute": 0,
        "frontier": 1,
        "lobby_opens_at": 0,
        "opens_at": 0,
        "recovering": False,
        "steered_at": 0,
        "slowed_at": 0,
        "slower": None,
        "forecast": Forecast(),
        "ranks": None,
    }
    return Frame(**{**said, **given})  # type: ignore[arg-type]


def test_the_line_is_gone_when_its_last_one_is_called():
    at = line_gone_at(frame())
    assert at is not None
    assert abs((at - from_micros(NOW * 1_000_000)).total_seconds() - 30) < 1
    for still in ({"waiting": 0}, {"mode": Mode.PAUSED}, {"rate_per_minute": 0}, {"recovering": True}):
        assert line_gone_at(frame(**still)) is None


def stock(sold: int) -> StockNumbers:
    return StockNumbers({1: 100}, {1: 100 - sold}, {1: sold}, 0, 0, 0, None)


def earlier(seconds: int, sold: int | None) -> tuple[int, Sample]:
    return NOW - seconds, tuple(sold if name == "sold" else None for name in SERIES)


def test_sold_out_is_what_is_left_at_the_pace_of_the_last_minutes():
    # 30 in 5 minutes, 40 are left.
    at = sold_out_at(frame(), stock(60), earlier(300, 30))
    assert at == from_micros(NOW * 1_000_000) + timedelta(seconds=400)


@pytest.mark.parametrize(
    ("sold", "before", "mode"),
    [
        (60, None, Mode.OPEN),  # nothing was recorded
        (60, earlier(59, 30), Mode.OPEN),  # too short ago
        (60, earlier(300, 60), Mode.OPEN),  # nothing moves
        (60, earlier(300, 70), Mode.OPEN),  # more was cancelled than sold
        (60, earlier(300, None), Mode.OPEN),  # the stock could not be read then
        (100, earlier(300, 30), Mode.OPEN),  # it is
        (60, earlier(300, 30), Mode.PAUSED),
    ],
)
def test_where_nothing_honest_can_be_said_nothing_is(
    sold: int, before: tuple[int, Sample] | None, mode: Mode
):
    assert sold_out_at(frame(mode=mode), stock(sold), before) is None

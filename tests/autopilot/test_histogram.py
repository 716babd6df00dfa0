"""Durations in buckets: what is read back, and of how few nothing is said."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketflow.autopilot.histogram import MOST_BUCKET, bucket_of, p95, seconds_of

durations = st.floats(0.001, 600)


@given(durations)
def test_a_bucket_tells_a_time_within_5_percent(seconds: float):
    assert seconds_of(bucket_of(seconds)) == pytest.approx(seconds, rel=0.05)


@given(st.lists(durations, min_size=20, max_size=300))
def test_95_percent_take_no_longer(seconds: list[float]):
    told = p95(Counter(bucket_of(one) for one in seconds))
    assert told is not None
    exact = sorted(seconds)[-(-95 * len(seconds) // 100) - 1]
    assert told == pytest.approx(exact, rel=0.05)


def test_one_alone_is_chance_and_two_are_a_sign():
    quick, slow = bucket_of(0.1), bucket_of(9)
    assert p95({}) is None
    assert p95({slow: 1}) is None
    assert p95({quick: 5, slow: 1}) == pytest.approx(0.1, rel=0.05)
    assert p95({quick: 5, slow: 2}) == pytest.approx(9, rel=0.05)


@pytest.mark.parametrize(("seconds", "bucket"), [(0, 0), (-1, 0), (0.0005, 0), (10**9, MOST_BUCKET)])
def test_what_is_out_of_range_is_at_its_end(seconds: float, bucket: int):
    assert bucket_of(seconds) == bucket

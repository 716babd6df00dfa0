import pytest

from waiting_room import Mode, wait_interval


def told(*args, **kwargs):
    """The interval, where there must be one."""
    interval = wait_interval(*args, **kwargs)
    assert interval is not None
    return interval


@pytest.mark.parametrize("mode", [Mode.LOBBY, Mode.PAUSED, Mode.CLOSED])
def test_no_wait_is_told_when_the_doors_are_shut(mode):
    assert wait_interval(10, 600, 600, mode=mode) is None


def test_no_wait_is_told_at_rate_0():
    assert wait_interval(10, 0, 600) is None


@pytest.mark.parametrize("ahead", [0, 1, 10, 1_000, 1_000_000])
@pytest.mark.parametrize("rate", [1, 60, 6_000])
def test_the_interval_is_one_and_holds_the_steady_wait(ahead, rate):
    low, high = told(ahead, rate, rate)
    assert 0 <= low < high
    assert low <= (ahead + 1) / rate * 60 <= high


def test_it_grows_with_those_ahead():
    waits = [told(ahead, 600, 600) for ahead in (10, 100, 1_000, 10_000)]
    assert waits == sorted(waits)
    assert waits[0] < waits[-1]


def test_slower_admissions_than_the_rate_make_it_longer():
    assert told(100, 600, 300)[0] > told(100, 600, 600)[0]


def test_a_lowered_rate_counts_at_once():
    assert told(600, 60, 6_000)[0] > 400


def test_a_room_just_opened_is_judged_by_its_rate():
    low, high = told(600, 600, 0, measured_seconds=0)
    assert low <= 60 <= high <= 120


def test_it_is_wider_the_less_is_known():
    def width(admitted, seconds):
        low, high = told(5_000, 60, admitted, measured_seconds=seconds)
        return high / low

    assert width(0, 0) > width(60, 60)

"""The plain wait of a place, from the rate, the cap, the no-shows and those who leave."""

import math
from dataclasses import replace

import pytest

from waiting_room import Expected, Forecast, Mode

CALM = Forecast(share_error=0.01, stay_error=0.1, leaving_error=0.0)


def expected(forecast: Forecast, ahead: int, *, rate: int = 600, cap: int = 100_000) -> Expected:
    wait = forecast.expect(ahead, mode=Mode.OPEN, rate_per_minute=rate, max_active=cap)
    assert wait is not None
    return wait


@pytest.mark.parametrize("mode", [Mode.LOBBY, Mode.PAUSED, Mode.CLOSED])
def test_no_wait_is_told_when_the_doors_are_shut(mode):
    assert Forecast().expect(10, mode=mode, rate_per_minute=600, max_active=100) is None


@pytest.mark.parametrize(("rate", "cap"), [(0, 100), (600, 0)])
def test_no_wait_is_told_when_nobody_is_let_in(rate, cap):
    assert Forecast().expect(10, mode=Mode.OPEN, rate_per_minute=rate, max_active=cap) is None


@pytest.mark.parametrize("ahead", [0, 1, 10, 1_000, 1_000_000])
@pytest.mark.parametrize("rate", [1, 60, 6_000])
def test_a_new_room_goes_by_its_rate(ahead, rate):
    wait = expected(Forecast(), ahead, rate=rate, cap=1_000_000)
    assert wait.plain == pytest.approx((ahead + 1) / rate * 60)
    assert 0 <= wait.low < wait.plain < wait.high


def test_it_grows_with_those_ahead():
    waits = [expected(CALM, ahead, cap=500).plain for ahead in (0, 10, 100, 400, 1_000, 10_000)]
    assert waits == sorted(waits)
    assert waits[0] < waits[-1]


def test_slower_admissions_than_the_rate_make_it_longer():
    assert expected(replace(CALM, share=0.5), 600).plain == pytest.approx(2 * expected(CALM, 600).plain, 0.01)


def test_those_who_leave_make_it_shorter():
    # 1 in 1,000 leaves each second, and 10 are let in: dn/dt = -10 - n / 1,000.
    wait = expected(replace(CALM, leaving=0.001), 1_000)
    assert wait.plain == pytest.approx(1_000 * math.log1p(1_001 / 10_000))


def test_a_full_desk_lets_one_in_as_one_goes_out():
    # 100 slots, each held for 60 s: 100 a minute, whatever the rate.
    assert expected(replace(CALM, inside=100, stay=60), 999, rate=6_000, cap=100).plain == pytest.approx(600)


def test_no_shows_make_it_longer_through_the_slots_they_hold():
    prompt = expected(replace(CALM, inside=100, stay=60), 999, cap=100)
    slow = expected(replace(CALM, inside=100, stay=90), 999, cap=100)
    assert slow.plain == pytest.approx(1.5 * prompt.plain)


def test_an_empty_desk_fills_at_the_rate_first():
    # 10 a second come in until 100 are inside; 100 / 60 a second go out meanwhile, and come in afterwards.
    seconds_to_fill = 100 / (10 - 100 / 60)
    turns_after = 1_000 - 10 * seconds_to_fill
    wait = expected(replace(CALM, stay=60), 999, cap=100)
    assert wait.plain == pytest.approx(seconds_to_fill + turns_after / (100 / 60))
    assert expected(replace(CALM, stay=60), 9, cap=100).plain == pytest.approx(1)


def test_a_cap_lowered_below_those_inside_waits_for_them_to_go():
    full = expected(replace(CALM, inside=50, stay=60), 99, cap=50).plain
    overfull = expected(replace(CALM, inside=100, stay=60), 99, cap=50).plain
    assert overfull == pytest.approx(full + 60 * math.log(2))


def test_it_is_wider_the_less_is_known():
    unsure = expected(replace(CALM, share_error=0.2), 5_000)
    sure = expected(CALM, 5_000)
    assert unsure.high / unsure.low > 1.2 * sure.high / sure.low


def test_the_record_decides_how_many_errors_wide_it_is():
    narrow, wide = (expected(replace(CALM, spread=spread), 500) for spread in (0.5, 2.0))
    assert narrow.plain == wide.plain
    assert wide.low < narrow.low < narrow.high < wide.high


def test_its_text_is_read_back():
    known = Forecast(0.5, 0.1, 99.0, 0.2, 0.0005, 0.0001, 7, 100, 80, 3, 1.25)
    assert Forecast.parse(known.text()) == known


@pytest.mark.parametrize("text", ["", "[0,1,2,3]"])
def test_nothing_or_what_another_version_wrote_is_not_read(text):
    assert Forecast.parse(text) == Forecast()


@pytest.mark.parametrize("ahead", [0, 1, 10, 1_000, 1_000_000])
@pytest.mark.parametrize("rate", [1, 600, 1_200, 6_000, 100_000, 1_000_000])
@pytest.mark.parametrize("spread", [0.1, 1.3, 8.0])
def test_no_wait_told_is_absurd(ahead, rate, spread):
    """The next in a fast line are called in no time: half a second of it must not become hours."""
    wait = expected(Forecast(spread=spread), ahead, rate=rate, cap=1_000_000)
    assert wait.high <= 8 * wait.plain
    assert wait.plain / 8 <= wait.low <= wait.plain


@pytest.mark.parametrize(("before", "after"), [(300, 1_200), (600, 3_000), (60, 1_000_000)])
def test_a_raised_rate_tells_nobody_a_later_time(before, after):
    for ahead in range(100):
        slow, fast = expected(Forecast(), ahead, rate=before), expected(Forecast(), ahead, rate=after)
        assert fast.high <= slow.high

"""What one fan is told of their wait moves to a later time for a shown reason only."""

from hypothesis import given
from hypothesis import strategies as some

from waiting_room import Expected, Promise, Slower
from waiting_room.promise import LATE_SECONDS, Causes, Window, first_promise, next_promise

CALM = Causes(changed_at=0.0, slower=None, full=False)
T = 1_000_000.0


def wait(plain: float, width: float = 1.2) -> Expected:
    return Expected(plain, 0.1, plain / width, plain * width)


def test_seconds_are_whole_and_rounded_outwards():
    assert Promise(T, Window(T + 10.9, T + 20.1)).seconds == (10, 21)
    assert Promise(T, Window(T - 5, T + 0.2)).seconds == (0, 1)
    assert Promise(T, None).seconds is None


def test_a_good_promise_stands_and_counts_down():
    told = first_promise(wait(600), T)
    later = next_promise(told, wait(595), T + 10, CALM)
    assert later.window == told.window
    assert later.slower is None


def test_good_news_is_told_at_once():
    told = first_promise(wait(600), T)
    assert next_promise(told, wait(300), T + 10, CALM).seconds == (250, 360)


def test_a_promise_more_likely_wrong_than_right_is_replaced_and_says_so():
    told = first_promise(wait(600), T)
    slow = next_promise(told, wait(710), T + 1, CALM)
    assert slow.window
    assert (slow.window.high, slow.slower) == (T + 720, None)
    late = next_promise(told, wait(730), T + 1, CALM)
    assert (late.seconds, late.slower) == ((608, 876), Slower.LATE)
    full = next_promise(told, wait(730), T + 1, CALM._replace(full=True))
    assert full.slower is Slower.DESK_FULL


def test_a_reason_is_shown_for_a_while():
    late = next_promise(first_promise(wait(600), T), wait(730), T + 1, CALM)
    soon = next_promise(late, wait(700), T + LATE_SECONDS, CALM)
    assert soon.slower is Slower.LATE
    assert next_promise(soon, wait(690), T + LATE_SECONDS + 2, CALM).slower is None


def test_a_lowered_rate_replaces_it_at_once():
    told = first_promise(wait(600), T)
    lowered = Causes(T + 1, Slower.RATE_LOWERED, full=False)
    told = next_promise(told, wait(620), T + 2, lowered)
    assert (told.seconds, told.slower) == ((516, 744), Slower.RATE_LOWERED)


def test_a_raised_rate_needs_no_reason():
    told = next_promise(first_promise(wait(600), T), wait(300), T + 2, Causes(T + 1, None, full=False))
    assert (told.seconds, told.slower) == ((250, 360), None)


def test_after_a_pause_it_is_told_anew_and_why():
    told = first_promise(wait(600), T)
    pause = Causes(T + 1, Slower.PAUSED, full=False)
    paused = next_promise(told, None, T + 2, pause)
    assert (paused.seconds, paused.slower) == (None, Slower.PAUSED)
    resumed = next_promise(paused, wait(598), T + 300, Causes(T + 299, Slower.PAUSED, full=False))
    assert (resumed.seconds, resumed.slower) == ((498, 718), Slower.PAUSED)


def test_who_looks_for_the_first_time_sees_the_reason_for_a_while_too():
    told = first_promise(wait(600), T, Slower.RATE_LOWERED)
    soon = next_promise(told, wait(590), T + 5, CALM._replace(slower=Slower.RATE_LOWERED))
    assert soon.slower is Slower.RATE_LOWERED


def test_a_change_that_slows_nobody_takes_no_reason_away():
    lowered = Causes(T + 1, Slower.RATE_LOWERED, full=False, slowed_at=T + 1)
    told = next_promise(first_promise(wait(600), T), wait(900), T + 2, lowered)
    harmless = lowered._replace(changed_at=T + 3)
    kept = next_promise(told, wait(895), T + 4, harmless)
    assert kept.slower is Slower.RATE_LOWERED
    raised = Causes(T + 5, None, full=False, slowed_at=T + 1)
    assert next_promise(kept, wait(300), T + 6, raised).slower is None


waits = some.none() | some.floats(0.05, 5_000)
steps = some.lists(some.tuples(some.floats(0.1, 90), waits, some.sampled_from(["", *Slower])), max_size=20)


@given(first=some.floats(0.05, 5_000), steps=steps)
def test_whatever_happens_it_never_moves_away_without_a_reason(first, steps):
    at, told = T, first_promise(wait(first), T)
    for seconds, plain, cause in steps:
        slower = Slower(cause) if cause else None
        causes = Causes(at + seconds / 2 if slower else 0.0, slower, full=False)
        at += seconds
        now = next_promise(told, plain and wait(plain), at, causes)
        if told.window and now.window:
            assert now.window.high <= told.window.high or now.slower is not None
            # And it is never one that has run out, or that nobody believes any more.
            assert plain is not None
            assert now.window.high >= at + plain
        told = now

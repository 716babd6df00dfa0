"""Thousands of random commands to the real room and to the model (both.py), compared after each."""

import os
from contextlib import closing
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from waiting_room import Mode
from waiting_room.scripts import source

from .both import Both

STEPS = int(os.environ.get("TICKETFLOW_SOAK_STEPS", "0"))
"""More steps than the suite's 2,000, at random each time: `make soak`."""
IN_SUITE = settings(
    max_examples=40,
    stateful_step_count=50,
    derandomize=True,
    database=None,
    deadline=None,
    # Shrinking takes minutes, more than a test has: the soak does it.
    phases=[Phase.generate],
)
SOAK = settings(max_examples=max(1, STEPS // 50), stateful_step_count=50, deadline=None)


def machine(url: str, **mutations: tuple[str, str]) -> type[Both]:
    return type("Both", (Both,), {"redis_url": url, "mutations": mutations})


@pytest.mark.timeout(7_200 if STEPS else 240)
def test_the_real_room_does_what_the_model_does(redis_url):
    run_state_machine_as_test(machine(redis_url), settings=SOAK if STEPS else IN_SUITE)


def tell_a_story(both: Both) -> None:
    """A way through the room that meets each guard below."""
    both.begin(Mode.OPEN, 600, 3, 0, 0, spans=(5, 5, 10, 5, 10), tick=0.5, fans=8)
    for command, given in STORY:
        getattr(both, command)(*given)
        both.both_hold_the_same()


STORY: list[tuple[str, tuple[Any, ...]]] = [
    ("tick", (2, 0)),  # the desk is full
    ("tick_now", ()),  # too early
    ("claim", (("called", 0),)),
    ("pass_time", (1_000_000,)),
    ("claim", (("active", 0),)),  # again: the same lease
    ("set_present", (("line", 4), False)),  # the next in line is away
    ("pass_time", (6_001_000,)),  # turns and a lease run out
    ("tick", (1, 0)),
    ("join_again", (("missed", 0), True)),
    ("pass_time", (10_001_000,)),
    ("join_again", (("missed", 0), True)),  # too late
    ("steer", (None, 45, None, None)),
    ("pass_time", (1_000_000,)),
    ("steer", (None, 6_000, 0, None)),
    ("join", (True,)),
    ("pass_time", (-2_000_000,)),
    ("join", (True,)),
    ("lose_everything", (True, ("line", 0), 6)),
    ("steer", (None, None, 50, None)),
    ("tick", (3, 0)),  # some may still be on their way back
    ("pass_time", (10_000_000,)),
    ("join", (True,)),  # there is room, but others were first
    ("tick", (3, 0)),
    ("claim", (("called", 0),)),
    ("extend", (300,)),
    ("extend", (86_400,)),  # no lease ends later than in a day
    ("steer", (Mode.DRAINING, None, None, None)),  # who is not in has their place back
    ("join", (True,)),
    ("tick", (2, 0)),
    ("steer", (Mode.OPEN, None, None, None)),
    ("tick", (2, 0)),
]
GUARDS = {
    "tick guard": ("tick", "since_tick < room.tick_us * 0.9", "false"),
    "cap": ("tick", "math.min(math.floor(room.tokens / PERSON), free)", "math.floor(room.tokens / PERSON)"),
    "recovery window": ("tick", "or now < room.recover_until", ""),
    "absence": ("tick", "since[i] < before", "false"),
    "one lease": ("claim", "place.state == 'called' then", "place.till > 0 then"),
    "time to return": ("join", "valid and now < till", "valid"),
    "others first": ("join", "redis.call('ZCARD', waiting_key) == 1", "true"),
    "order": ("join", "math.max(now, room.last_order) + 1", "now + 1"),
    "called back in order": ("steer", "orders[i] or int", "int"),
    "a day at most": ("extend", "math.min(till + more, now + DAY)", "till + more"),
    "no-shows alone are counted": ("tick", "if from == called_key then", "if true then"),
    "a first call is counted once": ("tick", "'-inf', int(room.frontier)) + 1", "'-inf', '(0') + 1"),
    "old rate": ("steer", "refill(room, now)\n\nlocal set", "local set"),
}


def test_a_story_that_meets_every_guard(redis_url):
    with closing(machine(redis_url)()) as both:
        tell_a_story(both)


@pytest.mark.parametrize("guard", GUARDS)
def test_control_without_a_guard_the_story_ends_otherwise(redis_url, guard):
    command, text, instead = GUARDS[guard]
    with closing(machine(redis_url, **{command: (text, instead)})()) as both, pytest.raises(AssertionError):
        tell_a_story(both)


@pytest.mark.parametrize("guard", ["tick guard", "order", "old rate"])
def test_control_without_a_guard_random_commands_find_it(redis_url, guard):
    command, text, instead = GUARDS[guard]
    assert source(command).count(text) == 1
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine(redis_url, **{command: (text, instead)}), settings=IN_SUITE)

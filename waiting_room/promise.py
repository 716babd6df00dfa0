"""What one fan is told of their wait, and when it may move. Pure.

A promise is a window of time. Its end may come nearer at any time. It moves away for a reason only, which is
told with it: the organiser slowed the line down, or the promise is by now more likely wrong than right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from .forecast import Expected

STEADY = 0.5
"""An end of the window moves only by more than this share of its distance from the middle: it shall not
flicker, and a best moment in a wavering forecast shall not become the promise."""

SHOWN_SECONDS = 60.0
"""For so long it is shown what somebody or something did to the line."""

LATE_SECONDS = 15.0
"""For so long it is shown that the wait was told too short. Two of ten waits are told wrong: were it shown
for longer, half of a calm line would read it at any time."""


class Slower(StrEnum):
    """Why a fan is told a later time than before."""

    PAUSED = "paused"
    DRAINING = "draining"
    RATE_LOWERED = "rate_lowered"
    RECOVERING = "recovering"
    DESK_FULL = "desk_full"
    LATE = "late"


class Causes(NamedTuple):
    """What the room says about its pace: when it was last changed by hand or by a loss (unix seconds), why it
    is slower than it was, if it is, whether the desk is full, so that one comes in only as one goes out, and
    when it last became slower, unless that was the last change."""

    changed_at: float
    slower: Slower | None
    full: bool
    slowed_at: float | None = None

    @property
    def of_change(self) -> Slower:
        """Why the last change has made a line slower."""
        slowed = self.slowed_at is None or self.slowed_at >= self.changed_at
        return self.slower if self.slower and slowed else self.measured

    @property
    def measured(self) -> Slower:
        """Why a line is slower that nobody slowed down."""
        return Slower.DESK_FULL if self.full else Slower.LATE


class Window(NamedTuple):
    """When the turn comes, in unix seconds."""

    low: float
    high: float


@dataclass(frozen=True)
class Promise:
    """What was told at `at` (unix seconds). No `window` while nothing moves. `slower` says why it is later
    than before, and since when that is shown `moved_at`."""

    at: float
    window: Window | None
    slower: Slower | None = None
    moved_at: float | None = None

    @property
    def seconds(self) -> tuple[int, int] | None:
        """The window as it is shown: whole seconds from `at`, rounded outwards."""
        if self.window is None:
            return None
        low = max(0, math.floor(self.window.low - self.at))
        return low, max(low + 1, math.ceil(self.window.high - self.at))


def first_promise(expected: Expected | None, at: float, slower: Slower | None = None) -> Promise:
    """What somebody is told of whom nothing is remembered."""
    return Promise(at, _window(expected, at) if expected else None, slower, at if slower else None)


def next_promise(last: Promise, expected: Expected | None, at: float, causes: Causes) -> Promise:
    """What somebody is told at `at` who was told `last`."""
    if expected is None:
        return Promise(at, None, causes.slower or (Slower.DESK_FULL if causes.full else None))
    fresh = _window(expected, at)
    if last.window is None:
        return Promise(at, fresh, last.slower, at)
    if causes.changed_at > last.at:
        slower = causes.of_change
    elif at + expected.plain > last.window.high:
        # More likely wrong than right: to let it stand would be a lie.
        slower = causes.measured
    else:
        fresh = _steadied(fresh, last.window, at + expected.plain)
        slower = None
    if slower and fresh.high > last.window.high:
        return Promise(at, fresh, slower, at)
    shown_for = LATE_SECONDS if last.slower is Slower.LATE else SHOWN_SECONDS
    eased = causes.changed_at > last.at and causes.slower is None
    if last.moved_at is not None and at < last.moved_at + shown_for and not eased:
        return Promise(at, fresh, last.slower, last.moved_at)
    return Promise(at, fresh)


def _window(expected: Expected, at: float) -> Window:
    return Window(at + expected.low, at + expected.high)


def _steadied(fresh: Window, last: Window, middle: float) -> Window:
    """The last window, each end moved if there is news of it; the later end never away."""
    low = last.low if abs(fresh.low - last.low) < STEADY * (middle - fresh.low) else fresh.low
    high = last.high if last.high - fresh.high < STEADY * (fresh.high - middle) else fresh.high
    return Window(low, high)

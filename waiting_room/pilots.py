"""The room's own record of what it told. Pure.

Pilots are places in the line that are followed as a fan's screen follows its fan. What a pilot would be told
is noted on its whole way, and held against the moment at which its turn really comes. So the record shows
how often the waits told were right, and the errors show how wide the next ones must be.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from .estimate import RankMap
from .forecast import LAYOUT, PRIOR_SPREAD, Expected, Forecast, packed
from .frame import Frame
from .measures import Measures
from .promise import Promise, Slower, Window, first_promise, next_promise

PILOTS = 24
NOTES = 4
"""A pilot notes its promise about so often on its way, and never more than four times as often."""

REMEMBERED = 240
"""So many errors are kept: the last ones, in the beginning those of the prior."""

HELD = 0.8
"""The share of promises that shall hold."""

FAR_OFF = 8.0
"""Errors. What was further off was told in another world: it teaches no more than this."""


@dataclass
class Note:
    """A promise to be held against what happens. `low` and `high` are the moments as they were shown.

    `plain` and `error` are what it was made of. `below` and `above` are how far, in errors, its ends lay from
    where that would have put them anew: a promise stands where it was made.
    """

    at: float
    plain: float
    error: float
    low: float
    high: float
    below: float
    above: float
    told: bool = False
    """Whether the record has it: a promise is wrong as soon as its time is over."""


@dataclass
class Pilot:
    """A place in the line, by its order, and what it was promised."""

    order: int
    ahead: int
    every: float
    promise: Promise
    notes: list[Note] = field(default_factory=list)

    def note(self, expected: Expected) -> None:
        """Put down what is promised now, unless enough was put down lately."""
        at, window, seconds = self.promise.at, self.promise.window, self.promise.seconds
        if window is None or seconds is None or len(self.notes) >= 4 * NOTES:
            return
        if self.notes and at < self.notes[-1].at + self.every:
            return
        plain, error = expected.plain, expected.error
        # Nobody comes sooner than at once.
        below = math.log((window.low - at) / expected.low) / error if window.low > at else -math.inf
        above = math.log((window.high - at) / expected.high) / error
        low, high = seconds
        self.notes.append(Note(at, plain, error, at + low, at + high, below, above))


def _prior() -> list[float]:
    # Evenly spread such that 80% lie within the prior; mixed, as they are forgotten in turn.
    return [PRIOR_SPREAD / 0.8 * (n * 17 % REMEMBERED) / REMEMBERED for n in range(REMEMBERED)]


@dataclass
class Pilots:
    """All that is remembered between one map frame and the next."""

    measures: Measures = field(default_factory=Measures)
    pilots: list[Pilot] = field(default_factory=list)
    errors: list[float] = field(default_factory=_prior)
    told: int = 0
    right: int = 0
    withdrawn: int = 0

    @classmethod
    def parse(cls, text: str) -> Pilots:
        """The reverse of `text`; of an empty text, or one of another version's, what is known at first."""
        layout, *held = json.loads(text or "[0]")
        if layout != LAYOUT:
            return cls()
        measures, pilots, *rest = held
        return cls(Measures(*measures), [_pilot(*pilot) for pilot in pilots], *rest)

    def text(self) -> str:
        return packed(self)

    def see(self, frame: Frame) -> Forecast:
        """Take in a map frame, and give what is known after it."""
        at, ranks = frame.at / 1e6, frame.ranks
        if ranks is None or frame.recovering:
            return self.forecast()
        steered = frame.steered_at / 1e6 > self.measures.at
        self._resolve(frame, at)
        if steered:
            self._withdraw()
        self._condemn(at)
        fall = None
        self.pilots.sort(key=lambda pilot: pilot.order)
        for pilot in self.pilots:
            ahead = ranks.place(pilot.order) - 1
            fall = pilot.ahead, ahead
            pilot.ahead = ahead
        self.measures.see(frame, fall, steered=steered)
        forecast = self.forecast()
        for pilot in self.pilots:
            self._tell(pilot, forecast, frame)
        self._plant(ranks, forecast, frame)
        return self.forecast()

    def forecast(self) -> Forecast:
        """What is known now."""
        m = self.measures
        return Forecast(
            m.share,
            m.share_error,
            m.stay,
            m.stay_error,
            m.leaving,
            m.leaving_error,
            m.inside,
            self.told,
            self.right,
            self.withdrawn,
            sorted(self.errors)[math.ceil(HELD * len(self.errors))],
        )

    def _resolve(self, frame: Frame, called_at: float) -> None:
        """Close the notes of the pilots whose turn has come."""
        waiting = []
        for pilot in self.pilots:
            if pilot.order > frame.frontier and frame.waiting:
                waiting.append(pilot)
                continue
            for note in pilot.notes:
                if not note.told:
                    self.told += 1
                    self.right += note.low <= called_at <= note.high
                self._learn(note, called_at)
        self.pilots = waiting

    def _condemn(self, at: float) -> None:
        """A promise whose time is over is wrong now, not only when the turn comes at last."""
        for pilot in self.pilots:
            for note in pilot.notes:
                if not note.told and note.high < at:
                    note.told = True
                    self.told += 1

    def _withdraw(self) -> None:
        """The organiser has changed the pace: everybody is told anew, and what was told before has no end."""
        for pilot in self.pilots:
            self.withdrawn += sum(not note.told for note in pilot.notes)
            pilot.notes.clear()

    def _learn(self, note: Note, called_at: float) -> None:
        """How many errors wide the promise had to be to hold, were it rounded outwards to whole seconds."""
        # A clock that went backwards must not stop the room.
        seconds = max(0.0, called_at - note.at)
        later = math.log(max(math.ceil(seconds) - 1, 0.1) / note.plain) / note.error - note.above
        sooner = note.below - math.log((math.floor(seconds) + 1) / note.plain) / note.error
        self.errors.append(min(FAR_OFF, max(later, sooner)))
        del self.errors[:-REMEMBERED]

    def _tell(self, pilot: Pilot, forecast: Forecast, frame: Frame) -> None:
        expected = frame.expect(pilot.ahead, forecast)
        pilot.promise = next_promise(pilot.promise, expected, frame.at / 1e6, frame.causes)
        if expected:
            pilot.note(expected)

    def _plant(self, ranks: RankMap, forecast: Forecast, frame: Frame) -> None:
        """A new pilot where the line is watched least: most often at its end, where fans join."""
        if len(self.pilots) >= PILOTS or not ranks.waiting:
            return
        ends = [-1, *(pilot.ahead for pilot in self.pilots), ranks.waiting]
        before, after = max(pairwise(ends), key=lambda gap: gap[1] - gap[0])
        rank = after - 1 if after == ranks.waiting else (before + after) // 2
        ahead, order = ranks.near(rank)
        expected = frame.expect(ahead, forecast)
        # Who returned to the front is called out of turn: nothing is to be learned of them.
        if expected is None or order <= frame.frontier or any(order == pilot.order for pilot in self.pilots):
            return
        every = max(1.0, expected.plain / NOTES)
        pilot = Pilot(order, ahead, every, first_promise(expected, frame.at / 1e6))
        pilot.note(expected)
        self.pilots.append(pilot)


def _pilot(order: int, ahead: int, every: float, promise: list[Any], notes: list[list[Any]]) -> Pilot:
    at, window, slower, moved_at = promise
    told = Promise(at, window and Window(*window), slower and Slower(slower), moved_at)
    return Pilot(order, ahead, every, told, [Note(*note) for note in notes])

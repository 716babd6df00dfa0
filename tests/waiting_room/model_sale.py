"""A sale on a clock of its own: a crowd, a desk, and the screens of some fans. No Redis, no waiting.

What the room does with its pilots and its fans' screens is its own code; the crowd, the line and the desk
are modelled here.
"""

import heapq
import random
from bisect import bisect_left
from dataclasses import dataclass, field

from waiting_room import Frame, Mode, Promise, RankMap, Slower
from waiting_room.estimate import sampled_ranks
from waiting_room.forecast import Forecast
from waiting_room.pilots import Pilots
from waiting_room.promise import first_promise, next_promise

TICK = 0.5
START = 1_700_000_000.0
CLAIM_SECONDS = 120.0


@dataclass(frozen=True)
class Crowd:
    """How people behave, at random. Spans are mean seconds."""

    arrivals: float
    """People who join in a second."""
    lobby: int
    """People in line at the beginning."""
    leaving: float = 1 / 1800
    """Share of the line that gives up in a second."""
    no_shows: float = 0.0
    """Share of the called who never come."""
    claim: float = 15.0
    booking: float = 75.0


@dataclass
class Screen:
    """What one fan was shown, once a tick, until they were called."""

    shown: list[Promise] = field(default_factory=list)
    called_at: float | None = None


class ModelSale:
    """Steps through a sale a tick at a time. Every 50th fan has a screen."""

    def __init__(self, crowd: Crowd, *, rate: int, cap: int, seed: int) -> None:
        self.crowd, self.rate, self.cap = crowd, rate, cap
        self.mode, self.steered_at, self.slowed_at = Mode.OPEN, 0.0, 0.0
        self.slower: Slower | None = None
        self.random = random.Random(seed)
        self.now = START
        self.pilots, self.forecast = Pilots(), Forecast()
        self.screens: dict[int, Screen] = {}
        self.line: list[int] = []
        self.steered: list[float] = []
        self._leaves: list[tuple[float, int]] = []
        self._slots: list[float] = []
        self._tokens = 0.0
        self._called = self._frontier = self._joined = 0
        self._arrives_at = self.now
        for _ in range(crowd.lobby):
            self._join(self.now)

    def steer(self, *, rate: int | None = None, mode: Mode | None = None) -> None:
        """Pull a lever, a moment after the last tick."""
        if rate is not None:
            self.slower = Slower.RATE_LOWERED if rate < self.rate else None
            self.rate = rate
        if mode is not None:
            self.mode, self.slower = mode, Slower.PAUSED
        self.steered_at = self.now + 0.001
        self.slowed_at = self.steered_at if self.slower else self.slowed_at
        self.steered.append(self.steered_at)

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += TICK
            self._arrive()
            self._leave()
            while self._slots and self._slots[0] <= self.now:
                heapq.heappop(self._slots)
            self._admit()
            self._show(self.frame())

    def frame(self) -> Frame:
        """The frame of this tick, as tick.lua would publish it."""
        waiting = len(self.line)
        return Frame(
            room="model",
            epoch=1,
            version=round((self.now - START) / TICK),
            at=round(self.now * 1e6),
            mode=self.mode,
            message="",
            rate_per_minute=self.rate,
            max_active=self.cap,
            waiting=waiting,
            called=0,
            active=len(self._slots),
            missed=0,
            admitted_total=self._called,
            admitted_last_minute=0,
            frontier=self._frontier,
            lobby_opens_at=0,
            opens_at=0,
            recovering=False,
            steered_at=round(self.steered_at * 1e6),
            slowed_at=round(self.slowed_at * 1e6),
            slower=self.slower,
            forecast=self.forecast,
            revision=0,
            extended_at=0,
            ranks=RankMap([self.line[rank] for rank in sampled_ranks(waiting)], waiting),
        )

    def _arrive(self) -> None:
        while self._arrives_at <= self.now:
            self._join(self._arrives_at)
            self._arrives_at += self.random.expovariate(self.crowd.arrivals)

    def _join(self, at: float) -> None:
        self._joined += 1
        order = round(at * 1e6) + self._joined
        self.line.append(order)
        heapq.heappush(self._leaves, (at + self.random.expovariate(self.crowd.leaving), order))
        if self._joined % 50 == 0:
            self.screens[order] = Screen()

    def _leave(self) -> None:
        while self._leaves and self._leaves[0][0] <= self.now:
            _, order = heapq.heappop(self._leaves)
            at = bisect_left(self.line, order)
            if at < len(self.line) and self.line[at] == order:
                del self.line[at]
                self.screens.pop(order, None)

    def _admit(self) -> None:
        if self.mode is not Mode.OPEN:
            return
        a_tick = self.rate / 60 * TICK
        self._tokens = min(self._tokens + a_tick, a_tick + 1)
        count = max(0, min(int(self._tokens), self.cap - len(self._slots), len(self.line)))
        self._tokens -= count
        self._called += count
        for order in self.line[:count]:
            self._frontier = order
            heapq.heappush(self._slots, self.now + self._stay())
            if order in self.screens:
                self.screens[order].called_at = self.now
        del self.line[:count]

    def _stay(self) -> float:
        if self.random.random() < self.crowd.no_shows:
            return CLAIM_SECONDS
        claim = min(CLAIM_SECONDS, self.random.expovariate(1 / self.crowd.claim))
        return claim + self.random.expovariate(1 / self.crowd.booking)

    def _show(self, frame: Frame) -> None:
        at, ranks = frame.at / 1e6, frame.ranks
        assert ranks is not None
        for order, screen in self.screens.items():
            if screen.called_at is None:
                expected = frame.expect(ranks.place(order) - 1)
                last = screen.shown[-1] if screen.shown else None
                promise = (
                    next_promise(last, expected, at, frame.causes) if last else first_promise(expected, at)
                )
                screen.shown.append(promise)
        self.forecast = self.pilots.see(frame)

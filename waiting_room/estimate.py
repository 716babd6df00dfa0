"""From the frame's samples to a place, and from measured admissions to a wait. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache

from .policy import Mode

EXACT = 256
"""Ranks below this are all in the map. Keep in step with lua/frame.lua, as the ratio below."""

Z_80 = 1.2816
"""An 80% interval of a normal is this many deviations to either side."""

DRIFT = 0.1
"""How far the speed itself is expected to wander over the wait, as a share of it."""

PRIOR_SECONDS = 10
"""The set rate weighs as much as this many seconds of measurement: a room just opened has nothing else."""


@lru_cache(maxsize=16)
def sampled_ranks(waiting: int) -> tuple[int, ...]:
    """The ranks (from 0) whose orders a frame carries: all below 256, then 1% apart, and the last."""
    ranks = list(range(min(EXACT, waiting)))
    rank = EXACT - 1
    while (rank := rank * 101 // 100 + 1) < waiting - 1:
        ranks.append(rank)
    if waiting > EXACT:
        ranks.append(waiting - 1)
    return tuple(ranks)


class RankMap:
    """The orders found at the sampled ranks of the line, from which any order's place follows.

    Raises ValueError if there are not as many orders as `waiting` calls for.
    """

    def __init__(self, orders: Sequence[int], waiting: int) -> None:
        self.waiting = waiting
        self._orders = orders
        self._ranks = sampled_ranks(waiting)
        if len(self._orders) != len(self._ranks):
            raise ValueError(f"{len(self._ranks)} orders expected for {waiting} waiting, got {len(orders)}")

    def covers(self, order: int) -> bool:
        """Whether the map reaches that far. It says nothing of who joined after it was drawn."""
        return bool(self._orders) and order <= self._orders[-1]

    def place(self, order: int) -> int:
        """How many wait with a smaller order, and 1: exact up to 256, within 1% behind.

        It says where an order stands in this map. A returning fan ahead, or the next map's samples, can make
        it rise a little: who shows it keeps the smallest they have shown.
        """
        above = bisect_left(self._orders, order)
        if above == len(self._orders):
            return self.waiting + 1
        if self._orders[above] == order or above == 0:
            return self._ranks[above] + 1
        low, high = self._ranks[above - 1], self._ranks[above]
        share = (order - self._orders[above - 1]) / (self._orders[above] - self._orders[above - 1])
        return low + 1 + int(share * (high - low - 1)) + 1


def wait_interval(
    ahead: int,
    rate_per_minute: int,
    admitted_last_minute: int,
    *,
    mode: Mode = Mode.OPEN,
    measured_seconds: float = 60,
) -> tuple[int, int] | None:
    """The seconds until somebody with `ahead` before them is called, as an interval meant to hold for 80%.

    `admitted_last_minute` is what was measured over the last `measured_seconds` (less than 60 in a room just
    opened). None when nothing moves: the room is not open, or its rate is 0.
    """
    if mode is not Mode.OPEN or rate_per_minute <= 0:
        return None
    set_speed = rate_per_minute / 60
    measured_for = min(60.0, max(0.0, measured_seconds))
    evidence = admitted_last_minute + set_speed * PRIOR_SECONDS
    # After the rate was lowered the last minute is still the faster one: nobody is told that.
    speed = min(set_speed, evidence / (measured_for + PRIOR_SECONDS))
    turns = ahead + 1
    spread = Z_80 * math.sqrt(1 / turns + 1 / evidence + DRIFT**2)
    middle = turns / speed
    low = math.floor(middle * math.exp(-spread))
    return low, max(low + 1, math.ceil(middle * math.exp(spread)))

"""From the frame's samples to a place. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache

EXACT = 256
"""Ranks below this are all in the map. Keep in step with lua/frame.lua, as the ladder below."""

LADDER_TOP = 10_000_000
"""The ladder ends at the first rank from here on. Between it and a longer line's end places are rough."""


def _ladder() -> Iterator[int]:
    rank = EXACT - 1
    while rank < LADDER_TOP:
        rank = rank * 101 // 100 + 1
        yield rank


LADDER = tuple(_ladder())
"""The ranks behind the exact ones, each 1% above the one before."""


@lru_cache(maxsize=16)
def sampled_ranks(waiting: int) -> tuple[int, ...]:
    """The ranks (from 0) whose orders a frame carries: all below 256, then 1% apart, and the last."""
    if waiting <= EXACT:
        return tuple(range(waiting))
    last = waiting - 1
    return (*range(EXACT), *LADDER[: bisect_left(LADDER, last)], last)


def rank_above(rank: int) -> int:
    """The first rank of the ladder from the given one on. In front of the ladder each stands for itself."""
    return rank if rank < EXACT or rank > LADDER[-1] else LADDER[bisect_left(LADDER, rank)]


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

    def near(self, rank: int) -> tuple[int, int]:
        """The first sampled rank from the given one on, and the order found there. Somebody must wait."""
        at = min(bisect_left(self._ranks, rank), len(self._ranks) - 1)
        return self._ranks[at], self._orders[at]

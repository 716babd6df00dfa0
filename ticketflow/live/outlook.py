"""How many tickets will be left when a fan's turn comes. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

MOST_LIKELY = 1.28
"""So many errors to either side: 8 times out of 10 it is within, as with the wait."""

VISITS = 30
"""With fewer visits seen to their end nobody can say what the next ones will buy."""


class Outlook(NamedTuple):
    """Tickets free at the fan's turn. `sure`: `least` holds even if everyone before them takes all they may;
    else it is an interval, told by what people have bought so far. A `most` of 0: gone by then."""

    least: int
    most: int
    sure: bool


def outlook(*, free: int, sold: int, limit: int, turns: int, visits: int) -> Outlook | None:
    """What is left for who comes after so many `turns`, each of at most `limit` tickets, of those `free` now.

    `visits` have ended so far, and `sold` is what came of them. None where nothing honest can be said.
    """
    if free > limit * turns:
        return Outlook(free - limit * turns, free, True)
    if visits < VISITS:
        return None
    # As if one visit more had taken half of what it may: nobody is ever sure that all or none will buy.
    each = min(float(limit), (sold + limit / 2) / (visits + 1))
    left = free - each * turns
    # However purchases are spread between none and the limit, they vary by no more than this.
    doubt = MOST_LIKELY * math.sqrt(each * (limit - each) * (turns + turns * turns / visits))
    if left - doubt >= 1:
        return Outlook(math.floor(left - doubt), min(free, math.ceil(left + doubt)), False)
    return Outlook(0, 0, False) if left + doubt <= 0 else None

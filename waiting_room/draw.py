"""The lobby's draw, which anyone can recompute once the seed is public. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator

DRAW_BITS = 50
"""Below 2^50 lies every draw and no arrival: 2^50 microseconds after the epoch was in 2005."""

_DRAWER_BITS = 12


def draw_number(seed: bytes, visitor: str) -> int:
    """The visitor's number in the lobby's order: the first 50 bits of HMAC-SHA256(seed, visitor).

    When somebody joined plays no part, so a late joiner has the same chance as an early one.
    """
    digest = hmac.digest(seed, visitor.encode(), "sha256")
    return int.from_bytes(digest[:8], "big") >> (64 - DRAW_BITS)


def commitment(seed: bytes) -> str:
    """What may be published before the seed to prove that it was not chosen later: SHA-256(seed), in hex."""
    return hashlib.sha256(seed).hexdigest()


def in_order(seed: bytes, visitors: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Number and visitor of each entrant, the lowest number first; of one number, by name, as Redis does.

    One sort of a million would hold every other thread up for a second. Numbers are even, so visitors are
    dealt into drawers by the first bits of theirs, and each drawer is sorted in no time.
    """
    drawers: list[list[str]] = [[] for _ in range(1 << _DRAWER_BITS)]
    for visitor in visitors:
        drawers[draw_number(seed, visitor) >> (DRAW_BITS - _DRAWER_BITS)].append(visitor)
    for drawer in drawers:
        # Worked out again: a million pairs kept would give the garbage collector long pauses.
        yield from sorted((draw_number(seed, visitor), visitor) for visitor in drawer)

"""The lobby's draw, which anyone can recompute once the seed is public. Pure."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache

DRAW_BITS = 50
"""Below 2^50 lies every draw and no arrival: 2^50 microseconds after the epoch was in 2005."""


def draw_number(seed: bytes, visitor: str) -> int:
    """The visitor's number in the lobby's order: the first 50 bits of HMAC-SHA256(seed, visitor).

    When somebody joined plays no part, so a late joiner has the same chance as an early one.
    """
    drawn = _seeded(seed).copy()
    drawn.update(visitor.encode())
    return int.from_bytes(drawn.digest()[:8], "big") >> (64 - DRAW_BITS)


@lru_cache(maxsize=256)
def _seeded(seed: bytes) -> hmac.HMAC:
    """The HMAC that only wants its visitor: to look the hash up and take the seed in is most of the work."""
    return hmac.new(seed, digestmod="sha256")


def commitment(seed: bytes) -> str:
    """What may be published before the seed to prove that it was not chosen later: SHA-256(seed), in hex."""
    return hashlib.sha256(seed).hexdigest()

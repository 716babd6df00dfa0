"""How long bookings took, in buckets each a little longer than the one before: merged by adding. Pure."""

import math
from collections.abc import Mapping

OCTAVE = 8
"""Buckets to a doubling of the time: what is read back is within 5% of what went in."""
LEAST_SECONDS = 0.001
MOST_BUCKET = 20 * OCTAVE
"""A quarter of an hour and above are one."""


def bucket_of(seconds: float) -> int:
    """The bucket of a duration."""
    if seconds <= LEAST_SECONDS:
        return 0
    return min(MOST_BUCKET, int(math.log2(seconds / LEAST_SECONDS) * OCTAVE))


def seconds_of(bucket: int) -> float:
    """The middle of a bucket."""
    return float(LEAST_SECONDS * 2 ** ((bucket + 0.5) / OCTAVE))


def p95(counts: Mapping[int, int]) -> float | None:
    """What 95% took at most; None where it cannot be said.

    One alone is chance, two are a sign: below 20 the slowest is passed over, and of one nothing is said.
    """
    total = sum(counts.values())
    if total < 2:
        return None
    rank, seen = min(math.ceil(0.95 * total), total - 1), 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= rank:
            return seconds_of(bucket)
    return None

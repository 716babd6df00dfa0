"""How fair a line was: did who joined earlier come in earlier, and how long did they wait? Pure."""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

DRAWN = 2**50
"""Orders below this were drawn in a lobby, and say nothing about a time."""


@dataclass(frozen=True)
class Waits:
    """How many seconds half, nine tenths and all of those waited whose wait is known."""

    count: int
    p50: float
    p90: float
    longest: float


@dataclass(frozen=True)
class Order:
    """The order in which people came in, against the one they stood in."""

    calls: int
    pairs_turned: int
    """Pairs in which who stood behind came first."""
    tau: float | None
    """Kendall's tau-b: 1 for the same order, -1 for the reverse. None for less than two."""


def order_of(stood: Sequence[int]) -> Order:
    """Compare: `stood` is where each stood, in the order in which they were called.

    Tau-b leaves out pairs that stood at the same place; nobody is called at the same time as another. Counted
    while merging, in O(n log n): W. R. Knight, "A computer method for calculating Kendall's tau with
    ungrouped data", Journal of the American Statistical Association 61 (1966).
    """
    count = len(stood)
    pairs = count * (count - 1) // 2
    turned, in_order = _turned(stood)
    tied = _tied(in_order)
    if pairs == tied:
        return Order(count, turned, None)
    concordant = pairs - tied - turned
    return Order(count, turned, (concordant - turned) / ((pairs - tied) * pairs) ** 0.5)


def waits_of(orders: Sequence[int], times: Sequence[int]) -> Waits:
    """From joining to being called, both in microseconds. Who was drawn waited from the first call on, which
    is when the doors opened."""
    opened = times[0] if times else 0
    waited = sorted(
        max(0, time - (order if order >= DRAWN else opened))
        for order, time in zip(orders, times, strict=True)
        if order > 0
    )
    if not waited:
        return Waits(0, 0.0, 0.0, 0.0)
    last = len(waited) - 1
    p50, p90, longest = (waited[round(last * share)] / 1e6 for share in (0.5, 0.9, 1))
    return Waits(len(waited), p50, p90, longest)


def _turned(values: Sequence[int]) -> tuple[int, "array[int]"]:
    """How many pairs stand the wrong way round, and the values in order. Merges from the bottom up; two runs
    that follow each other already cost one comparison, and most of a fair line are such."""
    turned, sorted_so_far, width = 0, array("q", values), 1
    while width < len(sorted_so_far):
        for start in range(0, len(sorted_so_far), 2 * width):
            middle, end = start + width, start + 2 * width
            left, right = sorted_so_far[start:middle], sorted_so_far[middle:end]
            if right and left[-1] > right[0]:
                turned += sum(len(left) - bisect_right(left, value) for value in right)
                sorted_so_far[start:end] = array("q", sorted(left + right))
        width *= 2
    return turned, sorted_so_far


def _tied(in_order: Sequence[int]) -> int:
    """Pairs of equal values."""
    tied = same = 0
    for i in range(1, len(in_order)):
        same = same + 1 if in_order[i] == in_order[i - 1] else 0
        tied += same
    return tied

"""Which seats are the best that so many people can have together. Pure."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ticketflow.store.events import Seat

A_ROW_BACK = 2.0
"""A row further back is as bad as so many seats further from its middle."""
A_SEAT_ALONE = 1.5
"""The same for leaving one free seat by itself, which hardly anybody would buy."""


@dataclass(frozen=True)
class Row:
    """Seats beside one another: their units are consecutive, beginning with `first`."""

    section: str
    row: str
    first: int
    numbers: tuple[int, ...]
    depth: int
    """How many rows of its section lie before it."""


def rows_of(seats: Sequence[Seat]) -> list[Row]:
    """The rows of a type whose units are these seats. Rows come from the front to the back."""
    rows: list[Row] = []
    depths: dict[str, int] = {}
    first = 0
    for (section, row), group in groupby(seats, key=lambda seat: (seat.section, seat.row)):
        numbers = tuple(seat.number for seat in group)
        depth = depths[section] = depths.get(section, -1) + 1
        rows.append(Row(section, row, first, numbers, depth))
        first += len(numbers)
    return rows


def best_together(rows: Sequence[Row], free: bytes, wanted: int, among: int = 1) -> list[int]:
    """The units of the best `wanted` free seats side by side in one row; [] if there are none.

    Of the best `among` places one is drawn, so that many who look at the same moment do not all want the
    same seats. `free` has one bit a unit, the first in the highest bit of the first byte.
    """
    bits = int.from_bytes(free)
    size = len(free) * 8
    best: list[tuple[float, int]] = []
    for row in sorted(rows, key=lambda row: row.depth):
        if len(best) >= among and row.depth * A_ROW_BACK > best[-1][0]:
            break  # no row behind this one can be better
        length = len(row.numbers)
        seats = bits >> (size - row.first - length) & (1 << length) - 1
        best = sorted([*best, *_places(row, seats, wanted)])[:among]
    if not best:
        return []
    _, first = random.choice(best)
    return list(range(first, first + wanted))


def _places(row: Row, seats: int, wanted: int) -> Iterator[tuple[float, int]]:
    """Each place for so many in a row: its cost and its first unit. The first seat is the highest bit."""
    length = len(row.numbers)
    starts = seats
    for step in range(1, wanted):
        starts &= seats << step
    middle = (length - wanted) / 2

    def is_free(seat: int) -> bool:
        return 0 <= seat < length and bool(seats >> (length - 1 - seat) & 1)

    def alone(seat: int, beyond: int) -> bool:
        return is_free(seat) and not is_free(beyond)

    for start in range(length - wanted + 1):
        if starts >> (length - 1 - start) & 1:
            end = start + wanted
            left_alone = alone(start - 1, start - 2) + alone(end, end + 1)
            cost = row.depth * A_ROW_BACK + abs(start - middle) + left_alone * A_SEAT_ALONE
            yield cost, row.first + start

"""How the units of a type are numbered, from 0 up, with gaps where some were taken out. Pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ticketflow.domain import TicketType

Run = tuple[int, int]
"""Numbers from the first to the last."""


def read(gaps: str | None) -> tuple[Run, ...]:
    """The gaps in the column that keeps them."""
    return tuple((first, last) for first, last in json.loads(gaps or "[]"))


def written(kind: TicketType) -> str | None:
    """The column that keeps the type's gaps."""
    return json.dumps(kind.gaps) if kind.gaps else None


def without(kind: TicketType, runs: Iterable[Run]) -> TicketType:
    """The type without these of its units. Whatever is above the highest that stays is no gap."""
    gone = {*kind.missing(), *_numbers(runs)}
    left = [number for number in range(kind.size) if number not in gone]
    size = left[-1] + 1 if left else 0
    gaps = tuple(runs_of(number for number in sorted(gone) if number < size))
    return replace(kind, capacity=len(left), gaps=gaps)


def larger(kind: TicketType, capacity: int) -> tuple[TicketType, list[Run]]:
    """The type with so many units, and the new ones: gaps are filled first, then come the next numbers."""
    wanted, missing = capacity - kind.capacity, sorted(kind.missing())
    filled, still_missing = missing[:wanted], missing[wanted:]
    fresh = range(kind.size, kind.size + wanted - len(filled))
    larger_one = replace(kind, capacity=capacity, gaps=tuple(runs_of(still_missing)))
    return larger_one, runs_of([*filled, *fresh])


def runs_of(numbers: Iterable[int]) -> list[Run]:
    """Numbers, which come in order, as runs."""
    runs: list[Run] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _numbers(runs: Iterable[Sequence[int]]) -> Iterable[int]:
    return (number for first, last in runs for number in range(first, last + 1))

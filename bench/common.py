"""What the measures share: a figure with its bound, taking turns, and the table at the end."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

Work = Callable[[], Awaitable[Any]]


@dataclass(frozen=True)
class Measure:
    """One figure. `most` or `least` is its bound; with neither it is only told. `note` says how it came."""

    name: str
    figure: float
    most: float | None = None
    least: float | None = None
    note: str = ""

    @property
    def kept(self) -> bool:
        """Whether the figure is within its bound."""
        return (self.most is None or self.figure <= self.most) and (
            self.least is None or self.figure >= self.least
        )

    @property
    def bound(self) -> str:
        if self.most is not None:
            return f"at most {self.most:g}"
        return "" if self.least is None else f"at least {self.least:g}"


async def seconds(work: Work) -> float:
    """How long `work` takes, by this process's clock."""
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


@dataclass(frozen=True)
class Turns:
    """What each side gave, round by round."""

    figures: list[list[float]]

    def of(self, side: int) -> float:
        """The median of one side."""
        return median(self.figures[side])

    def ratio(self, side: int, other: int) -> float:
        """The median of one side in another's, each round for itself: what else the machine does, it does to
        both sides of a round."""
        return median(a / b for a, b in zip(self.figures[side], self.figures[other], strict=True))


async def taking_turns(rounds: int, *sides: Callable[[], Awaitable[float]]) -> Turns:
    """Let each side give its figure, in turn, so many times."""
    turns = Turns([[] for _ in sides])
    for _ in range(rounds):
        for figures, side in zip(turns.figures, sides, strict=True):
            figures.append(await side())
    return turns


def show(measures: Iterable[Measure]) -> bool:
    """Print the table, and say whether every bound is kept."""
    measures = list(measures)
    table = Table("measure", "figure", "bound", "", "how")
    for measure in measures:
        verdict = "" if not measure.bound else "[green]ok[/]" if measure.kept else "[red]broken[/]"
        table.add_row(measure.name, f"{measure.figure:,.4g}", measure.bound, verdict, measure.note)
    Console(width=140).print(table)
    return all(measure.kept for measure in measures)

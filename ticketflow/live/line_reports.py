"""What became of each event's line, worked out once for as long as its log does not grow."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from databases import Database

from ticketflow.fairness import Order, Waits, order_of, waits_of
from ticketflow.store import admissions

MOST_REPORTS = 32
REST_SECONDS = 10.0
"""While the line moves the log grows each second: no new report for each of them."""


@dataclass(frozen=True)
class LineReport:
    """By the admission log: how many turns came to what, in which order, after how long."""

    rows: int
    counts: Mapping[str, int]
    """Kind of row -> how many."""
    people: int
    """Who was called, each once."""
    order: Order
    """Of all calls."""
    first_turns: Order
    """Of those who did not come back from a turn they had missed: what the line itself decided."""
    waits: Waits


@dataclass(frozen=True)
class _Made:
    rows: int
    at: float
    task: "asyncio.Task[LineReport]"


class LineReports:
    """The reports that this process has made."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._made: dict[int, _Made] = {}

    async def soon(self, event_id: int, patience: float) -> LineReport | None:
        """The report, or None if it takes longer: of a million calls it takes some seconds, once."""
        rows, at = await admissions.length(self._database, event_id), asyncio.get_running_loop().time()
        made = self._made.pop(event_id, None)
        if made is None or _failed(made) or (made.rows != rows and at - made.at > REST_SECONDS):
            made = _Made(rows, at, asyncio.create_task(self._make(event_id, rows), name="line report"))
            # Whoever asked may be gone when it fails; nobody else needs to hear of it.
            made.task.add_done_callback(lambda task: task.cancelled() or task.exception())
        self._made[event_id] = made
        while len(self._made) > MOST_REPORTS:
            del self._made[next(iter(self._made))]
        try:
            return await asyncio.wait_for(asyncio.shield(made.task), patience)
        except TimeoutError:
            return None

    async def _make(self, event_id: int, rows: int) -> LineReport:
        counts = await admissions.counts(self._database, event_id)
        people = await admissions.people(self._database, event_id)
        calls = await admissions.calls(self._database, event_id, rows)
        return await asyncio.to_thread(_report, rows, counts, people, calls)


def _report(rows: int, counts: Mapping[str, int], people: int, calls: admissions.Calls) -> LineReport:
    first = [order for order, back in zip(calls.orders, calls.returned, strict=True) if not back]
    times = [time for time, back in zip(calls.times, calls.returned, strict=True) if not back]
    return LineReport(rows, counts, people, order_of(calls.orders), order_of(first), waits_of(first, times))


def _failed(made: _Made) -> bool:
    return made.task.done() and (made.task.cancelled() or made.task.exception() is not None)

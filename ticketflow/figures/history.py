"""The recorded figures of a sale as series for charts, a number a step, null where nothing was recorded."""

from collections.abc import Mapping
from typing import Any

from databases import Database

from ticketflow.domain import from_micros, iso
from ticketflow.figures.samples import Samples
from ticketflow.store import minutes as minute_store
from ticketflow.store.minutes import SERIES, Sample

SECOND, MINUTE = 1, 60
COUNTED = frozenset({"joins", "left", "missed", "payment_failures"})
"""Recorded as totals, and given as how many there were in each step."""


class History:
    """Reads what the recorder has kept."""

    def __init__(self, database: Database, samples: Samples) -> None:
        self._database = database
        self._samples = samples

    async def series(self, event_id: int, *, minutes: int, step: int, now: float) -> dict[str, Any]:
        """The last minutes of an event until `now` (unix seconds), in steps of a second or of a minute.

        Seconds end with the last one that is over; minutes with the one at hand, as far as it has come.
        """
        if step == SECOND:
            end, steps, begun = int(now), minutes * 60, None
            found = await self._samples.between(event_id, end - steps - 1, end)
        else:
            end, steps = int(now) // 60 + 1, minutes
            found = await self._minutes(event_id, end - steps - 1, end)
            begun = await self._begun(event_id, found)
        at = range(end - steps, end)
        return {
            "step_seconds": step,
            "from": iso(from_micros(at[0] * step * 1_000_000)),
            "to": iso(from_micros(end * step * 1_000_000)),
            "at": [number * step for number in at],
            "series": {name: _series(name, place, found, at, begun) for place, name in enumerate(SERIES)},
        }

    async def _minutes(self, event_id: int, first: int, end: int) -> Mapping[int, Sample]:
        """The minutes written, and the last two from the seconds: they may not be written yet."""
        found = await minute_store.between(self._database, event_id, first, end)
        for minute in (end - 2, end - 1):
            last = await self._samples.last_before(event_id, (minute + 1) * 60)
            if minute not in found and last and last[0] // 60 == minute:
                found[minute] = last[1]
        return found

    async def _begun(self, event_id: int, found: Mapping[int, Sample]) -> int | None:
        """The first minute that was ever recorded of an event: before it there was nothing to count."""
        first = await minute_store.first(self._database, event_id)
        return first if first is not None else min(found, default=None)


def _series(
    name: str, place: int, found: Mapping[int, Sample], at: range, begun: int | None
) -> list[int | None]:
    values = {number: sample[place] for number, sample in found.items()}
    if name not in COUNTED:
        return [values.get(number) for number in at]
    if begun is not None:
        values[begun - 1] = 0
    return [_more(values.get(number - 1), values.get(number)) for number in at]


def _more(before: int | None, after: int | None) -> int | None:
    """How much a total has grown. One that Redis has lost starts a little lower: nothing happened less."""
    return None if before is None or after is None else max(0, after - before)

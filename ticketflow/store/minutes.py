"""How sales stood at the end of each of their minutes."""

from collections.abc import Mapping, Sequence
from typing import Any

from databases import Database
from sqlalchemy import delete, func, insert, select

from ticketflow.store.tables import minutes

SERIES = tuple(column.name for column in minutes.c if column.name not in ("event_id", "minute"))
"""What is recorded, in the order in which samples have it. `joins`, `left`, `missed`, `sold`, `revenue` and
`payment_failures` are totals since the sale began."""
DAY_OF_MINUTES = 1440

Sample = tuple[int | None, ...]
"""One number for each of SERIES; None for what could not be had."""


async def last(database: Database, event_id: int) -> int | None:
    """The last minute of an event that is written."""
    found = await database.fetch_val(select(func.max(minutes.c.minute)).where(minutes.c.event_id == event_id))
    return None if found is None else int(found)


async def first(database: Database, event_id: int) -> int | None:
    """The first minute of an event that is written."""
    found = await database.fetch_val(select(func.min(minutes.c.minute)).where(minutes.c.event_id == event_id))
    return None if found is None else int(found)


async def write(database: Database, event_id: int, samples: Mapping[int, Sample]) -> None:
    """Write minutes down, by their number; one that is there already stays as it is."""
    these = (minutes.c.event_id == event_id) & minutes.c.minute.in_(samples)
    async with database.transaction():
        there = {row["minute"] for row in await database.fetch_all(select(minutes.c.minute).where(these))}
        for minute in samples.keys() - there:
            row = dict(zip(SERIES, samples[minute], strict=True))
            await database.execute(insert(minutes).values(event_id=event_id, minute=minute, **row))


async def between(database: Database, event_id: int, first: int, end: int) -> dict[int, Sample]:
    """Minute -> how the sale stood at its end, from `first` up to but without `end`."""
    these = (minutes.c.event_id == event_id) & (minutes.c.minute >= first) & (minutes.c.minute < end)
    rows: Sequence[Any] = await database.fetch_all(select(minutes).where(these))
    return {row["minute"]: tuple(row[name] for name in SERIES) for row in rows}


async def forget(database: Database, event_id: int) -> bool:
    """Forget the first day of an event's minutes that is left. Gives whether there was one."""
    begun = await first(database, event_id)
    if begun is None:
        return False
    day = minutes.c.minute < begun + DAY_OF_MINUTES
    await database.execute(delete(minutes).where((minutes.c.event_id == event_id) & day))
    return True

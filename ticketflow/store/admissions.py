"""The admission log in the database: a chain for each event, written to its end and read from its start."""

from array import array
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from databases import Database
from sqlalchemy import func, insert, select, update

from ticketflow.admission_log import FIRST, Row, moment
from ticketflow.store.bulk import insertion
from ticketflow.store.tables import admission_heads, admissions

PAGE = 2_000
"""Rows read at once: some hundred kilobytes."""
CALLS = ("called", "at_once", "returned")


@dataclass(frozen=True)
class Head:
    """Where a chain ends, and up to where the room's journal is in it."""

    number: int = 0
    hash: str = FIRST
    epoch: int = 0
    entry: str = "0-0"

    @property
    def place(self) -> tuple[int, int, int]:
        milliseconds, _, number = self.entry.partition("-")
        return self.epoch, int(milliseconds), int(number)


async def head(database: Database, event_id: int) -> Head:
    """The end of the chain. In a transaction it stays that until this ends, if there is one already; who
    writes the first row twice is refused by the table's key."""
    query = select(admission_heads).where(admission_heads.c.event_id == event_id).with_for_update()
    row = await database.fetch_one(query)
    return Head(row["number"], row["hash"], row["epoch"], row["entry"]) if row else Head()


async def append(
    database: Database, event_id: int, before: Head, after: Head, rows: Sequence[dict[str, Any]]
) -> None:
    """Write rows behind `before`, in a transaction. Raises `violations.UNIQUE` if somebody else has."""
    await database.execute(insertion(database, admissions, rows))
    held = {"number": after.number, "hash": after.hash, "epoch": after.epoch, "entry": after.entry}
    if before.number == 0:
        await database.execute(insert(admission_heads).values(event_id=event_id, **held))
    else:
        this = admission_heads.c.event_id == event_id
        await database.execute(update(admission_heads).where(this).values(**held))


async def length(database: Database, event_id: int) -> int:
    """How many rows the log has."""
    this = admission_heads.c.event_id == event_id
    return int(await database.fetch_val(select(admission_heads.c.number).where(this)) or 0)


async def pages(database: Database, event_id: int, till: int) -> AsyncIterator[list[Row]]:
    """The log up to the row `till`, page by page."""
    for first in range(1, till + 1, PAGE):
        these = admissions.c.number.between(first, min(first + PAGE - 1, till))
        query = select(admissions).where((admissions.c.event_id == event_id) & these)
        yield [_row(held) for held in await database.fetch_all(query.order_by(admissions.c.number))]


def _row(held: Any) -> Row:
    same = ("number", "visitor", "order", "kind", "before")
    return Row(
        event=held["event_id"],
        at=moment(held["at"]),
        signature=held["signature"] or "",
        **{name: held[name] for name in same},
    )


async def counts(database: Database, event_id: int) -> dict[str, int]:
    """How many rows there are of each kind."""
    query = select(admissions.c.kind, func.count().label("rows")).where(admissions.c.event_id == event_id)
    return {
        row["kind"]: int(row["rows"]) for row in await database.fetch_all(query.group_by(admissions.c.kind))
    }


@dataclass
class Calls:
    """Who was called, in that order: where they stood, when (unix microseconds), and whether they had been
    dealt with before."""

    orders: "array[int]"
    times: "array[int]"
    returned: bytearray


async def calls(database: Database, event_id: int, till: int) -> Calls:
    """All calls up to the row `till`: 17 bytes each, for a million 17 MB."""
    found = Calls(array("q"), array("q"), bytearray())
    called = admissions.c.kind.in_(CALLS)
    columns = (admissions.c.order, admissions.c.at, admissions.c.kind)
    for first in range(1, till + 1, PAGE):
        these = admissions.c.number.between(first, min(first + PAGE - 1, till))
        query = select(*columns).where((admissions.c.event_id == event_id) & these & called)
        for row in await database.fetch_all(query.order_by(admissions.c.number)):
            found.orders.append(row["order"])
            found.times.append(round(row["at"].timestamp() * 1_000_000))
            found.returned.append(row["kind"] == "returned")
    return found


async def people(database: Database, event_id: int) -> int:
    """How many visitors were called, each counted once."""
    called = admissions.c.kind.in_(CALLS)
    query = select(func.count(admissions.c.visitor.distinct()))
    return int(await database.fetch_val(query.where((admissions.c.event_id == event_id) & called)))

"""The scribe moves what rooms have written down (`waiting_room.Journal`) into the admission logs."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict

from databases import Database
from redis.exceptions import RedisError

from ticketflow import faults
from ticketflow.admission_log import BEGUN, LOST, LogKeys, Row, moment
from ticketflow.domain import Event, from_micros
from ticketflow.faults import Point
from ticketflow.loops import lasting
from ticketflow.rooms import Rooms
from ticketflow.store import admissions, violations
from ticketflow.store.admissions import Head
from waiting_room import Entry, WaitingRoomError

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
ENTRIES = 8
"""Moved in one transaction: 8,000 rows at most."""


class Scribe:
    """Moves entries in their order, each once, however many scribes there are and wherever one dies.

    What is in the log is told from what is not by the place of the last entry, written with the rows. An
    entry is forgotten after that, so one that is found again is known.
    """

    def __init__(
        self,
        database: Database,
        rooms: Rooms,
        events: Callable[[], Iterable[Event]],
        keys: LogKeys,
    ) -> None:
        self._database = database
        self._rooms = rooms
        self._events = events
        self._keys = keys
        self._begun: set[int] = set()

    @lasting
    async def run(self) -> None:
        """For ever: move what there is."""
        while True:
            for event in self._events():
                try:
                    while await self.move(event.id):
                        pass
                except violations.UNIQUE:
                    log.debug("event %d: another scribe was faster", event.id)
                except (RedisError, WaitingRoomError, *violations.BROKEN) as error:
                    log.warning("event %d: %s", event.id, error)
            await asyncio.sleep(PAUSE_SECONDS)

    async def move(self, event_id: int) -> int:
        """Move the oldest entries of a room, and give how many there were."""
        journal = (await self._rooms.of(event_id)).journal
        entries = await journal.read(ENTRIES)
        if not entries and event_id not in self._begun:
            # A room from before there was a log.
            await journal.begin()
            self._begun.add(event_id)
            entries = await journal.read(ENTRIES)
        if entries:
            async with self._database.transaction():
                await self._write(event_id, entries)
                faults.reached(Point.LOG_WRITTEN)
            faults.reached(Point.LOG_COMMITTED)
            await journal.forget(entries)
        return len(entries)

    async def _write(self, event_id: int, entries: list[Entry]) -> None:
        before = await admissions.head(self._database, event_id)
        unwritten = [entry for entry in entries if entry.place > before.place]
        rows = list(_chained(event_id, before, unwritten))
        if not rows:
            return
        rows[-1] = last = self._keys.signed(rows[-1])
        after = Head(last.number, last.hash, unwritten[-1].epoch, unwritten[-1].id)
        held = [_held(row) for row in rows]
        await admissions.append(self._database, event_id, before, after, held)


def _chained(event_id: int, head: Head, entries: Iterable[Entry]) -> Iterator[Row]:
    """The rows that entries make, behind the head of the chain."""
    number, before = head.number, head.hash
    for entry in entries:
        at = moment(from_micros(entry.at))
        about_the_log = [("", entry.epoch, LOST if number else BEGUN)]
        turns = [(turn.visitor, turn.order, turn.kind.value) for turn in entry.turns]
        for visitor, order, kind in turns or about_the_log:
            number += 1
            row = Row(event_id, number, at, visitor, order, kind, before)
            before = row.hash
            yield row


def _held(row: Row) -> dict[str, object]:
    """A row as the table has it."""
    values = asdict(row)
    values["event_id"] = values.pop("event")
    values["at"] = row.at.replace("T", " ").removesuffix("Z")
    return values | {"signature": row.signature or None}

"""What rooms have written down comes into the log once and in order, however many scribes there are, and
wherever one dies."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import delete, update

from tests.house import TICKET_KEY, make_sale
from ticketflow import faults, log_command
from ticketflow.admission_log import Checker, LogKeys, Row
from ticketflow.clients import Stores, open_stores
from ticketflow.domain import now
from ticketflow.faults import AnswerLost, Fault
from ticketflow.log_command import CannotCheck
from ticketflow.scribe import Scribe
from ticketflow.settings import Settings
from ticketflow.store import admissions, tables, violations
from ticketflow.worker import Background

KEYS = LogKeys((TICKET_KEY,))


@dataclass
class Desk:
    """One sale's room, and as many scribes as wanted."""

    stores: Stores
    background: Background
    event_id: int

    def scribe(self) -> Scribe:
        return Scribe(self.stores.database, self.background.rooms, self.background.catalogue.all, KEYS)

    async def join(self, count: int) -> list[str]:
        room = await self.background.rooms.of(self.event_id)
        return [(await room.join()).visitor for _ in range(count)]

    async def moved(self, scribe: Scribe | None = None) -> None:
        while await (scribe or self.scribe()).move(self.event_id):
            pass

    async def rows(self) -> list[Row]:
        database = self.stores.database
        till = await admissions.length(database, self.event_id)
        return [row async for page in admissions.pages(database, self.event_id, till) for row in page]

    async def names(self) -> list[str]:
        """Who is in the log, once it is seen to be whole."""
        rows = await self.rows()
        assert rows[-1].signature
        checked = Checker(KEYS.public).check([*rows, KEYS.end(rows[-1], now())])
        assert (checked.fault, checked.rows) == (None, len(rows))
        return [row.visitor for row in rows if row.visitor]


@pytest.fixture
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    sale = await make_sale(settings)
    async with open_stores(settings) as stores:
        background = Background(settings, stores)
        await background.catalogue.load()
        event = background.catalogue.event(sale.event_id)
        await background.rooms.open(event)
        yield Desk(stores, background, sale.event_id)
        faults.arm(None)


async def test_who_was_called_is_in_the_log_in_that_order(desk: Desk):
    fans = await desk.join(3)
    await desk.moved()
    fans += await desk.join(3)
    await desk.moved()
    assert await desk.names() == fans
    first, second, *_ = await desk.rows()
    assert (first.kind, first.order, second.kind) == ("begun", 1, "at_once")
    room = await desk.background.rooms.of(desk.event_id)
    assert await room.journal.read(1) == []


async def test_many_scribes_write_each_call_once(desk: Desk):
    fans = await desk.join(40)
    scribes = [desk.scribe() for _ in range(4)]

    async def run(scribe: Scribe) -> None:
        for _ in range(20):
            try:
                await desk.moved(scribe)
                return
            except (*violations.UNIQUE, *violations.BROKEN):
                continue

    await asyncio.gather(*(run(scribe) for scribe in scribes))
    await desk.moved()
    assert await desk.names() == fans


@pytest.mark.parametrize("point", ["log.written", "log.done"])
async def test_a_scribe_that_dies_loses_nothing_and_doubles_nothing(desk: Desk, point: str):
    fans = await desk.join(3)
    faults.arm(Fault.parse(f"{point}:lose"))
    with pytest.raises(AnswerLost):
        await desk.moved()
    faults.arm(None)
    fans += await desk.join(2)
    await desk.moved()
    assert await desk.names() == fans


async def test_control_who_forgets_where_the_log_ends_writes_twice(desk: Desk, monkeypatch):
    """Without the last entry's place in the log, what was found again would be a row again."""
    await desk.join(3)
    faults.arm(Fault.parse("log.done:lose"))
    with pytest.raises(AnswerLost):
        await desk.moved()
    faults.arm(None)
    monkeypatch.setattr(admissions.Head, "place", (0, 0, 0))
    await desk.moved()
    names = await desk.names()
    assert len(names) == 2 * len(set(names))


async def test_after_a_loss_of_redis_the_chain_goes_on_and_says_so(desk: Desk):
    kept = await desk.join(2)
    await desk.moved()
    await desk.join(1)
    room = await desk.background.rooms.of(desk.event_id)
    await desk.stores.redis.delete(*room.keys.touched)
    await desk.background.rooms.open(desk.background.catalogue.event(desk.event_id))
    await desk.stores.redis.hset(room.keys.room, "recover_until", 0)
    kept += await desk.join(2)
    await desk.moved()
    assert await desk.names() == kept
    (lost,) = [row for row in await desk.rows() if row.kind == "lost"]
    assert (lost.number, lost.order) == (4, 2)


async def test_a_room_from_before_gets_a_log(desk: Desk):
    room = await desk.background.rooms.of(desk.event_id)
    await desk.stores.redis.delete(room.keys.journal)
    await desk.join(1)
    await desk.moved()
    fans = await desk.join(1)
    await desk.moved()
    assert await desk.names() == fans


async def test_the_log_in_the_database_is_checked_where_it_stands(desk: Desk, settings: Settings):
    """A changed row, and a tail that was cut off though the head was left, are found with the row."""
    with pytest.raises(CannotCheck):
        await log_command.in_database(settings, desk.event_id)
    for count in (3, 2):
        await desk.join(count)
        await desk.moved()
    checked = await log_command.in_database(settings, desk.event_id)
    assert (checked.fault, checked.rows) == (None, 6)
    assert "6 rows" in log_command.told(checked)
    database, log = desk.stores.database, tables.admissions
    row = (log.c.event_id == desk.event_id) & (log.c.number == 3)
    known = (await desk.rows())[2].visitor
    await database.execute(update(log).where(row).values(visitor="a-friend"))
    fault = (await log_command.in_database(settings, desk.event_id)).fault
    assert fault is not None
    assert fault.row == 3
    await database.execute(update(log).where(row).values(visitor=known))
    await database.execute(delete(log).where((log.c.event_id == desk.event_id) & (log.c.number > 4)))
    fault = (await log_command.in_database(settings, desk.event_id)).fault
    assert fault is not None
    assert fault.row == 5

"""An event is called off with many bookings, and its workers die at it: each booking is cancelled, its letter
written and its money paid back once.

TICKETFLOW_TEST_CALLED_OFF=5000 (`make calloff`) is the whole of it.
"""

import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from databases import Database
from redis.asyncio import Redis
from sqlalchemy import Column, ColumnElement, func, insert, select, update

from tests.forked import Forked
from tests.house import Sale, eventually, make_sale
from tests.mail import letters
from ticketflow.clients import make_database
from ticketflow.domain import User, now
from ticketflow.faults import Act, Fault, Point
from ticketflow.settings import Settings
from ticketflow.store import calling_off, users
from ticketflow.store.events import NewTicketType
from ticketflow.store.tables import (
    bookings,
    called_off,
    cancellations,
    outbox,
    payments,
    simulated_charges,
    tickets,
)

BOOKINGS = int(os.environ.get("TICKETFLOW_TEST_CALLED_OFF", "150"))
WHY = "The hall is flooded."


@pytest.fixture
def database_url(mariadb_url: str) -> str:
    """As it runs for real; SQLite has the same, one by one, in tests/api/test_calling_off.py."""
    return mariadb_url


@dataclass
class Night:
    """A booked-out event, and the workers that come and go."""

    settings: Settings
    folder: Path
    database: Database
    sale: Sale
    owner: User
    bookings: int

    def __post_init__(self) -> None:
        self._numbers = count(1)

    def worker(self, fault: Fault | None = None, without: str | None = None) -> Forked:
        log = self.folder / f"worker-{next(self._numbers)}.log"
        return Forked("worker", replace(self.settings, fault=fault), log, without=without)

    async def finished(self) -> bool:
        return await self.database.fetch_val(select(called_off.c.finished_at)) is not None

    async def units_are_back(self) -> bool:
        return await self.how_many(cancellations.c.booking_id, cancellations.c.units_back_at.is_(None)) == 0

    async def how_many(self, column: Column[Any], *those: ColumnElement[bool]) -> int:
        return int(await self.database.fetch_val(select(func.count(column)).where(*those)))


@pytest.fixture
async def night(settings: Settings, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Night]:
    booked = int(getattr(request, "param", BOOKINGS))
    mine = replace(settings, settle_after_seconds=1.0)
    sale = await make_sale(mine, types=[NewTicketType("Standing", 2500, booked)])
    database = make_database(mine)
    await database.connect()
    await letters.book(database, sale, booked)
    # Their confirmations went long ago, and the gateway has their money.
    await database.execute(update(outbox).values(state="sent", sent_at=now()))
    paid = select(payments.c.booking_id, payments.c.amount, payments.c.currency, payments.c.status)
    columns = ["charge_key", "amount", "currency", "status", "created_at"]
    await database.execute(
        insert(simulated_charges).from_select(columns, paid.add_columns(payments.c.updated_at))
    )
    await count_at_the_gateway(database)
    owner = await users.proven(database, sale.organiser_email)
    assert owner is not None
    yield Night(mine, tmp_path, database, sale, owner, booked)
    await database.disconnect()


async def count_at_the_gateway(database: Database) -> None:
    """Each time the gateway pays something back it is written down, by the database itself."""
    await database.execute("CREATE TABLE paid_back (charge_key VARCHAR(64))")
    await database.execute(
        "CREATE TRIGGER pays_back AFTER UPDATE ON simulated_charges FOR EACH ROW "
        "INSERT INTO paid_back SELECT NEW.charge_key FROM DUAL WHERE NEW.status = 'refunded'"
    )


async def call_off(night: Night, *, without: str | None = None) -> None:
    """Call it off, with workers that die at two steps, of many bookings some more at any moment, and two that
    stay."""
    assert await calling_off.begin(night.database, night.sale.event_id, night.owner, WHY)
    for point in (Point.CANCELLED, Point.REFUNDED):
        dying = night.worker(Fault(point, Act.KILL, 1), without)
        assert await dying.ended() < 0
    assert not await night.finished()
    for _ in range(max(0, night.bookings // 500)):
        chance = night.worker(without=without)
        before = await night.how_many(cancellations.c.booking_id)
        some = random.randint(20, 200)

        async def on_its_way(most: int = min(night.bookings, before + some)) -> bool:
            return await night.how_many(cancellations.c.booking_id) >= most

        await eventually(on_its_way, seconds=60)
        await chance.kill()
    staying = [night.worker(without=without) for _ in range(2)]
    try:
        await eventually(night.finished, seconds=60 + night.bookings / 20)
        # Units that found no stock yet in a worker's first moments are swept.
        await eventually(night.units_are_back, seconds=60)
    finally:
        for worker in staying:
            await worker.kill()


async def check(night: Night, redis: Redis) -> None:
    """Everything of each booking once, and nothing left."""
    rows = await night.database.fetch_all(select(bookings.c.status, bookings.c.reason))
    assert Counter((row["status"], row["reason"]) for row in rows) == {
        ("cancelled", "called_off"): night.bookings
    }
    written = await night.database.fetch_all(
        select(outbox.c.booking_id).where(outbox.c.kind == "booking_cancelled")
    )
    assert set(Counter(row["booking_id"] for row in written).values()) == {1}
    assert len(written) == night.bookings
    assert await night.how_many(payments.c.booking_id, payments.c.status == "refunded") == night.bookings
    assert await night.how_many(tickets.c.id) == 0
    stock = f"{night.settings.redis_prefix}:{{event:{night.sale.event_id}}}:stock"
    kind = night.sale.type_ids[0]
    counts = await redis.hmget(stock, f"free:{kind}", f"sold:{kind}")
    assert counts == [str(night.bookings), "0"]
    progress = await calling_off.progress(night.database, night.owner, night.sale.event_id)
    assert (progress.state, progress.bookings, progress.cancelled, progress.refunded) == (
        "finished",
        night.bookings,
        night.bookings,
        night.bookings,
    )


async def paid_back(night: Night) -> Counter[str]:
    rows = await night.database.fetch_all("SELECT charge_key FROM paid_back")
    return Counter(row["charge_key"] for row in rows)


@pytest.mark.timeout(120 + BOOKINGS)
async def test_each_is_cancelled_written_to_and_paid_back_once(night: Night, redis: Redis):
    await call_off(night)
    await check(night, redis)
    found = await paid_back(night)
    assert len(found) == BOOKINGS
    assert set(found.values()) == {1}


@pytest.mark.parametrize("night", [60], indirect=True)
async def test_control_a_gateway_that_forgets_its_keys_pays_twice(night: Night, redis: Redis):
    """The worker that died had paid and not noted it: the count at the gateway sees that it is paid again."""
    await call_off(night, without="tests.booking.unguarded:refunding_a_key_once")
    await check(night, redis)
    assert max((await paid_back(night)).values()) > 1

"""The ledger alone, from the stream to committed rows, against one transaction a booking."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sqlalchemy import func, insert, select

from tests import house, servers
from ticketflow.clients import Stores, open_stores
from ticketflow.domain import Event, Order, now
from ticketflow.rooms import Rooms
from ticketflow.settings import Settings
from ticketflow.stock import Stock
from ticketflow.store import events
from ticketflow.store.events import NewTicketType
from ticketflow.store.tables import bookings, metadata, payments, users

from .common import Measure, taking_turns
from .one_by_one import rate as one_by_one

ROUNDS = 7
ORDERS = 4000
"""What the ledger finds in the stream in a round."""
ORDERS_PLAIN = 800
"""What one transaction a booking is given in a round: about as long as the ledger takes."""
WRITERS = (1, 8, 32)
"""How many write at once, one transaction a booking; the best of them is what counts."""
LOOK_SECONDS = 0.01

Side = Callable[[], Awaitable[float]]


async def measures(folder: Path) -> list[Measure]:
    """Committed rows a second, and all that follows the commit, in one transaction a booking."""
    with (
        servers.valkey(folder) as redis_url,
        servers.mariadb(folder / "mariadb", durable=True) as server,
        server.fresh(metadata) as database_url,
    ):
        settings = house.settings_for(
            database_url=database_url,
            redis_url=redis_url,
            smtp_url="",
            prefix="bench-ledger",
            hold_seconds=3600,
        )
        async with open_stores(settings) as stores:
            queue = Queue(settings, stores)
            sides = 1 + len(WRITERS)
            await queue.open(sales=(1 + ROUNDS) * sides)
            async with ledger_process(settings, folder, queue) as running:
                return await compare(queue, partial(ledger_rate, queue, running))


async def compare(queue: Queue, ledger: Side) -> list[Measure]:
    """The sides in turn, after a round that warms them up."""
    sides: list[Side] = [ledger, *(partial(plain_rate, queue, writers) for writers in WRITERS)]
    await taking_turns(1, *sides)
    queue.quiet.clear()
    turns = await taking_turns(ROUNDS, *sides)
    best = max(range(1, len(sides)), key=turns.of)
    plain = f"{turns.of(best):,.0f} with {WRITERS[best - 1]} writers, durable commits"
    committed, quiet = turns.of(0), sorted(queue.quiet)[len(queue.quiet) // 2]
    return [
        Measure(
            "ledger, rows committed, in one transaction a booking",
            turns.ratio(0, best),
            least=8,
            note=f"{committed:,.0f} a second against {plain}",
        ),
        Measure(
            "ledger, until all is settled, told and captured",
            quiet / turns.of(best),
            note=f"{quiet:,.0f} a second",
        ),
    ]


@dataclass
class Queue:
    """Sales with as many units as users, and orders of theirs on the streams."""

    settings: Settings
    stores: Stores
    sales: list[Event] = field(default_factory=list)
    quiet: list[float] = field(default_factory=list)
    """Orders a second that were settled, told and captured, a round each."""

    def __post_init__(self) -> None:
        self.stock = Stock(self.stores.redis, self.settings.redis_prefix)
        self.rooms = Rooms(self.stores.redis, self.stores.database, self.settings)
        self._users: list[int] = []

    async def open(self, sales: int) -> None:
        """Write users and sales down, and put the sales' rooms and stock into Redis."""
        for _ in range(sales):
            kind = NewTicketType("Standing", 2500, ORDERS)
            sale = await house.make_sale(self.settings, types=[kind], per_user_limit=4)
            event = await events.by_id(self.stores.database, sale.event_id)
            assert event is not None
            await self.rooms.open(event)
            await self.stock.load(event, await self.leases(event), {}, {}, ())
            self.sales.append(event)
        for start in range(0, ORDERS, 500):
            rows = [
                {
                    "name": "A fan",
                    "email": f"fan-{start + n}@example.com",
                    "password_hash": "none",
                    "role": "fan",
                    "created_at": now(),
                }
                for n in range(500)
            ]
            await self.stores.database.execute(insert(users).values(rows))
        query = select(users.c.id).where(users.c.email.like("fan-%"))
        self._users = [row["id"] for row in await self.stores.database.fetch_all(query)]

    async def leases(self, event: Event) -> str:
        return (await self.rooms.of(event.id)).keys.active

    async def fill(self, event: Event) -> None:
        """Let each user hold a ticket and submit it, by the scripts that do it in a sale."""
        leases = await self.leases(event)
        ends = (time.time() + 3600) * 1e6
        await self.stores.redis.zadd(leases, {f"v{user}": ends for user in self._users})
        waiting = iter(self._users)

        async def submit() -> None:
            for user in waiting:
                hold = await self.stock.hold(
                    event,
                    leases,
                    user_id=user,
                    visitor=f"v{user}",
                    ticket_type_id=event.ticket_types[0].id,
                    seconds=3600,
                    quantity=1,
                )
                await self.stock.submit(
                    event,
                    leases,
                    hold_id=hold.id,
                    user_id=user,
                    booking_id=secrets.token_hex(16),
                    request_hash="hash",
                    method="card-ok",
                    keep_hold=True,
                    stream_limit=ORDERS,
                )

        await asyncio.gather(*(submit() for _ in range(16)))

    def orders(self, event: Event, count: int) -> list[Order]:
        """As many orders of one ticket, of as many users, that are on no stream."""
        return [
            Order(
                entry_id="",
                booking_id=secrets.token_hex(16),
                request_hash="hash",
                hold_id="",
                event_id=event.id,
                user_id=user,
                visitor="",
                ticket_type_id=event.ticket_types[0].id,
                units=(unit,),
                amount=2500,
                currency=event.currency,
                method="card-ok",
                keep_hold=True,
                submitted_at=now(),
            )
            for unit, user in enumerate(self._users[:count])
        ]

    async def committed(self, event: Event) -> bool:
        """Whether each order of the ledger's has its booking."""
        ours = bookings.c.event_id == event.id
        query = select(func.count()).select_from(bookings).where(ours)
        return int(await self.stores.database.fetch_val(query)) == ORDERS

    async def done(self, event: Event) -> bool:
        """Whether nothing is on its way any more, and all money is taken."""
        if await self.stores.redis.xlen(self.stock.keys(event.id).orders):
            return False
        ours = (
            select(func.count())
            .select_from(payments.join(bookings))
            .where((bookings.c.event_id == event.id) & (payments.c.status == "captured"))
        )
        return int(await self.stores.database.fetch_val(ours)) == ORDERS


async def plain_rate(queue: Queue, writers: int) -> float:
    """Bookings a second, a transaction each, of orders nobody else works on."""
    event = queue.sales.pop()
    return await one_by_one(queue.stores.database, queue.orders(event, ORDERS_PLAIN), writers)


async def ledger_rate(queue: Queue, running: subprocess.Popen[bytes]) -> float:
    """Orders a second, from the first read to the last row. The ledger stands still while they come in."""
    event = queue.sales.pop()
    running.send_signal(signal.SIGSTOP)
    await queue.fill(event)
    running.send_signal(signal.SIGCONT)
    started = time.perf_counter()
    await until(partial(queue.committed, event), running)
    committed = time.perf_counter() - started
    await until(partial(queue.done, event), running)
    queue.quiet.append(ORDERS / (time.perf_counter() - started))
    return ORDERS / committed


async def until(so: Callable[[], Awaitable[bool]], running: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(120):
        while not await so():
            assert running.poll() is None, "the ledger has ended"
            await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def ledger_process(
    settings: Settings, folder: Path, queue: Queue
) -> AsyncIterator[subprocess.Popen[bytes]]:
    """The ledger in a process of its own, reading all streams."""
    command: Sequence[str] = [sys.executable, "-m", "bench.ledger_alone"]
    log = folder / "ledger.log"
    with servers.process(command, log, env=house.environment(settings)) as running:

        async def reading() -> bool:
            streams = [queue.stock.keys(event.id).orders for event in queue.sales]
            return await queue.stores.redis.exists(*streams) == len(streams)

        try:
            await until(reading, running)
            yield running
        finally:
            os.kill(running.pid, signal.SIGCONT)

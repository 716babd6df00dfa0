"""A change of the stock, from the script that made it to 5,000 sockets of one process, against a bare loop.

Server, worker, bare server and Valkey are processes of their own; the sockets of both servers are all in
this one.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path

from redis.asyncio import Redis

from tests import house, servers
from ticketflow.clients import make_database, make_redis
from ticketflow.domain import Event, Hold, now
from ticketflow.settings import Settings
from ticketflow.stock import Stock
from ticketflow.store import events
from ticketflow.store.events import NewTicketType
from ticketflow.store.tables import metadata
from waiting_room import WaitingRoom
from waiting_room.keys import RoomKeys

from .bare import TOLD, bare_server
from .common import Measure, Turns, taking_turns
from .ears import Crowd, enough_files, p99
from .load import message

SOCKETS = 5_000
ROUNDS = 15
QUIET_SECONDS = 1.0
"""Before each change: what is measured is a change that finds the desk quiet."""
STORM_SECONDS = 6.0
CHANGES_A_SECOND = 1_000
STEP_SECONDS = 0.02
STOPPED = 20
STUFFING = 400
"""Messages that are sent back to a reader who has stopped: 8 MB, where the kernel keeps four at most."""
COMPRESSING = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
"""As each browser offers."""
LINE_SECONDS = 10.0
RATE_PER_MINUTE = 600
TURN_SECONDS = 3_600
USER, VISITOR = 1, "changer"
FREE = 1_000


@dataclass
class Changer:
    """Who changes the stock: holds a ticket, and gives it back."""

    stock: Stock
    redis: Redis
    event: Event
    leases: str

    async def hold(self) -> Hold:
        kind = self.event.ticket_types[0].id
        wanted = {"user_id": USER, "visitor": VISITOR, "ticket_type_id": kind, "seconds": 600, "quantity": 1}
        return await self.stock.hold(self.event, self.leases, **wanted)

    async def release(self, hold: Hold) -> None:
        await self.stock.release(self.event, self.leases, hold.id, USER)

    async def version(self) -> int:
        """That of the last change."""
        counts = await self.stock.counts(self.event)
        assert counts is not None
        return counts.version

    async def both(self) -> None:
        await self.release(await self.hold())


async def measures(folder: Path) -> list[Measure]:
    """All measures. All servers are its own."""
    enough_files()
    async with stage(folder) as found:
        told = await found.memory()
        told += await found.latency()
        told += await found.storm()
        found.live.close()
        found.bare.close()
        return told + await found.line()


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """The real house with two sales, and the bare server."""
    file = folder / "ticketflow.db"
    servers.create_tables(f"sqlite:///{file}", metadata)
    with servers.valkey(folder) as redis_url:
        settings = house.settings_for(
            database_url=f"sqlite+aiosqlite:///{file}",
            redis_url=redis_url,
            smtp_url="smtp://localhost",
            prefix="bench",
            tick_seconds=1.0,
            # Who has stopped reading stays, so that what they cost is measured.
            socket_idle_seconds=600,
        )
        kinds = [NewTicketType("Standing", 2500, FREE)]
        sale = await house.make_sale(settings, types=kinds, per_user_limit=FREE)
        queue = await house.make_sale(settings, types=kinds, rate_per_minute=0)
        with house.servers_of(settings, folder, 1) as ((web, running, log),), house.worker(settings, folder):
            async with (
                bare_server(folder, redis_url) as bare_url,
                web.visitor() as visitor,
                changing(settings, sale.event_id) as changer,
            ):
                await servers.answering(visitor, "/readyz", running, log)
                await house.doors_open(web, sale)
                live = Crowd(f"{web.url}/ws/events/{sale.event_id}")
                desk = Crowd(f"{web.url}/ws/desk/{queue.event_id}")
                stopped = Crowd(f"{web.url}/ws/desk/{sale.event_id}")
                bare = Crowd(f"{bare_url}/listen")
                yield Stage(changer, live, desk, stopped, bare, running.pid, queue.event_id)


@asynccontextmanager
async def changing(settings: Settings, event_id: int) -> AsyncIterator[Changer]:
    """A client of the stock, with somebody whose turn it is."""
    database = make_database(settings)
    await database.connect()
    event = await events.by_id(database, event_id)
    await database.disconnect()
    assert event is not None
    leases = RoomKeys.of(settings.redis_prefix, f"event:{event_id}").active
    async with make_redis(settings) as redis:
        await redis.zadd(leases, {VISITOR: int((now().timestamp() + TURN_SECONDS) * 1e6)})
        yield Changer(Stock(redis, settings.redis_prefix), redis, event, leases)


@dataclass
class Stage:
    """All that is measured."""

    changer: Changer
    live: Crowd
    desk: Crowd
    stopped: Crowd
    bare: Crowd
    server: int
    queue: int

    async def memory(self) -> list[Measure]:
        """Open the sockets, and say what each costs the server."""
        await self.live.open(200)
        self.live.close()
        await asyncio.sleep(1)
        before = resident(self.server)
        await self.live.open(SOCKETS, COMPRESSING)
        await asyncio.sleep(1)
        kilobytes = (resident(self.server) - before) / SOCKETS / 1024
        await self.bare.open(SOCKETS)
        return [Measure("kilobytes a socket", kilobytes, most=60)]

    async def latency(self) -> list[Measure]:
        await self.changed()
        turns = await taking_turns(ROUNDS, self.changed, self.told_bare)
        print([f"{a:.3f}/{b:.3f}" for a, b in zip(*turns.figures)])
        return [Measure("p99", turns.ratio(0, 1), most=1.5, note=f"{turns.of(0) * 1e3:.0f} ms against {turns.of(1) * 1e3:.0f} ms")]

    async def changed(self) -> float:
        await asyncio.sleep(QUIET_SECONDS)
        version = await self.changer.version() + 1
        self.live.expect(b'"version": %d,' % version)
        cpu = processor(self.server)
        hold = await self.changer.hold()
        latencies = await self.live.latencies(time.perf_counter())
        print("live cpu", processor(self.server) - cpu)
        await self.changer.release(hold)
        return p99(latencies)

    async def told_bare(self) -> float:
        await asyncio.sleep(QUIET_SECONDS)
        self.bare.expect(self.live.text)
        await self.changer.redis.publish(TOLD, self.live.text)
        return p99(await self.bare.latencies(time.perf_counter()))

    async def storm(self) -> list[Measure]:
        return []

    async def line(self) -> list[Measure]:
        return []


def resident(process: int) -> int:
    """Bytes of memory that a process has."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def processor(process: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

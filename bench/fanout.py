"""A change of the stock, from the script that made it to 5,000 sockets of one process, against a bare loop.

Server, worker, bare server and Valkey are processes of their own; the sockets of both servers are all in
this one.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
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
AT_FIRST = 200
FEW = 50
"""So few that each could be told all the time."""
MOST_KILOBYTES = 60
ROUNDS = 11
QUIET_SECONDS = 1.0
"""Before each change: what is measured is a change that finds the desk quiet."""
IDLE = 0.1
"""Of a processor, and less: so much a server with 5,000 sockets does when nothing happens."""
STORM_SECONDS = 5.0
CHANGES_A_SECOND = 1_000
STEP_SECONDS = 0.02
STOPPED = 20
COMPRESSING = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
"""As each browser offers."""
LINE_SECONDS = 10.0
RATE_PER_MINUTE = 600
TURN_SECONDS = 3_600
VERSION = b'"version": %d,'
JOIN = message(b'{"id": 1, "do": "join"}')
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
        of_mine = partial(self.stock.hold, user_id=USER, visitor=VISITOR)
        return await of_mine(self.event, self.leases, ticket_type_id=kind, seconds=600, quantity=1)

    async def release(self, hold: Hold) -> None:
        await self.stock.release(self.event, self.leases, hold.id, USER)

    async def version(self) -> int:
        """That of the last change."""
        counts = await self.stock.counts(self.event)
        assert counts is not None
        return counts.version

    async def change_all_the_time(self) -> int:
        """Change it so often a second for some seconds; gives how often that was."""
        loop, made = asyncio.get_running_loop(), 0
        began = loop.time()
        while (passed := loop.time() - began) < STORM_SECONDS:
            # After a standstill of this machine not all that is due at once: nobody may hold so many.
            pairs = min(max(0, int(passed * CHANGES_A_SECOND) - made) // 2, FREE // 4)
            await asyncio.gather(*(self._there_and_back() for _ in range(pairs)))
            made += 2 * pairs
            await asyncio.sleep(STEP_SECONDS)
        return made

    async def _there_and_back(self) -> None:
        await self.release(await self.hold())


async def measures(folder: Path) -> list[Measure]:
    """All measures. All servers are its own."""
    enough_files()
    async with stage(folder) as found:
        return [
            await found.memory(),
            *await found.line(),
            *await found.latency(),
            *await found.storm(SOCKETS),
            *await found.storm(FEW),
        ]


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
                room = WaitingRoom(
                    changer.redis, f"event:{queue.event_id}", secrets=[house.SECRET], prefix="bench"
                )
                yield Stage(changer, live, desk, stopped, bare, running.pid, room)


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
    room: WaitingRoom

    async def memory(self) -> Measure:
        """Open the sockets of bookers, and say what each costs the server."""
        # The first sockets bring memory with them that is no socket's own.
        await self.live.open(AT_FIRST, COMPRESSING)
        return await self._memory(
            "kilobytes a socket", partial(self.live.open, SOCKETS - AT_FIRST, COMPRESSING)
        )

    async def _memory(self, name: str, fill: Callable[[], Awaitable[None]]) -> Measure:
        count, before = self._sockets, resident(self.server)
        await fill()
        kilobytes = (resident(self.server) - before) / (self._sockets - count) / 1024
        return Measure(name, kilobytes, most=MOST_KILOBYTES)

    @property
    def _sockets(self) -> int:
        return len(self.live.ears) + len(self.desk.ears)

    async def line(self) -> list[Measure]:
        """Fans in a line that moves: what each keeps, and what it costs to tell one a place."""
        memory = await self._memory("kilobytes a socket in a line", self._queue)
        await self.room.steer(rate_per_minute=RATE_PER_MINUTE)
        self.desk.forget()
        cpu = processor(self.server)
        await asyncio.sleep(LINE_SECONDS)
        frames = sum(ear.frames for ear in self.desk.ears)
        each = (processor(self.server) - cpu) / frames * 1e6
        self.desk.close()
        note = f"{frames / LINE_SECONDS:,.0f} a second, all else of the process included"
        return [memory, Measure("microseconds of the server for a place told", each, note=note)]

    async def _queue(self) -> None:
        await self.desk.open(SOCKETS, COMPRESSING)
        self.desk.expect(b'"type": "reply"')
        for ear in self.desk.ears:
            ear.transport.write(JOIN)
        await self.desk.latencies(time.perf_counter())

    async def latency(self) -> list[Measure]:
        """A change that finds the desk quiet, until it is everywhere; then beside some who do not read."""
        await self.bare.open(SOCKETS)
        await self.changed()
        alone = await taking_turns(ROUNDS, self.changed, self.told_bare)
        await self.stopped.open(STOPPED, narrow=True)
        await self.stopped.stop_reading()
        await self._idle()
        beside = await taking_turns(ROUNDS, self.changed, self.told_bare)
        self.stopped.close()
        self.bare.close()
        # The bare loop, which knows of no stopped reader, says what else has changed in the meantime.
        cost = beside.ratio(0, 1) / alone.ratio(0, 1)
        return [
            Measure("p99 of a change, in a bare loop's", alone.ratio(0, 1), most=1.5, note=both(alone)),
            Measure(f"the same beside {STOPPED} stopped readers, in that", cost, most=1.2, note=both(beside)),
        ]

    async def _idle(self) -> None:
        """Return once the server has done with what it was asked for."""
        used = -IDLE
        while (now_used := processor(self.server)) - used >= IDLE:
            used = now_used
            await asyncio.sleep(QUIET_SECONDS)

    async def changed(self) -> float:
        """The p99 of one change, from the return of the script that made it."""
        await asyncio.sleep(QUIET_SECONDS)
        self.live.expect(VERSION % (await self.changer.version() + 1))
        hold = await self.changer.hold()
        latencies = await self.live.latencies(time.perf_counter())
        await self.changer.release(hold)
        return p99(latencies)

    async def told_bare(self) -> float:
        """The p99 of the same text, published to the bare server."""
        await asyncio.sleep(QUIET_SECONDS)
        self.bare.expect(self.live.text)
        await self.changer.redis.publish(TOLD, self.live.text)
        return p99(await self.bare.latencies(time.perf_counter()))

    async def storm(self, sockets: int) -> list[Measure]:
        """Many changes a second: how often a socket is told, and how far behind it is at the end."""
        if sockets < len(self.live.ears):
            self.live.close()
            await self.live.open(sockets, COMPRESSING)
        self.live.forget()
        cpu, began = processor(self.server), time.perf_counter()
        changes = await self.changer.change_all_the_time()
        took = time.perf_counter() - began
        busy = (processor(self.server) - cpu) / took
        most = max(ear.rate for ear in self.live.ears)
        self.live.expect(VERSION % (await self.changer.version() + 1))
        await self.changer.hold()
        behind = max(await self.live.latencies(time.perf_counter()))
        note = f"{changes / took:,.0f} changes a second; the server is busy for {busy:.0%} of the time"
        return [
            Measure(f"frames a second at one of {sockets:,}, at most", most, most=10, note=note),
            Measure("the last change is at all after, in seconds", behind, most=1),
        ]


def both(turns: Turns) -> str:
    """The medians of both sides."""
    return f"{turns.of(0) * 1e3:.0f} ms against {turns.of(1) * 1e3:.0f} ms"


def resident(process: int) -> int:
    """Bytes of memory that a process has."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def processor(process: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

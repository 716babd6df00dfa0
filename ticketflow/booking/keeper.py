"""The keeper keeps time: rooms tick, holds expire, and what Redis has lost is put back."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

from databases import Database
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ticketflow.domain import Event
from ticketflow.loops import lasting
from ticketflow.rooms import Rooms
from ticketflow.settings import Settings
from ticketflow.stock import Stock
from ticketflow.store import events as event_store
from ticketflow.store import rooms as records
from ticketflow.store import violations
from ticketflow.store.stocktaking import take_stock
from waiting_room import Mode, RoomLost, WaitingRoomError

log = logging.getLogger(__name__)

EXPIRE_SECONDS = 0.5
REMEMBER_SECONDS = 2.0
"""How often a room's mode, frontier and tally are kept in the database: what a lost room comes back with."""


class Keeper:
    """The loops that every worker runs for all events. Any number of them may run at once."""

    def __init__(
        self,
        *,
        redis: "Redis",
        database: Database,
        stock: Stock,
        rooms: Rooms,
        events: Callable[[], Iterable[Event]],
        settings: Settings,
    ) -> None:
        self._redis = redis
        self._database = database
        self._stock = stock
        self._rooms = rooms
        self._events = events
        self._settings = settings
        self._remembered: dict[int, tuple[str, int, str]] = {}
        self._over: dict[int, datetime] = {}

    async def prepare(self, event: Event) -> None:
        """Put the event's room and stock into Redis where they are missing."""
        await self._rooms.open(event)
        await self._load_stock(event)

    @lasting
    async def tick(self) -> None:
        """For ever: let each room admit, at the house's rhythm.

        Ticks stand on a grid: work between them must not slow them down, for a room that is ticked late
        lets in fewer than it may.
        """
        loop, pause = asyncio.get_running_loop(), self._settings.tick_seconds
        due = loop.time()
        while True:
            await self._for_each(self._tick_room)
            due = max(due + pause, loop.time())
            await asyncio.sleep(due - loop.time())

    @lasting
    async def expire(self) -> None:
        """For ever: give back the holds whose time is over, load the stock that is missing, end sales."""
        while True:
            await self._for_each(self._expire_holds)
            await self._for_each(self._close_when_over)
            await asyncio.sleep(EXPIRE_SECONDS)

    @lasting
    async def remember(self) -> None:
        """For ever: keep what a room needs to come back."""
        while True:
            await asyncio.sleep(REMEMBER_SECONDS)
            await self._for_each(self._remember_room)

    async def _for_each(self, step: Callable[[Event], Awaitable[None]]) -> None:
        for event in self._events():
            try:
                await step(event)
            except (RedisError, WaitingRoomError, *violations.BROKEN) as error:
                log.warning("event %d: %s", event.id, error)
            except Exception:
                log.exception("event %d", event.id)

    async def _tick_room(self, event: Event) -> None:
        room = await self._rooms.of(event.id)
        try:
            await room.tick()
        except RoomLost:
            log.warning("event %d: its room is not in Redis, putting it there", event.id)
            await self._rooms.open(event)

    async def _expire_holds(self, event: Event) -> None:
        room = await self._rooms.of(event.id)
        if not await self._stock.is_loaded(event):
            await self._load_stock(event)
        await self._stock.expire(event, room.keys.active)

    async def _close_when_over(self, event: Event) -> None:
        """Close a sale at its end, once: whoever opens it again by hand after that has it open.

        Redis is told first. Who dies before it is written down leaves it to be said again, which changes
        nothing.
        """
        over = event.sale_ends_at
        if over is None or self._over.get(event.id) == over or await self._stock.time() < over:
            return
        record = await records.by_event(self._database, event.id)
        if record and record.closed_for != over:
            await (await self._rooms.of(event.id)).steer(mode=Mode.CLOSED)
            await records.change(
                self._database, event.id, mode=Mode.CLOSED.value, manual=True, closed_for=over
            )
            log.info("event %d: its sale has ended", event.id)
        self._over[event.id] = over

    async def _load_stock(self, event: Event) -> None:
        room = await self._rooms.of(event.id)
        async with self._redis.lock(self._stock.keys(event.id).lock, timeout=60):
            if not await self._stock.is_loaded(event):
                # Its types may have changed since this process read them.
                event = await event_store.by_id(self._database, event.id) or event
                books = await take_stock(self._database, event.id)
                await self._stock.load(event, room.keys.active, books.sold, books.bought, books.cancelled)

    async def _remember_room(self, event: Event) -> None:
        frame, tally = await (await self._rooms.of(event.id)).figures()
        known = frame.mode.value, frame.frontier, tally.text()
        if self._remembered.get(event.id) != known:
            mode, frontier, counted = known
            await records.change(self._database, event.id, mode=mode, frontier=frontier, tally=counted)
            self._remembered[event.id] = known

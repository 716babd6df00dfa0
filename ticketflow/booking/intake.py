"""The intake: what the ledger has in hand. Reads orders from the streams, and takes over what lies there."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from ticketflow.domain import Event, Order
from ticketflow.loops import Loop
from ticketflow.settings import Settings
from ticketflow.stock import GROUP, Stock
from ticketflow.stock.entries import RawEntries, put_aside, raw, sift
from ticketflow.store import violations

log = logging.getLogger(__name__)

READ_BLOCK_MS = 500
"""How long one read waits for orders; a new event's stream is read from the next read on."""
RETRY_SECONDS = 0.5
TAKE_AT_ONCE = 100


class Intake:
    """One consumer of all events' streams. It has at most `ledger_concurrency` orders in hand, about.

    `start` is given the orders that are new in hand; each stays in hand until `put_down`. What is put down
    before it was told lies in its stream, and is taken over after a while, here or elsewhere.
    """

    def __init__(
        self,
        *,
        name: str,
        redis: "Redis",
        stock: Stock,
        events: Callable[[], Iterable[Event]],
        settings: Settings,
        start: Callable[[Sequence[Order]], Awaitable[None]],
    ) -> None:
        self._name = name
        self._redis = redis
        self._stock = stock
        self._events = events
        self._most = settings.ledger_concurrency
        self._patience = settings.ledger_takeover_seconds
        self._start = start
        self._in_hand: dict[tuple[int, str], Order] = {}
        self._grouped: dict[str, int] = {}
        self._reading = asyncio.Event()
        self._room_for_more = asyncio.Event()
        self._room_for_more.set()

    def loops(self) -> list[Loop]:
        """The work, to be run until cancelled. What is in hand then stays in the stream for the next one."""
        return [self._read(), self._keep(), self._take_over()]

    def put_down(self, orders: Iterable[Order]) -> None:
        """Let go of orders: they have ended, or somebody shall take them up again later."""
        for order in orders:
            self._in_hand.pop(order.place, None)
        self._see_if_full()

    def _see_if_full(self) -> None:
        if len(self._in_hand) < self._most:
            self._room_for_more.set()
        else:
            self._room_for_more.clear()

    async def _read(self) -> None:
        while True:
            await self._room_for_more.wait()
            try:
                await self._read_once()
            except ResponseError as error:
                # NOGROUP: Redis was emptied under us. Anything else is told again in a moment.
                log.warning("reading orders failed: %s", error)
                self._grouped.clear()
                await asyncio.sleep(RETRY_SECONDS)
            except (RedisError, *violations.BROKEN) as error:
                log.warning("reading orders failed: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                log.exception("reading orders failed")
                await asyncio.sleep(RETRY_SECONDS)

    async def _read_once(self) -> None:
        streams = {self._stock.keys(event.id).orders: event.id for event in self._events()}
        if not streams:
            await asyncio.sleep(RETRY_SECONDS)
            return
        await self._make_groups(streams)
        room, new_ones = self._most - len(self._in_hand), [">"] * len(streams)
        as_we = ("GROUP", GROUP, self._name, "COUNT", max(1, room), "BLOCK", READ_BLOCK_MS)
        found: Any = await raw(self._redis, "XREADGROUP", *as_we, "STREAMS", *streams, *new_ones)
        # RESP3 answers with a mapping of streams, RESP2 with pairs.
        entries = found.items() if isinstance(found, dict) else found or []
        await self._take_entries([(streams[stream.decode()], batch) for stream, batch in entries])

    async def _make_groups(self, streams: Mapping[str, int]) -> None:
        for stream in streams.keys() - self._grouped.keys():
            try:
                await self._redis.xgroup_create(stream, GROUP, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise
            self._grouped[stream] = streams[stream]
        self._reading.set()

    async def _take_entries(self, found: Iterable[tuple[int, RawEntries]]) -> None:
        """Take the orders among entries of events' streams. What is none goes where nobody meets it again."""
        sifted = [(event_id, *sift(event_id, entries)) for event_id, entries in found]
        await self._take([order for _, orders, _ in sifted for order in orders])
        for event_id, _, others in sifted:
            await put_aside(self._redis, self._stock.keys(event_id), others)

    async def _take(self, orders: Sequence[Order]) -> None:
        """Take orders together; if one of them cannot be started, each alone: it keeps no other waiting."""
        try:
            await self._take_at_once(orders)
        except (RedisError, *violations.BROKEN):
            raise
        except Exception:
            log.exception("%d orders could not be started", len(orders))
            for order in orders if len(orders) > 1 else ():
                await self._take([order])

    async def _take_at_once(self, orders: Sequence[Order]) -> None:
        fresh = [order for order in orders if order.place not in self._in_hand]
        if not fresh:
            return
        self._in_hand.update((order.place, order) for order in fresh)
        self._see_if_full()
        try:
            await self._start(fresh)
        except BaseException:
            self.put_down(fresh)
            raise

    async def _keep(self) -> None:
        """For ever: say that what is in hand is ours, so that nobody takes it for abandoned."""
        while True:
            await self._trying(self._keep_from)
            await asyncio.sleep(self._patience / 3)

    async def _take_over(self) -> None:
        """For ever: take what a dead ledger has left lying too long, as much as there is room for."""
        await self._reading.wait()
        while True:
            await self._trying(self._take_over_from)
            await asyncio.sleep(self._patience / 3)

    async def _trying(self, work: Callable[[str], Awaitable[None]]) -> None:
        for stream in list(self._grouped):
            try:
                await work(stream)
            except (RedisError, *violations.BROKEN) as error:
                log.warning("the orders of %s could not be kept or taken over: %s", stream, error)
            except Exception:
                log.exception("the orders of %s could not be kept or taken over", stream)

    async def _keep_from(self, stream: str) -> None:
        event_id = self._grouped[stream]
        ours = [order.entry_id for order in self._in_hand.values() if order.event_id == event_id]
        if ours:
            await self._redis.xclaim(
                stream, GROUP, self._name, min_idle_time=0, message_ids=[*ours], justid=True
            )

    async def _take_over_from(self, stream: str) -> None:
        idle, cursor = int(self._patience * 1000), b"0-0"
        while True:
            await self._room_for_more.wait()
            claimed: Any = await raw(
                self._redis, "XAUTOCLAIM", stream, GROUP, self._name, idle, cursor, "COUNT", TAKE_AT_ONCE
            )
            cursor = claimed[0]
            await self._take_entries([(self._grouped[stream], claimed[1])])
            if cursor == b"0-0":
                return

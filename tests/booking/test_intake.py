"""What a ledger has in hand: never more than it may, nothing twice, and all that a dead one left."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.stock.stall import event_of
from ticketflow.booking.intake import TAKE_AT_ONCE, Intake
from ticketflow.domain import Event, Order
from ticketflow.loops import running
from ticketflow.settings import Settings
from ticketflow.stock import GROUP, Stock

LEFT = 2 * TAKE_AT_ONCE + 50


class Desk:
    """A stream of orders, an intake, and what it was given."""

    def __init__(self, redis: Redis, prefix: str, *, concurrency: int, patience: float = 3600) -> None:
        self.redis = redis
        self.event: Event = event_of(10)
        self.stock = Stock(redis, prefix.rstrip(":"))
        self.stream = self.stock.keys(self.event.id).orders
        self.taken: list[Order] = []
        self.more = asyncio.Condition()
        self.intake = Intake(
            name="living",
            redis=redis,
            stock=self.stock,
            events=lambda: [self.event],
            settings=Settings(ledger_concurrency=concurrency, ledger_takeover_seconds=patience),
            start=self.start,
        )

    async def start(self, orders: Sequence[Order]) -> None:
        async with self.more:
            self.taken += orders
            self.more.notify_all()

    async def has(self, count: int) -> None:
        """Return once so many orders were taken; fail if they never are."""
        async with asyncio.timeout(10), self.more:
            await self.more.wait_for(lambda: len(self.taken) >= count)

    async def submit(self, first: int, count: int) -> None:
        order = {"request_hash": "", "hold_id": "", "event_id": self.event.id, "user_id": 1, "visitor": "v"}
        order |= {
            "ticket_type_id": 1,
            "units": [1],
            "amount": 1,
            "fee": 0,
            "currency": "EUR",
            "method": "card-ok",
        }
        order |= {"keep_hold": True, "submitted_at": "1"}
        for number in range(first, first + count):
            await self.redis.xadd(self.stream, {"order": json.dumps({**order, "booking_id": str(number)})})

    async def die_with(self, count: int) -> None:
        """Let a ledger read so many orders, and be dead for an hour and more."""
        await self.submit(0, count)
        await self.redis.xgroup_create(self.stream, GROUP, id="0")
        await self.redis.xreadgroup(GROUP, "dead", {self.stream: ">"}, count=count)
        entries: Any = await self.redis.xrange(self.stream)
        ids = [entry_id for entry_id, _ in entries]
        await self.redis.xclaim(self.stream, GROUP, "dead", 0, ids, idle=4_000_000, justid=True)


@asynccontextmanager
async def at_work(desk: Desk) -> AsyncIterator[None]:
    async with running(desk.intake.loops()):
        yield


async def test_no_more_is_read_than_there_is_room_for(redis: Redis, prefix: str):
    desk = Desk(redis, prefix, concurrency=10)
    await desk.submit(0, 25)
    async with at_work(desk):
        await desk.has(10)
        pending = await redis.xpending(desk.stream, GROUP)
        assert (pending["pending"], len(desk.taken)) == (10, 10)
        desk.intake.put_down(desk.taken[:4])
        await desk.has(14)
        assert (await redis.xpending(desk.stream, GROUP))["pending"] == 14
        desk.intake.put_down(desk.taken)
        await desk.has(24)
        assert (await redis.xpending(desk.stream, GROUP))["pending"] == 24


async def test_all_that_a_dead_ledger_left_is_taken_over_in_one_go(redis: Redis, prefix: str):
    desk = Desk(redis, prefix, concurrency=10_000)
    await desk.die_with(LEFT)
    async with at_work(desk):
        await desk.has(LEFT)
    assert sorted(int(order.booking_id) for order in desk.taken) == list(range(LEFT))


async def test_taking_over_waits_for_room_and_goes_on(redis: Redis, prefix: str):
    desk = Desk(redis, prefix, concurrency=TAKE_AT_ONCE)
    await desk.die_with(LEFT)
    async with at_work(desk):
        for there in (TAKE_AT_ONCE, 2 * TAKE_AT_ONCE, LEFT):
            await desk.has(there)
            assert len(desk.taken) == there
            desk.intake.put_down(desk.taken)


async def test_without_the_cursor_a_take_over_ends_at_the_first_hundred(
    redis: Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
):
    """The control of the two above."""
    claim = redis.xautoclaim

    async def once(*args: object, **given: object) -> object:
        _, *rest = await claim(*args, **given)  # type: ignore[arg-type]
        return ["0-0", *rest]

    monkeypatch.setattr(redis, "xautoclaim", once)
    desk = Desk(redis, prefix, concurrency=10_000)
    await desk.die_with(LEFT)
    async with at_work(desk):
        await desk.has(TAKE_AT_ONCE)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await desk.has(TAKE_AT_ONCE + 1)


async def test_what_is_in_hand_for_long_stays_ours(redis: Redis, prefix: str):
    """A bank that takes longer than the patience of others: nobody takes the order over."""
    desk = Desk(redis, prefix, concurrency=10, patience=0.3)
    await desk.submit(0, 1)
    async with at_work(desk):
        await desk.has(1)
        for _ in range(10):
            await asyncio.sleep(0.1)
            entry: Any
            (entry,) = await redis.xpending_range(desk.stream, GROUP, "-", "+", 10)
            assert (entry["consumer"], entry["time_since_delivered"] < 300) == ("living", True)
    assert len(desk.taken) == 1


async def test_what_cannot_be_started_is_put_down(redis: Redis, prefix: str, monkeypatch: pytest.MonkeyPatch):
    """The database was away when an order came: it is taken up again once it has lain long enough."""
    desk, start = Desk(redis, prefix, concurrency=1, patience=0.3), Desk.start
    failed = asyncio.Event()

    async def once(orders: Sequence[Order]) -> None:
        if not failed.is_set():
            failed.set()
            raise OSError("the database went away")
        await start(desk, orders)

    monkeypatch.setattr(desk.intake, "_start", once)
    await desk.submit(0, 1)
    async with at_work(desk):
        await desk.has(1)
    assert failed.is_set()

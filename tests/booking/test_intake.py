"""What a ledger has in hand: never more than it may, nothing twice, and all that a dead one left."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.house import eventually
from tests.stock.stall import event_of
from ticketflow.booking.intake import TAKE_AT_ONCE, Intake
from ticketflow.domain import Event, Order
from ticketflow.loops import running
from ticketflow.settings import Settings
from ticketflow.stock import GROUP, Stock, entries, parse_order

LEFT = 2 * TAKE_AT_ONCE + 50


class Desk:
    """A stream of orders, an intake, and what it was given."""

    def __init__(self, redis: Redis, prefix: str, *, concurrency: int, patience: float = 3600) -> None:
        self.redis = redis
        self.event: Event = event_of(10)
        self.other: Event = event_of(10, event_id=8)
        self.stock = Stock(redis, prefix.rstrip(":"))
        self.stream = self.stock.keys(self.event.id).orders
        self.taken: list[Order] = []
        self.more = asyncio.Condition()
        self.intake = Intake(
            name="living",
            redis=redis,
            stock=self.stock,
            events=lambda: [self.event, self.other],
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

    def body(self, booking_id: object, **change: Any) -> str:
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
        return json.dumps({**order, "booking_id": str(booking_id), **change})

    async def submit(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            await self.redis.xadd(self.stream, {"order": self.body(number)})

    async def submit_nonsense(self) -> int:
        """Put what is no order onto the stream. Gives how many such."""
        nonsense: list[dict[Any, Any]] = [
            {"foo": "bar"},
            {"order": "no order"},
            {"order": "[" * 100_000},
            {"order": b"\xff\xfe"},
            {b"\xff": b"\xff"},
            {"order": self.body(900, submitted_at="9" * 30)},
            {"order": self.body(901, submitted_at=float("inf"))},
            {"order": self.body(902, event_id=8)},
            {"order": self.body(903, hold_id=["a"])},
            {"order": self.body(904), "and": "more"},
        ]
        for fields in nonsense:
            await self.redis.xadd(self.stream, fields)
        return len(nonsense)

    async def die_with(self, count: int) -> None:
        """Let a ledger read so many orders, and be dead for an hour and more."""
        await self.submit(0, count)
        await self.leave_all()

    async def leave_all(self) -> None:
        """Let all there is be in the hands of that dead ledger."""
        await self.redis.xgroup_create(self.stream, GROUP, id="0")
        await entries.raw(self.redis, "XREADGROUP", "GROUP", GROUP, "dead", "STREAMS", self.stream, ">")
        ids = [entry_id for entry_id, _ in await entries.raw(self.redis, "XRANGE", self.stream, "-", "+")]
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
    execute = redis.execute_command

    async def once(*command: Any, **given: Any) -> Any:
        reply = await execute(*command, **given)
        return [b"0-0", *reply[1:]] if command[0] == "XAUTOCLAIM" else reply

    monkeypatch.setattr(redis, "execute_command", once)
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


async def in_two_streams(desk: Desk) -> None:
    """Orders of two events that came in the same millisecond."""
    for event in (desk.event, desk.other):
        stream = desk.stock.keys(event.id).orders
        await desk.redis.xadd(stream, {"order": desk.body(event.id, event_id=event.id)}, id="5-0")


async def test_orders_of_two_events_may_have_one_entry_id(redis: Redis, prefix: str):
    desk = Desk(redis, prefix, concurrency=10)
    await in_two_streams(desk)
    async with at_work(desk):
        await desk.has(2)
        desk.intake.put_down(desk.taken[:1])
        assert desk.intake._in_hand == {desk.taken[1].place: desk.taken[1]}


async def test_without_the_event_one_of_them_would_wait(
    redis: Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
):
    """The control of the test above: the second of them is forgotten while the first is in hand."""
    monkeypatch.setattr(Order, "place", property(lambda order: order.entry_id))
    desk = Desk(redis, prefix, concurrency=10)
    async with at_work(desk):
        await desk.redis.xadd(desk.stream, {"order": desk.body(1)}, id="5-0")
        await desk.has(1)
        stream = desk.stock.keys(desk.other.id).orders
        await redis.xadd(stream, {"order": desk.body(2, event_id=desk.other.id)}, id="5-0")
        await redis.xadd(stream, {"order": desk.body(3, event_id=desk.other.id)}, id="6-0")
        await desk.has(2)
    assert [order.booking_id for order in desk.taken] == ["1", "3"]


async def rejected(desk: Desk, count: int) -> None:
    """Return once so many entries were put aside; fail if they never are."""

    async def so() -> bool:
        return bool(await desk.redis.llen(desk.stock.keys(desk.event.id).rejected) == count)

    await eventually(so)


@pytest.mark.parametrize("left", [False, True], ids=["new", "left by a dead ledger"])
async def test_what_is_no_order_stops_none_and_is_met_once(redis: Redis, prefix: str, left: bool):
    desk = Desk(redis, prefix, concurrency=10_000)
    await desk.submit(0, 1)
    nonsense = await desk.submit_nonsense()
    await desk.submit(1, 2)
    if left:
        await desk.leave_all()
    async with at_work(desk):
        await desk.has(3)
        await rejected(desk, nonsense)
    assert [order.booking_id for order in desk.taken] == ["0", "1", "2"]
    assert await redis.xlen(desk.stream) == 3
    assert (await redis.xpending(desk.stream, GROUP))["pending"] == 3


async def test_without_care_for_each_one_nonsense_would_stop_the_others(
    redis: Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
):
    """The control of the test above."""
    monkeypatch.setattr(entries, "_order", lambda _, entry_id, body: parse_order(entry_id, body.decode()))
    desk = Desk(redis, prefix, concurrency=10_000)
    await desk.submit_nonsense()
    await desk.submit(0, 2)
    async with at_work(desk):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await desk.has(1)


async def test_no_more_than_the_last_of_what_is_rejected_is_kept(
    redis: Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(entries, "MOST_REJECTED", 3)
    desk = Desk(redis, prefix, concurrency=10)
    for number in range(5):
        await redis.xadd(desk.stream, {"number": number}, id=f"{number + 1}-0")
    async with at_work(desk):
        await rejected(desk, 3)
    kept = await redis.lrange(desk.stock.keys(desk.event.id).rejected, 0, -1)
    assert kept == [f"{number + 1}-0 {{b'number': b'{number}'}}" for number in (4, 3, 2)]


async def spoil(desk: Desk, start: Any, orders: Sequence[Order]) -> None:
    """Refuse what has the second order in it, as a database may that cannot look its id up."""
    if any(order.booking_id == "1" for order in orders):
        raise ValueError("no such id can be")
    await start(orders)


@pytest.mark.parametrize("alone", [True, False])
async def test_one_that_cannot_be_started_spoils_no_other(
    redis: Redis, prefix: str, monkeypatch: pytest.MonkeyPatch, alone: bool
):
    """Without trying each alone, the control: none of them is started."""
    desk = Desk(redis, prefix, concurrency=10)
    monkeypatch.setattr(desk.intake, "_start", partial(spoil, desk, desk.start))
    if not alone:
        monkeypatch.setattr(desk.intake, "_take", desk.intake._take_at_once)
    await desk.submit(0, 3)
    async with at_work(desk):
        if alone:
            await desk.has(2)
        else:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await desk.has(1)
    assert [order.booking_id for order in desk.taken] == (["0", "2"] if alone else [])
    assert desk.intake._in_hand.keys() == {order.place for order in desk.taken}

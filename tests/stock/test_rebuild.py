"""Stock made anew: holds that can stand do, nothing is free that is sold, and nobody holds meanwhile."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.stock.conftest import MakeStall
from tests.stock.stall import STANDING, Stall, check_whole, refused
from ticketflow.domain import Refusal
from ticketflow.stock import Inspection
from ticketflow.stock.entries import raw


@dataclass
class Bench:
    """A stall and the scripts that rebuild it."""

    stall: Stall
    inspection: Inspection

    async def rebuild(
        self,
        sold: Sequence[int] = (),
        taken: dict[int, int] | None = None,
        committed: Sequence[str] = (),
        cancelled: Sequence[str] = (),
    ) -> tuple[int, int]:
        """Rebuild by a database that has sold those standing places; it stays closed."""
        return await self.inspection.rebuild(
            self.stall.event,
            self.stall.leases,
            sold={STANDING: sold},
            taken=taken or {},
            committed=committed,
            cancelled=cancelled,
            retry_seconds=60,
        )

    async def open(self, sold: Any = (), freed: Any = (), cancelled: Sequence[str] = ()) -> int:
        return await self.inspection.correct(self.stall.event, self.stall.leases, sold, freed, cancelled)

    async def field(self, noun: str, name: str, value: object) -> None:
        key = self.stall.keys.stock.replace(":stock", f":{noun}")
        await self.stall.redis.hset(key, name, str(value))


@pytest.fixture
async def bench(make_stall: MakeStall) -> Bench:
    stall = await make_stall()
    await stall.admit(1, 2, 3)
    return Bench(stall, Inspection(stall.redis, stall.stock._prefix))


async def test_holds_stand_where_the_database_has_not_sold_their_units(bench: Bench):
    stall = bench.stall
    lucky, unlucky, paying = [await stall.hold(user, 2) for user in (1, 2, 3)]
    await stall.submit(paying, "b3")
    before = await stall.counts()
    assert await bench.rebuild(sold=[unlucky.units[0], 9], taken={7: 2}) == (2, 1)
    await bench.open()
    after = await stall.counts()
    assert after.newer_than(before)
    assert await stall.free() == {3, 6, 7, 8}
    assert (after.remaining[STANDING], after.sold[STANDING]) == (4, 2)
    await check_whole(stall)
    assert [await stall.taken(user) for user in (1, 2, 3, 7)] == [2, 0, 2, 2]
    assert await refused(stall.release(unlucky)) == "hold_gone"
    assert await stall.stock.basket(stall.event.id, 2) is None
    await stall.release(lucky)
    await stall.settle(await stall.order(), "sold")
    await check_whole(stall)
    assert (await stall.counts()).sold[STANDING] == 4


async def test_nobody_holds_until_it_is_open_again(bench: Bench):
    stall = bench.stall
    await bench.inspection.close(stall.event, stall.leases)
    assert await refused(stall.hold(1)) == "not_ready"
    await bench.rebuild()
    assert await refused(stall.hold(1)) == "not_ready"
    await bench.open()
    assert await refused(stall.hold(1)) is None


async def test_without_the_guard_somebody_holds_what_is_being_counted(bench: Bench):
    """The control of the test above."""
    stall = bench.stall
    stall.without("hold", "if is_closed(known[5], now) then return nil, {'not_ready'} end")
    await bench.inspection.close(stall.event, stall.leases)
    assert await refused(stall.hold(1)) is None


async def test_what_was_sold_and_given_back_meanwhile_is_put_right(bench: Bench):
    """A payment that was committed after the first reading and settled before the stock was made."""
    stall = bench.stall
    sold, held = await stall.hold(1, 2), await stall.hold(2, 1)
    await stall.submit(sold, "b1")
    await stall.settle(await stall.order(), "sold")
    await bench.rebuild(sold=[8, 9], taken={3: 2})
    assert set(sold.units) <= await stall.free(), "the first reading knew nothing of it"
    rows = [(STANDING, 1, unit) for unit in sold.units]
    given_back = [(STANDING, 3, 9), (STANDING, 2, held.units[0])]
    for _ in range(2):
        await bench.open(rows, given_back)
    await check_whole(stall)
    assert await stall.free() == {3, 4, 5, 6, 7, 9}
    assert [await stall.taken(user) for user in (1, 2, 3)] == [2, 1, 1]


async def test_a_booking_that_is_written_and_not_settled_counts_once(bench: Bench):
    stall = bench.stall
    hold = await stall.hold(1, 2)
    await stall.submit(hold, "b1")
    await bench.rebuild(sold=[*hold.units], taken={1: 2}, committed=["b1"])
    await bench.open()
    assert await stall.taken(1) == 2
    await check_whole(stall)
    await stall.settle(await stall.order(), "sold")
    assert await stall.taken(1) == 2
    await check_whole(stall)


async def test_an_order_that_was_lost_is_found_again(bench: Bench):
    stall = bench.stall
    await stall.submit(await stall.hold(1), "b1")
    await stall.redis.delete(stall.keys.orders)
    await bench.rebuild()
    await bench.open()
    assert (await stall.order()).booking_id == "b1"
    await stall.redis.delete(stall.keys.pending)
    await bench.rebuild()
    order = await stall.order()
    assert await stall.stock.pending([stall.event.id], "b1", 1) == replace(order, entry_id="")


@pytest.mark.parametrize("body", ["no order", b"\xff", '{"booking_id":["b2"]}', "[" * 100_000, "{}"])
async def test_what_is_no_order_is_dropped_from_both(bench: Bench, body: Any):
    """In the stream, and among what is pending; an order spoilt in the stream is put there again."""
    stall = bench.stall
    await stall.submit(await stall.hold(1), "b1")
    await stall.submit(await stall.hold(2), "b2")
    await stall.redis.xadd(stall.keys.orders, {"foo": body})
    await stall.redis.xadd(stall.keys.orders, {"order": body})
    await stall.redis.hset(stall.keys.pending, mapping={"junk": body, "b2": body})
    second = (await raw(stall.redis, "XRANGE", stall.keys.orders, "-", "+"))[1][0]
    await stall.redis.xdel(stall.keys.orders, second)
    await bench.rebuild()
    await bench.open()
    assert (await stall.order()).booking_id == "b1"
    assert await stall.redis.hkeys(stall.keys.pending) == ["b1"]
    assert await stall.redis.llen(stall.keys.rejected) == 4
    await check_whole(stall)
    (first,) = await raw(stall.redis, "XRANGE", stall.keys.orders, "-", "+")
    await stall.redis.xdel(stall.keys.orders, first[0])
    await stall.redis.xadd(stall.keys.orders, {"order": body})
    await bench.rebuild()
    assert (await stall.order()).booking_id == "b1"


async def test_a_hold_that_no_order_pays_is_a_hold_again(bench: Bench):
    stall = bench.stall
    lost, written = await stall.hold(1), await stall.hold(2)
    await stall.submit(lost, "b1")
    await stall.submit(written, "b2")
    await stall.redis.delete(stall.keys.orders, stall.keys.pending)
    assert await bench.rebuild(sold=[*written.units], taken={2: 1}, committed=["b2"]) == (1, 1)
    await bench.open()
    await check_whole(stall)
    assert await stall.submit(lost, "b3")
    assert await refused(stall.submit(written, "b4")) == "hold_gone"


async def test_nonsense_everywhere_is_made_sense_of(bench: Bench):
    stall = bench.stall
    good, mine = await stall.hold(1, 2), await stall.hold(2, 2)
    twin = json.dumps(json.loads(str(await stall.redis.hget(stall.keys.holds, mine.id))) | {"user": "3"})
    for hold_id, stored in {"a": "{", "b": "[]", "c": '{"state":"held"}', "d": '{"units":[99]}'}.items():
        await stall.redis.hset(stall.keys.holds, hold_id, stored)
    await stall.redis.hset(stall.keys.holds, "twin", twin)
    for name, value in (("free", "many"), ("sold", -7), ("capacity", 5)):
        await bench.field("stock", f"{name}:{STANDING}", value)
    await bench.field("stock", "epoch", "long ago")
    await bench.field("taken", "1", 99)
    await bench.field("visits", "v9", 3)
    await stall.redis.set(stall.keys.units(STANDING), b"\xff" * 40)
    kept, ended = await bench.rebuild(sold=[9], taken={5: 1})
    await bench.open()
    assert (kept, ended) == (2, 5)
    await check_whole(stall)
    assert await stall.taken(1) == 2
    assert await stall.stock.find(stall.event.id, good.id, 1) == good
    visits = await stall.redis.hgetall(stall.keys.stock.replace(":stock", ":visits"))
    assert set(visits.values()) == {"1"}
    assert len(visits) == 2


async def test_rebuilding_again_and_again_while_all_hold_and_give_back(bench: Bench):
    stall = bench.stall
    over, reasons = asyncio.Event(), set()

    async def fan(user: int) -> int:
        held = 0
        await stall.admit(user)
        while not over.is_set():
            try:
                hold = await stall.hold(user, 1 + user % 3)
            except Refusal as refusal:
                reasons.add(refusal.code)
                continue
            held += 1
            await stall.release(hold)
        return held

    fans = [asyncio.create_task(fan(user)) for user in range(10, 30)]
    for _ in range(40):
        await bench.inspection.close(stall.event, stall.leases)
        await bench.rebuild(sold=[0], taken={9: 1})
        await bench.open()
        await check_still(bench)
    over.set()
    assert sum(await asyncio.gather(*fans)) > 20
    assert {"not_ready"} <= reasons <= {"not_ready", "sold_out"}
    await check_whole(stall)
    assert (await stall.counts()).remaining == {STANDING: 9}


async def check_still(bench: Bench) -> None:
    """What one look shows adds up, whatever goes on."""
    seen = await bench.inspection.look(bench.stall.event, bench.stall.leases)
    held = sum(len(hold.units) for hold in seen.holds)
    assert int.from_bytes(seen.bits[STANDING]).bit_count() == seen.free[STANDING]
    assert (seen.free[STANDING] or 0) + held + (seen.sold[STANDING] or 0) == 10


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_booking_cancelled_meanwhile_is_given_back_once(bench: Bench, guarded: bool):
    """Its units are free when the stock opens, and somebody holds them before the sweep gives them back.

    Without the guard, the control: they are taken from who holds them.
    """
    stall = bench.stall
    if not guarded:
        kept = "for _, booking in ipairs(ask.cancelled) do\n  redis.call('SADD', RETURNED, booking)\nend"
        stall.without("correct", kept, scripts=bench.inspection._scripts)
    await stall.submit(await stall.hold(1, 2), "b1")
    order = await stall.order()
    await stall.settle(order, "sold")
    await bench.rebuild(sold=order.units, taken={1: 2})
    await bench.open(freed=[(STANDING, 1, unit) for unit in order.units], cancelled=["b1"])
    again = await stall.hold(2, 2)
    assert again.units == order.units
    assert await stall.unsell(order)
    assert (set(again.units) & await stall.free() == set()) is guarded


async def test_a_booking_cancelled_before_is_not_given_back_again(bench: Bench):
    stall = bench.stall
    await stall.submit(await stall.hold(1, 2), "b1")
    order = await stall.order()
    await stall.settle(order, "sold")
    await bench.rebuild(cancelled=["b1"])
    await bench.open(cancelled=["b1"])
    again = await stall.hold(2, 2)
    assert again.units == order.units
    assert await stall.unsell(order)
    await check_whole(stall)
    assert await stall.taken(2) == 2

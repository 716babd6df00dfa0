"""Holding: as many as there are and no more, side by side where it can be, and only by who may."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.stock.conftest import MakeStall
from tests.stock.stall import SEATED, STANDING, Stall, all_at_once, check_whole, event_of, refused
from ticketflow.domain import Hold, Refusal
from ticketflow.stock import Counts


@pytest.mark.parametrize("size", [1, 8, 23])
async def test_a_hundred_times_as_many_attempts_hold_exactly_all(make_stall: MakeStall, size: int):
    stall = await make_stall(size)
    users = range(size * 100)
    await stall.admit(*users)
    results = await all_at_once(stall.hold(user) for user in users)
    held = [result for result in results if isinstance(result, Hold)]
    assert sorted(unit for hold in held for unit in hold.units) == list(range(size))
    assert {result.code for result in results if isinstance(result, Refusal)} == {"sold_out"}
    assert (await stall.counts()).remaining == {STANDING: 0}
    await check_whole(stall)


async def test_nobody_gets_more_than_the_limit_by_asking_1000_times_at_once(make_stall: MakeStall):
    stall = await make_stall(500, limit=4)
    await stall.admit(1)
    results = await all_at_once(stall.hold(1, quantity) for quantity in [1, 2, 3, 4] * 250)
    held = sum(len(result.units) for result in results if isinstance(result, Hold))
    assert held <= 4
    # Whatever came first, a request for what is left fills the limit to the brim.
    await all_at_once(stall.hold(1) for _ in range(4))
    assert len(await stall.held()) == await stall.taken(1) == 4
    assert await refused(stall.hold(1)) == "limit_exceeded"
    await check_whole(stall)


async def test_what_was_bought_before_counts_against_the_limit(redis: Redis, prefix: str):
    stall = Stall(redis, prefix, event_of(10, limit=4))
    await stall.load(sold={STANDING: [0, 1, 2]}, taken={1: 3})
    await stall.admit(1, 2)
    assert await refused(stall.hold(1, 2)) == "limit_exceeded"
    assert (await stall.hold(1)).units == (3,)
    assert len((await stall.hold(2, 4)).units) == 4
    await check_whole(stall)


async def test_two_kinds_share_one_limit(make_stall: MakeStall):
    stall = await make_stall(10, 10, limit=4)
    await stall.admit(1)
    await stall.hold(1, 3)
    assert await refused(stall.hold(1, units=[0, 1], kind=SEATED)) == "limit_exceeded"
    assert (await stall.hold(1, units=[7], kind=SEATED)).units == (7,)


async def test_several_units_are_side_by_side_where_they_can_be(make_stall: MakeStall):
    stall = await make_stall(12)
    await stall.admit(*range(9))
    apart = [await stall.hold(user) for user in range(4)]  # 0 1 2 3
    await stall.hold(4, 4)  # 4 5 6 7
    for hold in (apart[0], apart[2]):
        await stall.release(hold)
    assert (await stall.hold(5, 2)).units == (8, 9)  # not 0 and 2
    assert (await stall.hold(6, 3)).units == (0, 2, 10)  # nowhere three in a row
    await check_whole(stall)


@pytest.mark.parametrize("capacity", [1, 7, 8, 9, 16, 17])
async def test_a_run_may_end_with_the_last_unit(make_stall: MakeStall, capacity: int):
    stall = await make_stall(capacity, limit=20)
    await stall.admit(1)
    assert (await stall.hold(1, capacity)).units == tuple(range(capacity))
    assert await refused(stall.hold(1)) == "sold_out"
    await check_whole(stall)


async def test_named_seats_are_all_or_none(make_stall: MakeStall):
    stall = await make_stall(1, 9)
    await stall.admit(1, 2)
    assert (await stall.hold(1, units=[2, 5], kind=SEATED)).units == (2, 5)
    before = await stall.counts()
    with pytest.raises(Refusal) as refusal:
        await stall.hold(2, units=[4, 5], kind=SEATED)
    assert (refusal.value.code, refusal.value.extra) == ("unit_taken", {"unit": 5})
    assert await stall.counts() == before
    # The ninth seat is the first bit of the second byte; the bits behind it are nobody's.
    for beyond in (9, 15, 16, 10_000):
        assert await refused(stall.hold(2, units=[beyond], kind=SEATED)) == "unit_taken"
    assert (await stall.hold(2, units=[8, 4], kind=SEATED)).units == (8, 4)
    await check_whole(stall)


async def test_a_refused_hold_leaves_nothing(make_stall: MakeStall):
    stall = await make_stall(3)
    await stall.admit(1, 2)
    before, frames = await stall.counts(), await stall.redis.hgetall(stall.keys.stock)
    assert await refused(stall.hold(3)) == "not_admitted"
    assert await refused(stall.hold(1, 5)) == "limit_exceeded"
    assert await refused(stall.hold(1, 4)) == "sold_out"
    assert await refused(stall.hold(1, units=[3])) == "unit_taken"
    assert await stall.counts() == before
    assert await stall.redis.hgetall(stall.keys.stock) == frames
    assert await stall.taken(1) == 0


async def test_only_a_lease_of_this_event_and_this_moment_lets_in(make_stall: MakeStall):
    stall = await make_stall()
    assert await refused(stall.hold(1)) == "not_admitted"
    await stall.admit(1, seconds=-1)
    assert await refused(stall.hold(1)) == "not_admitted"
    await stall.admit(1)
    assert await refused(stall.hold(1, visitor="v2")) == "not_admitted"
    assert await refused(stall.hold(1)) is None


async def test_who_holds_tickets_is_let_finish(make_stall: MakeStall):
    stall = await make_stall()
    await stall.admit(1, seconds=5)
    hold = await stall.hold(1, seconds=300)
    assert (await stall.redis.zscore(stall.leases, "v1") or 0) >= hold.expires_at.timestamp() * 1e6 - 1


async def test_before_the_stock_is_loaded_nothing_is_promised(redis: Redis, prefix: str):
    stall = Stall(redis, prefix, event_of(10))
    await stall.admit(1)
    assert await refused(stall.hold(1)) == "not_ready"
    assert await stall.stock.counts(stall.event) is None


async def test_every_change_is_published_once_and_in_order(make_stall: MakeStall):
    stall = await make_stall(40)
    users = range(60)
    await stall.admit(*users)
    first = (await stall.counts()).version
    async with stall.redis.pubsub() as pubsub:
        await pubsub.subscribe(stall.keys.counts_channel)
        results = await all_at_once(stall.hold(user) for user in users)
        holds = [result for result in results if isinstance(result, Hold)]
        await all_at_once(stall.release(hold) for hold in holds[:15])
        frames = [Counts.parse(frame) for frame in await _published(pubsub, 55)]
    assert [frame.version for frame in frames] == list(range(first + 1, first + 56))
    assert [frame.remaining[STANDING] for frame in frames] == [*range(39, -1, -1), *range(1, 16)]
    assert frames[-1] == await stall.counts()
    assert all(late.newer_than(early) for early, late in pairwise(frames))


async def _published(pubsub: Any, count: int) -> list[str]:
    found: list[str] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=1)
            if message:
                found.append(message["data"])
    return found


async def test_a_later_loading_is_newer_than_all_before(make_stall: MakeStall):
    stall = await make_stall()
    await stall.admit(1)
    await stall.hold(1)  # versions begin anew: only the epoch tells
    before = await stall.counts()
    await stall.redis.delete(stall.keys.stock)
    # The epoch is a millisecond of Redis's clock: the next loading is in another one.
    await asyncio.sleep(0.002)
    assert await stall.load()
    after = await stall.counts()
    assert after.newer_than(before)
    assert not before.newer_than(after)


async def with_units_that_are_none(make_stall: MakeStall) -> Stall:
    """A stall of 10 whose bits and count promise 16."""
    stall = await make_stall(10)
    await stall.admit(*range(5))
    await stall.redis.set(stall.keys.units(STANDING), b"\xff\xff")
    await stall.redis.hset(stall.keys.stock, f"free:{STANDING}", "16")
    return stall


@pytest.mark.parametrize("sizes", [(4, 4, 2), (3, 3, 3, 1)])
async def test_no_unit_beyond_the_capacity_is_handed_out(make_stall: MakeStall, sizes: tuple[int, ...]):
    stall = await with_units_that_are_none(make_stall)
    for user, size in enumerate(sizes):
        await stall.hold(user, size)
    assert sorted(await stall.held()) == list(range(10))
    for quantity in (1, 2):
        assert await refused(stall.hold(4, quantity)) == "sold_out"


async def test_without_the_guard_units_that_are_none_are_held(make_stall: MakeStall):
    """The control of the test above."""
    stall = await with_units_that_are_none(make_stall)
    stall.without("hold", " and unit < size")
    for user in range(3):
        await stall.hold(user, 4)
    assert max(await stall.held()) > 9

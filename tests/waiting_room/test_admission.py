import asyncio
import math
import random

import pytest

from waiting_room import NotActive, NotCalled, Place, State

from .support import stand_in_line, take_out, travel

FREE = "math.min(math.floor(room.tokens / PERSON), free)"


class Ledger:
    """Admissions of a room against its own time, which `travel` moves on."""

    def __init__(self, redis, room):
        self._redis, self._room = redis, room
        self.travelled = 0.0
        self.entries = []

    async def travel(self, seconds):
        await travel(self._redis, self._room, seconds)
        self.travelled += seconds

    async def note(self):
        frame = await self._room.snapshot()
        total = sum(count for _, count in self.entries)
        if frame.admitted_total > total:
            self.entries.append((frame.at / 1e6 + self.travelled, frame.admitted_total - total))

    def busiest_minute(self, since=0):
        entries = self.entries[since:]
        return max(sum(n for at, n in entries if start <= at <= start + 60) for start, _ in entries)


def one_tick(rate):
    return max(1, math.ceil(rate * 0.5 / 60))


@pytest.mark.parametrize("rate", [1, 45, 90, 600, 630])
async def test_no_rolling_minute_has_more_than_the_rate_and_one_tick(redis, make_room, rate):
    room = await make_room(rate_per_minute=rate, max_active=1_000_000)
    await stand_in_line(redis, room, 3_000)
    ledger, dice = Ledger(redis, room), random.Random(rate)
    for _ in range(200):
        await ledger.travel(dice.choice([0.05, 0.3, 0.5, 0.5, 0.7, 3]))
        await room.tick()
        await ledger.note()
    assert 0 < ledger.busiest_minute() <= rate + one_tick(rate)


@pytest.mark.parametrize("rate", [45, 90, 600, 630])
async def test_ticks_in_time_lose_nothing_of_the_rate(redis, make_room, rate):
    room = await make_room(rate_per_minute=rate, max_active=1_000_000)
    await stand_in_line(redis, room, 3_000)
    for _ in range(240):
        await travel(redis, room, 0.5)
        await room.tick()
    # Two minutes have passed, and the moment the test itself took.
    assert (await room.snapshot()).admitted_total >= 2 * rate


async def test_arrivals_at_a_quiet_sale_are_counted_too(redis, make_room):
    room = await make_room(rate_per_minute=120, max_active=1_000_000)
    ledger, dice = Ledger(redis, room), random.Random(7)
    for _ in range(150):
        await ledger.travel(dice.choice([0.1, 0.4, 0.6]))
        for _ in range(dice.randrange(4)):
            await room.join()
            await ledger.note()
        await room.tick()
        await ledger.note()
    assert 60 < ledger.busiest_minute() <= 120 + one_tick(120)


async def test_a_lowered_rate_holds_from_then_on(redis, make_room):
    room = await make_room(rate_per_minute=6_000, max_active=1_000_000)
    await stand_in_line(redis, room, 5_000)
    ledger = Ledger(redis, room)
    for _ in range(20):
        await ledger.travel(0.5)
        await room.tick()
    await ledger.note()
    await ledger.travel(0.5)
    await room.steer(rate_per_minute=60)
    for _ in range(200):
        await ledger.travel(0.5)
        await room.tick()
        await ledger.note()
    assert 60 <= ledger.busiest_minute(since=1) <= 61


async def test_rate_0_admits_nobody_not_even_what_was_saved_up(redis, make_room):
    room = await make_room(rate_per_minute=600)
    await room.steer(rate_per_minute=0)
    fan = await room.join()
    await travel(redis, room, 120)
    assert (await room.tick()).admitted_total == 0
    assert (await room.look(fan.ticket)).state is State.WAITING


async def check_one_tick_an_interval(redis, room):
    await room.tick()
    for version in range(2, 6):
        await travel(redis, room, 600)
        frames = [frame for frame in await asyncio.gather(*(room.tick() for _ in range(4))) if frame]
        assert [frame.version for frame in frames] == [version]


async def test_four_tickers_make_one_tick_an_interval(redis, make_room):
    await check_one_tick_an_interval(redis, await make_room(tick_seconds=10, rate_per_minute=0))


async def test_control_without_the_tick_guard_they_make_four(redis, make_room):
    room = await make_room(tick_seconds=10, rate_per_minute=0)
    take_out(redis, room, "tick", "since_tick < room.tick_us * 0.9", "false")
    with pytest.raises(AssertionError):
        await check_one_tick_an_interval(redis, room)


async def check_cap_holds(redis, room, cap):
    await stand_in_line(redis, room, 400)
    dice, finished = random.Random(3), 0
    for _ in range(40):
        await travel(redis, room, 0.5)
        frames = await asyncio.gather(*(room.tick() for _ in range(4)))
        assert all(frame.called + frame.active <= cap for frame in frames if frame)
        for visitor in await redis.zrange(room.keys.called, 0, dice.randrange(4)):
            claimed = await room.claim(room._signer.ticket(_place(visitor)))
            if dice.random() < 0.7:
                await room.finish(claimed.visitor)
                finished += 1
        assert await redis.zcard(room.keys.called) + await redis.zcard(room.keys.active) <= cap
    assert finished > cap


def _place(visitor):
    return Place(visitor, 1_700_000_000_000_000 + int(visitor[-6:]), 1)


async def test_called_and_active_never_exceed_the_cap(redis, make_room):
    await check_cap_holds(redis, await make_room(max_active=12, rate_per_minute=6_000), 12)


async def test_control_without_the_cap_they_do(redis, make_room):
    room = await make_room(max_active=12, rate_per_minute=6_000)
    take_out(redis, room, "tick", FREE, "math.floor(room.tokens / PERSON)")
    with pytest.raises(AssertionError):
        await check_cap_holds(redis, room, 12)


async def test_the_line_is_called_in_order(redis, make_room):
    room = await make_room(max_active=1_000)
    names = await stand_in_line(redis, room, 60)
    for tick in range(1, 9):
        await travel(redis, room, 0.5)
        await room.tick()
        called = sorted(await redis.zrange(room.keys.called, 0, -1))
        assert called == names[: len(called)]
        assert len(called) >= 5 * (tick - 1)
    assert len(called) < 60


async def test_thousands_are_called_in_one_tick(redis, make_room):
    room = await make_room(rate_per_minute=1_000_000, max_active=1_000_000, tick_seconds=0.6)
    names = await stand_in_line(redis, room, 10_500)
    frame = await room.tick()
    assert (frame.called, frame.waiting) == (10_000, 500)
    assert frame.frontier == 1_700_000_000_000_000 + 9_999
    assert await redis.zrange(room.keys.waiting, 0, 0) == [names[10_000]]


async def test_a_quiet_sale_shows_no_queue(make_room):
    room = await make_room()
    fan = await room.join()
    assert (fan.state, fan.new, fan.place, fan.wait_seconds) == (State.CALLED, True, None, None)
    assert fan.claim_by is not None
    assert (await room.snapshot()).frontier == fan.order


async def test_a_newcomer_does_not_overtake_the_line(redis, make_room):
    room = await make_room()
    await stand_in_line(redis, room, 1)
    assert (await room.join()).state is State.WAITING


async def test_a_claim_is_a_lease_and_asking_again_is_the_same_lease(make_room):
    room = await make_room(lease_seconds=600)
    fan = await room.join()
    first, again = await room.claim(fan.ticket), await room.claim(fan.ticket)
    assert first == again == room.read_pass(first.token)
    standing = await room.look(fan.ticket)
    assert (standing.state, standing.expires_at) == (State.ACTIVE, first.expires_at)
    assert first.expires_at == pytest.approx(fan.claim_by - 120 + 600, abs=60)


async def test_who_is_not_called_cannot_claim(make_room):
    room = await make_room(max_active=0)
    fan = await room.join()
    with pytest.raises(NotCalled) as refused:
        await room.claim(fan.ticket)
    assert refused.value.standing.place == 1


async def test_use_renews_a_lease_until_it_ends(redis, make_room):
    room = await make_room(lease_seconds=600)
    fan = await room.join()
    with pytest.raises(NotActive):
        await room.renew(fan.visitor)
    lease = await room.claim(fan.ticket)
    await travel(redis, room, 400)
    assert await room.renew(fan.visitor) == pytest.approx(lease.expires_at, abs=60)
    await travel(redis, room, 601)
    with pytest.raises(NotActive):
        await room.renew(fan.visitor)


@pytest.mark.parametrize("way_out", ["finish", "leave"])
async def test_a_freed_slot_goes_to_the_next(redis, make_room, way_out):
    room = await make_room(max_active=1)
    first, second = await room.join(), await room.join()
    await room.claim(first.ticket)
    await travel(redis, room, 1)
    await room.tick()
    assert (await room.look(second.ticket)).state is State.WAITING
    await (room.finish(first.visitor) if way_out == "finish" else room.leave(first.ticket))
    await travel(redis, room, 1)
    await room.tick()
    assert (await room.look(second.ticket)).state is State.CALLED
    assert (await room.look(first.ticket)).state is (State.DONE if way_out == "finish" else State.LEFT)


async def test_finishing_twice_does_not_throw_out_who_queues_again(make_room):
    room = await make_room(max_active=1)
    fan = await room.join()
    await room.claim(fan.ticket)
    await room.finish(fan.visitor)
    await room.steer(max_active=0)
    again = await room.join(fan.ticket)
    await room.finish(fan.visitor)
    assert again.new
    assert (await room.look(again.ticket)).place == 1

"""The rate is turned from 600 to 6,000 to 60 while thousands wait: admissions follow within one tick."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from waiting_room import Mode, RoomPolicy

from .driven import DrivenRoom
from .support import stand_in_line

BEGIN = 1_795_366_334_000_000
TICK_US = 500_000
RATES = (600, 6_000, 60)
MINUTE_OF_TICKS = 120
STEERED_US = 400_000
"""A lever is moved so long after a tick: most of the next tick's people are due at the old rate by then."""
REFILL_CAP = "math.min(room.tokens + room.rate * elapsed, capacity(room))"


@pytest.fixture
async def rooms(redis: Redis, prefix: str) -> AsyncIterator:
    made = []

    async def make(mutations=None):
        room = DrivenRoom(redis, "event:42", prefix, mutations)
        await room.set_clock(BEGIN)
        await room.ensure(RoomPolicy(Mode.OPEN, RATES[0], 1_000_000), epoch=1)
        await stand_in_line(redis, room, 9_000)
        made.append(room)
        return room

    yield make
    for room in made:
        await redis.delete(*room.keys.touched, room.clock_key)


async def check_admissions_follow(room):
    """A minute at each rate, on a clock of the test's own: what each tick and each rolling minute lets in."""
    now, total = BEGIN, 0
    admitted: list[int] = []
    at_rate: list[int] = []
    for rate in RATES:
        if admitted:
            await room.set_clock(now + STEERED_US)
            await room.steer(rate_per_minute=rate)
        for _ in range(MINUTE_OF_TICKS):
            now += TICK_US
            await room.set_clock(now)
            frame = await room.tick()
            admitted.append(frame.admitted_total - total)
            at_rate.append(rate)
            total = frame.admitted_total
    for tick, (count, rate) in enumerate(zip(admitted, at_rate, strict=True)):
        # Within one tick: the one right after a change may still bring what was due at the old rate.
        share = rate * TICK_US / 60e6
        if tick % MINUTE_OF_TICKS:
            assert share - 1 < count < share + 1, (tick, rate, count)
        else:
            assert count <= share + 1, (tick, rate, count)
    for end in range(MINUTE_OF_TICKS, len(admitted) + 1):
        rates = at_rate[end - MINUTE_OF_TICKS : end]
        allowed = sum(rates) / MINUTE_OF_TICKS + max(1, max(rates) / MINUTE_OF_TICKS)
        assert sum(admitted[end - MINUTE_OF_TICKS : end]) <= allowed


async def test_admissions_follow_the_rate_within_one_tick(rooms):
    await check_admissions_follow(await rooms())


async def test_control_a_bucket_that_keeps_what_the_old_rate_brought_lets_too_many_in(rooms):
    room = await rooms({"tick": (REFILL_CAP, "room.tokens + room.rate * elapsed")})
    with pytest.raises(AssertionError):
        await check_admissions_follow(room)

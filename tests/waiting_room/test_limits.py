"""How many new places an address or an account takes in a minute, whatever they try."""

import asyncio
import random

import pytest

from waiting_room import NotOpen, RoomClosed, TooManyJoins, WaitingRoom

from .support import take_out

SECOND = 1_000_000
NOON = 1_795_000_000 * SECOND
"""A moment on a slot's boundary, at which clocks are stopped."""
CLOCK = "time[1] * SECOND + time[2]"
GUARD = "if seconds then return {'too_many_joins', seconds, source} end"
HOME, OFFICE = "address:203.0.113.7", "address:198.51.100.4"


def stop_clock(redis, room: WaitingRoom, seconds: float) -> None:
    """Let every join of this room happen so many seconds after noon."""
    take_out(redis, room, "join", CLOCK, str(NOON + round(seconds * SECOND)))


async def goes_through(room: WaitingRoom, sources: dict[str, int] | None = None) -> bool:
    try:
        return (await room.join(sources=sources)).new
    except TooManyJoins:
        return False


async def all_of_a_crowd(redis, room: WaitingRoom) -> int:
    """How many of a hundred that come at once from one address are taken in, where ten may be."""
    let_in = await asyncio.gather(*(goes_through(room, {HOME: 10}) for _ in range(100)))
    assert sum(let_in) == await redis.zcard(room.keys.waiting)
    return sum(let_in)


async def test_of_a_crowd_at_once_exactly_the_limit_gets_in(redis, make_room):
    assert await all_of_a_crowd(redis, await make_room(rate_per_minute=0)) == 10


async def test_control_without_the_limit_all_get_in(redis, make_room):
    room = await make_room(rate_per_minute=0)
    take_out(redis, room, "join", GUARD)
    assert await all_of_a_crowd(redis, room) == 100


async def test_who_is_refused_is_told_how_long_to_wait_and_leaves_no_trace(redis, prefix, make_room):
    room = await make_room(rate_per_minute=0)
    await room.join(sources={HOME: 1})
    before = {key: await redis.dump(key) for key in await redis.keys(f"{prefix}*")}
    for visitor in (None, "an-account"):
        with pytest.raises(TooManyJoins) as refused:
            await room.join(visitor=visitor, sources={HOME: 1, OFFICE: 5})
        assert 60 <= refused.value.retry_after <= 70
        assert refused.value.source == HOME
    assert {key: await redis.dump(key) for key in await redis.keys(f"{prefix}*")} == before


async def test_finding_a_place_again_is_never_refused(redis, make_room):
    room = await make_room(rate_per_minute=0)
    fan = await room.join(sources={HOME: 1})
    again = await asyncio.gather(*(room.join(fan.ticket, sources={HOME: 1}) for _ in range(50)))
    assert {standing.order for standing in again} == {fan.order}
    assert not await goes_through(room, {HOME: 1})
    # A place that Redis has lost is no new one either.
    await redis.delete(room.keys.waiting)
    assert (await room.join(fan.ticket, sources={HOME: 1})).order == fan.order


async def test_who_left_and_joins_again_takes_a_new_place(make_room):
    room = await make_room(rate_per_minute=0)
    fan = await room.join(sources={HOME: 2})
    for allowed in (True, False):
        await room.leave(fan.ticket)
        try:
            assert (await room.join(fan.ticket, sources={HOME: 2})).new
            assert allowed
        except TooManyJoins:
            assert not allowed


async def test_sources_are_counted_each_for_itself_and_all_or_none(redis, make_room):
    room = await make_room(rate_per_minute=0)
    stop_clock(redis, room, 0)
    assert await goes_through(room, {HOME: 2, "account:1": 1})
    assert not await goes_through(room, {HOME: 2, "account:1": 1})
    assert await goes_through(room, {HOME: 2, "account:2": 1})
    assert not await goes_through(room, {HOME: 2, "account:3": 1})
    # What was refused for the account's sake was not counted for the address, and the other way round.
    assert await goes_through(room, {OFFICE: 1, "account:3": 1})
    assert await goes_through(room)


async def test_the_longest_wait_is_the_one_that_is_told(redis, make_room):
    room = await make_room(rate_per_minute=0)
    stop_clock(redis, room, 0)
    await room.join(sources={HOME: 1})
    stop_clock(redis, room, 35)
    await room.join(sources={OFFICE: 1})
    with pytest.raises(TooManyJoins) as refused:
        await room.join(sources={HOME: 1, OFFICE: 1})
    assert (refused.value.source, refused.value.retry_after) == (OFFICE, 65)


async def test_after_the_time_told_one_gets_in_and_not_before(redis, make_room):
    room = await make_room(rate_per_minute=0)
    stop_clock(redis, room, 3)
    assert await goes_through(room, {HOME: 1})
    stop_clock(redis, room, 20.5)
    with pytest.raises(TooManyJoins) as refused:
        await room.join(sources={HOME: 1})
    wait = refused.value.retry_after
    stop_clock(redis, room, 20.5 + wait - 1)
    assert not await goes_through(room, {HOME: 1})
    stop_clock(redis, room, 20.5 + wait)
    assert await goes_through(room, {HOME: 1})


@pytest.mark.parametrize("seed", range(5))
async def test_in_no_minute_are_there_more_than_the_limit_and_after_seventy_seconds_none_counts(
    redis, make_room, seed
):
    """Bursts and pauses at random, against a list of every moment at which a place was taken."""
    room, dice = await make_room(rate_per_minute=0), random.Random(seed)
    limit, at = 5, 0.0
    taken: list[float] = []
    for _ in range(300):
        at += dice.choice([0, 0, 0, dice.uniform(0, 3), dice.uniform(0, 40), 60])
        stop_clock(redis, room, at)
        allowed = await goes_through(room, {HOME: limit})
        surely_counted = [moment for moment in taken if at - moment < 60]
        perhaps_counted = [moment for moment in taken if at - moment < 70]
        assert not (allowed and len(surely_counted) >= limit)
        assert allowed or len(perhaps_counted) >= limit
        taken += [at] * allowed
    assert limit < len(taken) < 300


async def test_counts_are_given_back_by_themselves(redis, make_room):
    room = await make_room(rate_per_minute=0)
    keys = room.keys
    for second in range(0, 2000, 25):
        stop_clock(redis, room, second)
        await room.join(sources={f"address:{second}-{n}": 5 for n in range(10)})
        held = {name for key in (keys.joins, keys.joins_before) for name in await redis.hkeys(key) if name}
        # Two hashes of 70 seconds each, however long it goes on, and all that still counts is in them.
        assert len(held) <= 2 * 10 * (70 // 25 + 1)
        assert {f"address:{s}-0" for s in range(max(0, second - 59), second + 1) if s % 25 == 0} <= held
        assert 0 < await redis.ttl(keys.joins) <= 210
    assert 0 < await redis.ttl(keys.joins_before) <= 210


async def test_a_room_that_takes_nobody_counts_nobody(redis, make_room):
    room = await make_room(mode="lobby", lobby_opens_at=2**53 - 1)
    with pytest.raises(NotOpen):
        await room.join(sources={HOME: 1})
    await room.steer(mode="closed")
    with pytest.raises(RoomClosed):
        await room.join(sources={HOME: 1})
    assert not await redis.exists(room.keys.joins)


@pytest.mark.parametrize("sources", [{"": 1}, {HOME: 0}, {HOME: -1}])
async def test_a_source_without_a_name_or_a_limit_is_a_mistake(make_room, sources):
    room = await make_room()
    with pytest.raises(ValueError, match="source"):
        await room.join(sources=sources)

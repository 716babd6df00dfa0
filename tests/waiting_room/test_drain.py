"""A drain lets nobody in and gives back the turns of who is not in yet; leases of all can be made longer."""

from types import SimpleNamespace

import pytest

from waiting_room import Mode, NotCalled, Place, RoomPolicy, State, measures

from .support import miss_turn, take_out, travel

FIRST, LAST_NAME = 1_700_000_000_000_000, 999_999


def ticket(room, visitor):
    return room._signer.ticket(Place(visitor, FIRST + LAST_NAME - int(visitor[-6:]), 1))


async def stand(redis, room, count):
    """So many in line, whose names sort the other way round: of equal orders Redis goes by name."""
    names = [f"fan-{LAST_NAME - n:06}" for n in range(count)]
    await redis.zadd(room.keys.waiting, {name: FIRST + n for n, name in enumerate(names)})
    return names


async def line(redis, room):
    return await redis.zrange(room.keys.waiting, 0, -1)


async def tick(redis, room, seconds=0.5):
    await travel(redis, room, seconds)
    return await room.tick()


async def called_some(redis, room):
    """Ten were called, two of them are in; the line stands behind them."""
    names = await stand(redis, room, 30)
    for _ in range(2):
        await tick(redis, room)
    for visitor in names[:2]:
        await room.claim(ticket(room, visitor))
    assert len(await redis.zrange(room.keys.called, 0, -1)) >= 8
    return names


async def check_a_drain_gives_turns_back_in_order(redis, room):
    names = await called_some(redis, room)
    await room.steer(mode=Mode.DRAINING)
    assert await line(redis, room) == names[2:]
    frame = await tick(redis, room, 30)
    assert (frame.called, frame.active, frame.waiting) == (0, 2, 28)
    with pytest.raises(NotCalled) as refused:
        await room.claim(ticket(room, names[2]))
    standing = refused.value.standing
    assert (standing.state, standing.place, standing.wait_seconds) == (State.WAITING, 1, None)
    assert standing.slower == "draining"
    await room.steer(mode=Mode.OPEN)
    await tick(redis, room)
    called = set(await redis.zrange(room.keys.called, 0, -1))
    assert called == set(names[2 : 2 + len(called)])


async def test_a_drain_gives_turns_back_in_order(redis, make_room):
    await check_a_drain_gives_turns_back_in_order(redis, await make_room())


async def test_control_with_orders_that_nobody_kept_they_are_mixed(redis, make_room):
    room = await make_room()
    take_out(redis, room, "steer", "orders[i] or int", "int")
    with pytest.raises(AssertionError):
        await check_a_drain_gives_turns_back_in_order(redis, room)


async def test_who_is_inside_finishes_and_the_drain_ends_empty(redis, make_room):
    room = await make_room()
    names = await called_some(redis, room)
    await room.steer(mode=Mode.DRAINING)
    assert await room.renew(names[0]) > 0
    await room.finish(names[0])
    await room.leave(ticket(room, names[1]))
    frame = await tick(redis, room)
    assert (frame.mode, frame.called, frame.active) == (Mode.DRAINING, 0, 0)
    assert (await room.join()).state is State.WAITING


async def test_a_turn_that_was_missed_before_the_drain_stays_missed(redis, make_room):
    """Also if no tick has swept it yet."""
    room = await make_room(claim_seconds=5)
    names = await stand(redis, room, 3)
    await miss_turn(redis, room, names[0])
    await tick(redis, room)
    await travel(redis, room, 6)
    await room.steer(mode=Mode.DRAINING)
    assert await line(redis, room) == []
    await tick(redis, room)
    for visitor in names:
        assert (await room.look(ticket(room, visitor))).state is State.MISSED
        assert (await room.join(ticket(room, visitor))).state is State.WAITING
    assert await line(redis, room) == names


async def check_a_drain_is_no_measure(redis, room):
    await stand(redis, room, 500)
    for _ in range(4):
        await tick(redis, room, 1)
    before = (await room.snapshot()).forecast
    await room.steer(mode=Mode.DRAINING)
    assert (await tick(redis, room, 1)).called == 0
    after = (await room.snapshot()).forecast
    assert (after.stay, after.leaving) == (before.stay, before.leaving)


async def test_a_drain_is_no_measure_of_how_people_stay_or_leave(redis, make_room):
    """Who is called back went neither in nor out."""
    await check_a_drain_is_no_measure(redis, await make_room(rate_per_minute=6_000))


async def test_control_measured_all_the_same_it_tells_of_short_stays(redis, make_room, monkeypatch):
    known = SimpleNamespace(LOBBY=Mode.LOBBY, OPEN=Mode.OPEN, DRAINING="no mode")
    monkeypatch.setattr(measures, "Mode", known)
    with pytest.raises(AssertionError):
        await check_a_drain_is_no_measure(redis, await make_room(rate_per_minute=6_000))


async def test_everybody_inside_has_more_time_and_nobody_less(redis, make_room):
    room = await make_room(max_active=5, lease_seconds=600)
    names = await called_some_of(redis, room, 5)
    ends = dict(await redis.zrange(room.keys.active, 0, -1, withscores=True))
    await redis.zadd(room.keys.active, {"in-for-long": ends[names[0]] + 90_000 * 1e6})
    called = await redis.zrange(room.keys.called, 0, -1, withscores=True)
    assert await room.extend(300, revision=4) == 4
    later = dict(await redis.zrange(room.keys.active, 0, -1, withscores=True))
    assert {visitor: later[visitor] - till for visitor, till in ends.items()} == dict.fromkeys(ends, 300e6)
    assert later["in-for-long"] == ends[names[0]] + 90_000 * 1e6
    assert await redis.zrange(room.keys.called, 0, -1, withscores=True) == called
    frame = await tick(redis, room)
    assert (frame.revision, frame.extended_at > 0) == (4, True)
    with pytest.raises(ValueError, match="never"):
        await room.extend(0)


async def called_some_of(redis, room, count):
    """So many were called, and all but two are in."""
    names = await stand(redis, room, count)
    await tick(redis, room)
    await tick(redis, room)
    for visitor in names[: count - 2]:
        await room.claim(ticket(room, visitor))
    return names


async def test_thousands_have_more_time_in_one_go(redis, make_room):
    room = await make_room()
    seconds, _ = await redis.time()
    till = (seconds + 100) * 1_000_000
    await redis.zadd(room.keys.active, {f"fan-{n}": till for n in range(2_501)})
    await redis.zadd(room.keys.active, {"gone": 1_000_000})
    assert await room.extend(60) == 2_501
    ends = dict(await redis.zrange(room.keys.active, 0, -1, withscores=True))
    assert set(ends.values()) == {till + 60_000_000, 1_000_000}


async def check_the_later_revision_stands(room):
    await room.steer(rate_per_minute=60, message="later", revision=3)
    await room.steer(rate_per_minute=600, max_active=7, revision=2)
    policy = await room.policy()
    assert (policy.rate_per_minute, policy.max_active, policy.message) == (60, 7, "later")
    assert (await room.snapshot()).revision == 3


async def test_of_two_that_steer_at_once_the_later_revision_stands(make_room):
    """Whichever comes to the room first. What only the earlier one moved is moved."""
    room = await make_room()
    await check_the_later_revision_stands(room)
    await room.steer(rate_per_minute=90)
    assert (await room.policy()).rate_per_minute == 90


async def test_control_without_revisions_the_last_to_come_stands(redis, make_room):
    room = await make_room()
    take_out(redis, room, "steer", "if revision == 0 then return false end", "do return false end")
    with pytest.raises(AssertionError):
        await check_the_later_revision_stands(room)


async def test_a_room_that_comes_back_knows_its_revision(redis, make_room):
    room = await make_room()
    await redis.delete(*room.keys.touched)
    assert await room.ensure(RoomPolicy(Mode.DRAINING, 600, 100), epoch=2, recovering=True, revision=9)
    frame = await room.snapshot()
    assert (frame.mode, frame.revision, frame.extended_at) == (Mode.DRAINING, 9, 0)

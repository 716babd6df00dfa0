"""A fan's line, frame by frame: what it shows, and when it must ask Redis."""

import pytest
from redis.exceptions import RedisError

from tests.waiting_room.support import travel
from ticketflow.live.fan_line import FanLine
from ticketflow.live.slot import Slot
from waiting_room import Mode, RankMap, RoomPolicy, State

from .ticker import room_of

POLICY = RoomPolicy(Mode.OPEN, 600, 0, recovery_seconds=0)


@pytest.fixture
async def room(redis, prefix):
    room = room_of(redis, prefix, "hall")
    await room.ensure(POLICY, epoch=1)
    return room


async def check_newcomer_keeps_their_place(room):
    for _ in range(3):
        await room.join()
    before = await room.tick()
    *_, last = [await room.join() for _ in range(20)]
    line = FanLine(Slot(), lambda: room.look(last.ticket))
    line.tell(last)
    line.advance(before, before.ranks)
    assert line.standing is not None
    assert line.standing.place == 23


async def test_a_map_says_nothing_of_who_joined_after_it(room):
    await check_newcomer_keeps_their_place(room)


async def test_control_taken_at_its_word_it_puts_them_in_front(room, monkeypatch):
    monkeypatch.setattr(RankMap, "covers", lambda ranks, order: True)
    with pytest.raises(AssertionError):
        await check_newcomer_keeps_their_place(room)


async def test_whenever_the_line_moves_a_map_says_where_everybody_stands(redis, room):
    fans = [await room.join() for _ in range(8)]
    await room.steer(max_active=1)
    for called in range(1, 4):
        await redis.hset(room.keys.room, mapping={"ticked_at": 0, "tokens": 60_000_000})
        frame = await room.tick()
        assert frame.ranks.place(fans[-1].order) == 8 - called
        await room.steer(max_active=called + 1)


async def test_a_place_lost_with_redis_is_asked_for_until_it_is_back(redis, room):
    fan = await room.join()
    failures = [RedisError("not now")]

    async def look():
        if failures:
            raise failures.pop()
        return await room.look(fan.ticket)

    line = FanLine(Slot(), look)
    line.tell(fan)
    # Nobody heard a frame of the old epoch: the first one that comes is of the new.
    await redis.delete(*room.keys.touched)
    await room.ensure(POLICY, epoch=2, recovering=True)
    frame = await room.tick()
    assert line.must_look(frame)
    with pytest.raises(RedisError):
        await line.refresh()
    assert line.must_look(frame)
    await line.refresh()
    assert not line.must_look(frame)
    assert await redis.zscore(room.keys.waiting, fan.visitor) == fan.order


async def test_a_live_page_learns_that_its_fan_was_passed_over(redis, room):
    """Nobody else is called, nobody joins: the frame alone must say that there is something to look at."""
    fan = await room.join()
    line = FanLine(Slot(), lambda: room.look(fan.ticket))
    line.tell(fan)
    await room.set_present(fan.visitor, False)
    await travel(redis, room, 301)
    await room.steer(max_active=1)
    frame = await room.tick()
    assert (frame.waiting, frame.missed) == (0, 1)
    assert line.must_look(frame)
    await line.refresh()
    assert line.standing is not None
    assert line.standing.state is State.MISSED
    assert not line.must_look(frame)

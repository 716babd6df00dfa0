import asyncio
from dataclasses import replace

import pytest

from waiting_room import Mode, NotCalled, RoomLost, RoomPolicy, State

from .support import travel

POLICY = RoomPolicy(Mode.OPEN, 600, 100, recovery_seconds=600)


async def lose(redis, room):
    """All of the room is gone from Redis, as after a crash without a disk."""
    await redis.delete(*room.keys.touched)
    with pytest.raises(RoomLost):
        await room.tick()


async def test_everybody_gets_the_order_they_had_whoever_comes_first(redis, make_room):
    room = await make_room(rate_per_minute=0)
    fans = [await room.join() for _ in range(20)]
    await lose(redis, room)
    assert await room.ensure(POLICY, epoch=2, frontier=fans[0].order, recovering=True)
    newcomer = await room.join()
    for fan in reversed(fans):
        back = await room.join(fan.ticket)
        assert (back.order, back.new, back.state) == (fan.order, False, State.WAITING)
        assert room.read_ticket(back.ticket).epoch == 2
    assert newcomer.order > fans[-1].order
    # While some are still missing, a rank in the line is not a place; a wrong one would have to rise later.
    assert {(await room.look(fan.ticket)).place for fan in fans} == {None}
    assert (await room.snapshot()).recovering
    await travel(redis, room, 600)
    assert [(await room.look(fan.ticket)).place for fan in fans] == list(range(1, 21))
    assert not (await room.snapshot()).recovering
    assert (await room.look(newcomer.ticket)).place == 21


async def test_nobody_is_admitted_until_the_window_ends_then_in_order(redis, make_room):
    room = await make_room(rate_per_minute=0)
    fans = [await room.join() for _ in range(8)]
    await lose(redis, room)
    await room.ensure(POLICY, epoch=2, recovering=True)
    last = await room.join(fans[-1].ticket, present=True)
    assert last.state is State.WAITING
    await travel(redis, room, 300)
    assert (await room.tick()).admitted_total == 0
    for fan in fans[:-1]:
        await room.join(fan.ticket, present=True)
    await travel(redis, room, 300)
    assert (await room.tick()).admitted_total == 5
    states = [(await room.look(fan.ticket)).state for fan in fans]
    assert states == [State.CALLED] * 5 + [State.WAITING] * 3


@pytest.mark.parametrize("call", ["look", "claim", "join"])
async def test_any_call_with_a_ticket_brings_the_place_back(redis, make_room, call):
    room = await make_room(rate_per_minute=0)
    fan = await room.join()
    await lose(redis, room)
    await room.ensure(POLICY, epoch=2, recovering=True)
    if call == "claim":
        with pytest.raises(NotCalled):
            await room.claim(fan.ticket)
    else:
        await getattr(room, call)(fan.ticket)
    assert await redis.zscore(room.keys.waiting, fan.visitor) == fan.order


async def test_a_place_lost_within_an_epoch_comes_back_too(redis, make_room):
    room = await make_room(rate_per_minute=0)
    fan = await room.join()
    await redis.zrem(room.keys.waiting, fan.visitor)
    assert (await room.look(fan.ticket)).order == fan.order


async def test_orders_go_on_above_the_frontier_and_all_that_came_back(redis, make_room):
    room = await make_room(rate_per_minute=0)
    fan = await room.join()
    ahead = fan.order + 3_600_000_000
    await lose(redis, room)
    await room.ensure(POLICY, epoch=2, frontier=ahead, recovering=True)
    assert (await room.join()).order > ahead


async def test_drawn_numbers_survive_and_stay_ahead_of_arrivals(redis, make_room):
    room = await make_room(mode=Mode.LOBBY)
    drawn = [await room.join() for _ in range(5)]
    await lose(redis, room)
    await room.ensure(POLICY, epoch=2, recovering=True)
    await room.join()
    for fan in drawn:
        assert (await room.join(fan.ticket)).order == fan.order
    await travel(redis, room, 600)
    places = [(await room.look(fan.ticket)).place for fan in sorted(drawn, key=lambda fan: fan.order)]
    assert places == [1, 2, 3, 4, 5]


async def test_of_many_that_restore_one_does(redis, make_room):
    room = await make_room()
    await lose(redis, room)
    made = await asyncio.gather(*(room.ensure(POLICY, epoch=2, recovering=True) for _ in range(10)))
    assert sorted(made) == [False] * 9 + [True]


async def test_a_day_in_the_line_is_not_lost_with_redis(redis, make_room):
    room = await make_room(rate_per_minute=0)
    fan = await room.join()
    place = room.read_ticket(fan.ticket)
    patient = replace(place, order=place.order - 2 * 86_400_000_000)
    await lose(redis, room)
    await room.ensure(POLICY, epoch=2, recovering=True)
    assert (await room.join(room._signer.ticket(patient))).order == patient.order

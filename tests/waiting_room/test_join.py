import asyncio
from dataclasses import replace

import pytest

from waiting_room import BadTicket, Mode, Place, RoomLost, State, WaitingRoom

from .support import miss_turn, stand_in_line, take_out, travel

KNOWN = "local placed = place.state == 'waiting' or place.state == 'called' or place.state == 'active'"


async def check_one_ticket_is_one_place(redis, room):
    first = await room.join()
    again = await asyncio.gather(*(room.join(first.ticket) for _ in range(100)))
    assert await redis.zcard(room.keys.waiting) == 1
    assert {standing.order for standing in again} == {first.order}
    assert {standing.visitor for standing in again} == {first.visitor}
    assert not any(standing.new for standing in again)


async def test_a_hundred_joins_of_one_ticket_are_one_place(redis, make_room):
    await check_one_ticket_is_one_place(redis, await make_room(rate_per_minute=0))


async def test_control_without_the_look_for_a_place_they_are_not(redis, make_room):
    room = await make_room(rate_per_minute=0)
    take_out(redis, room, "join", KNOWN, "local placed = false")
    with pytest.raises(AssertionError):
        await check_one_ticket_is_one_place(redis, room)


async def test_a_hundred_newcomers_at_once_are_a_hundred_places_in_order(redis, make_room):
    room = await make_room(rate_per_minute=0)
    fans = await asyncio.gather(*(room.join() for _ in range(100)))
    assert len({fan.visitor for fan in fans}) == len({fan.order for fan in fans}) == 100
    assert await redis.zcard(room.keys.waiting) == 100
    by_place = sorted(fans, key=lambda fan: fan.order)
    assert [(await room.look(fan.ticket)).place for fan in by_place] == list(range(1, 101))


async def test_orders_rise_even_when_the_clock_went_back(redis, make_room):
    room = await make_room(rate_per_minute=0)
    first = await room.join()
    ahead = first.order + 3_600_000_000
    await redis.hset(room.keys.room, "last_order", ahead)
    orders = [(await room.join()).order for _ in range(5)]
    assert orders == [ahead + n for n in range(1, 6)]


async def test_what_a_waiting_fan_is_told(redis, make_room):
    room = await make_room(rate_per_minute=600, max_active=1, message='Grüße, "soon" {1}')
    assert (await room.join()).state is State.CALLED
    await stand_in_line(redis, room, 30)
    fan = await room.join()
    assert (fan.state, fan.new, fan.place, fan.ahead, fan.waiting) == (State.WAITING, True, 31, 30, 31)
    assert (fan.rate_per_minute, fan.message, fan.mode) == (600, 'Grüße, "soon" {1}', Mode.OPEN)
    assert (fan.claim_by, fan.expires_at) == (None, None)
    low, high = fan.wait_seconds
    assert low < high
    place = room.read_ticket(fan.ticket)
    assert (place.visitor, place.order, place.epoch) == (fan.visitor, fan.order, 1)


async def test_a_room_redis_does_not_have_is_lost(redis, prefix):
    room = WaitingRoom(redis, "nowhere", secrets=["secret"], prefix=prefix)
    ticket = room._signer.ticket(Place("visitor", 1_795_366_334_233_725, 1))
    calls = [room.join(), room.join(ticket), room.look(ticket), room.claim(ticket), room.leave(ticket)]
    calls += [
        room.renew("v"),
        room.finish("v"),
        room.tick(),
        room.snapshot(),
        room.policy(),
        room.steer(message="m"),
    ]
    for call in calls:
        with pytest.raises(RoomLost):
            await call
    assert await redis.keys(f"{prefix}*") == []


async def test_a_forged_ticket_changes_nothing(redis, make_room):
    room = await make_room(rate_per_minute=0)
    ticket = (await room.join()).ticket
    for call in (room.join, room.look, room.claim, room.leave):
        with pytest.raises(BadTicket):
            await call(ticket[:-2])
    assert await redis.zcard(room.keys.waiting) == 1


async def test_looking_makes_no_place(redis, make_room):
    room = await make_room(rate_per_minute=0)
    fan = await room.join()
    await room.leave(fan.ticket)
    assert (await room.look(fan.ticket)).state is State.LEFT
    assert await redis.zcard(room.keys.waiting) == 0


async def test_who_left_starts_anew_at_the_end(make_room):
    room = await make_room(rate_per_minute=0)
    leaver, stayer = await room.join(), await room.join()
    await room.leave(leaver.ticket)
    await room.leave(leaver.ticket)
    again = await room.join(leaver.ticket)
    assert (again.new, again.place, again.visitor) == (True, 2, leaver.visitor)
    assert again.order > stayer.order


async def test_an_old_ticket_brings_no_old_place_back_after_a_new_start(redis, make_room):
    room = await make_room(rate_per_minute=0)
    leaver, stayer = await room.join(), await room.join()
    await room.leave(leaver.ticket)
    again = await room.join(leaver.ticket)
    await miss_turn(redis, room, leaver.visitor)
    assert (await room.join(again.ticket)).order == again.order
    await miss_turn(redis, room, leaver.visitor)
    assert (await room.join(leaver.ticket)).order > again.order > stayer.order


async def test_what_is_forgotten_after_a_day_starts_anew(redis, make_room):
    room = await make_room(rate_per_minute=0)
    fan = await room.join()
    place = room.read_ticket(fan.ticket)
    await room.leave(fan.ticket)
    await redis.delete(room.keys.left)
    old = room._signer.ticket(replace(place, order=place.order - 86_400_000_000))
    assert (await room.look(old)).state is State.LEFT
    assert (await room.join(old)).order > fan.order


async def test_keys_share_one_hash_tag_and_stay_within_what_is_declared(redis, prefix, make_room):
    room = await make_room(max_active=1, claim_seconds=1)
    fans = [await room.join() for _ in range(3)]
    await room.claim(fans[0].ticket)
    await room.finish(fans[0].visitor)
    await room.leave(fans[1].ticket)
    await room.tick()
    await travel(redis, room, 2)
    await room.tick()
    found = set(await redis.keys(f"{prefix}*"))
    assert found <= set(room.keys.touched)
    assert {room.keys.room, room.keys.done, room.keys.left, room.keys.admissions} <= found
    assert all("{event:42}" in key for key in found)


@pytest.mark.parametrize("name", ["", "a{b", "a}b"])
def test_a_name_that_breaks_the_hash_tag_is_refused(redis, name):
    with pytest.raises(ValueError, match="name"):
        WaitingRoom(redis, name, secrets=["secret"])

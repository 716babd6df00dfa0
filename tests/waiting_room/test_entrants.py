"""The log of who entered the draw, and the list made of it."""

import pytest

from waiting_room import Mode, NotDrawn, RoomPolicy, entrants
from waiting_room.draw import draw_number

from .support import miss_turn, take_out, travel

NOTED = "if redis.call('ZREM', left_key, fan.visitor) == 0 then enter_draw(room, fan.visitor) end"
RESTORED = "if fan.order == fan.draw then enter_draw(room, fan.visitor) end"


async def listed(room):
    return [visitor async for visitor in room.entrants()]


async def check_all_are_entrants_once(redis, room):
    fans = [await room.join() for _ in range(20)]
    for fan in fans[:5]:
        await room.join(fan.ticket)
        await room.leave(fan.ticket)
    for fan in fans[:2]:
        await room.join(fan.ticket)
    log = await redis.get(room.keys.draw)
    assert log.split("\n") == [*(fan.visitor for fan in fans), ""]
    await room.steer(mode=Mode.OPEN)
    late = await room.join()
    assert await listed(room) == [fan.visitor for fan in fans]
    draw = await room.draw()
    assert (len(draw), draw.place(late.visitor)) == (20, None)
    by_number = sorted(fans, key=lambda fan: fan.order)
    assert [draw.place(fan.visitor) for fan in by_number] == list(range(1, 21))


async def test_who_entered_the_lobby_is_an_entrant_once_whatever_they_do(redis, make_room):
    await check_all_are_entrants_once(redis, await make_room(mode=Mode.LOBBY, rate_per_minute=0))


async def test_control_without_the_note_they_are_not(redis, make_room):
    room = await make_room(mode=Mode.LOBBY, rate_per_minute=0)
    take_out(redis, room, "join", NOTED, "redis.call('ZREM', left_key, fan.visitor)")
    with pytest.raises((AssertionError, AttributeError)):
        await check_all_are_entrants_once(redis, room)


async def check_who_comes_back_is_an_entrant(redis, room):
    fans = [await room.join() for _ in range(6)]
    await redis.delete(*room.keys.touched)
    await room.ensure(RoomPolicy(Mode.LOBBY, 0, 100), epoch=2, recovering=True)
    for fan in fans[:2]:
        await room.join(fan.ticket)
    await room.look(fans[2].ticket)
    await room.steer(mode=Mode.OPEN)
    await room.look(fans[3].ticket)
    await room.join(fans[4].ticket)
    await room.join()
    assert await listed(room) == [fan.visitor for fan in fans[:5]]
    # The log that began anew after the draw was over does not stay for ever either.
    assert 0 < await redis.ttl(room.keys.draw) <= 30 * 86_400


async def test_who_comes_back_after_a_loss_is_an_entrant_again(redis, make_room):
    await check_who_comes_back_is_an_entrant(redis, await make_room(mode=Mode.LOBBY, rate_per_minute=0))


async def test_control_a_place_put_back_without_its_entry_is_missed(redis, make_room):
    room = await make_room(mode=Mode.LOBBY, rate_per_minute=0)
    take_out(redis, room, "look", RESTORED)
    with pytest.raises(AssertionError):
        await check_who_comes_back_is_an_entrant(redis, room)


async def test_the_entrants_are_not_told_before_the_doors_open(make_room):
    room = await make_room(mode=Mode.LOBBY)
    await room.join()
    with pytest.raises(NotDrawn):
        await listed(room)
    with pytest.raises(NotDrawn):
        await room.draw()


async def test_the_log_is_kept_while_the_lobby_waits_and_a_month_longer(redis, make_room):
    room = await make_room(mode=Mode.LOBBY)
    await room.join()
    assert await redis.ttl(room.keys.draw) == -1
    await room.steer(mode=Mode.OPEN)
    assert 29 * 86_400 < await redis.ttl(room.keys.draw) <= 30 * 86_400


async def test_a_long_log_is_read_in_slices_that_end_anywhere(redis, make_room, monkeypatch):
    monkeypatch.setattr(entrants, "SLICE_BYTES", 31)
    room = await make_room(mode=Mode.LOBBY)
    fans = [(await room.join()).visitor for _ in range(50)]
    await redis.append(room.keys.draw, f"{fans[3]}\nshort\n")
    await room.steer(mode=Mode.OPEN)
    assert await listed(room) == [*fans, "short"]


async def test_a_room_without_entrants_has_an_empty_draw(make_room):
    draw = await (await make_room()).draw()
    assert (len(draw), draw.place("anybody")) == (0, None)


async def test_the_published_order_is_the_order_of_the_line(redis, make_room):
    room = await make_room(mode=Mode.LOBBY, rate_per_minute=0)
    for _ in range(50):
        await room.join()
    await room.steer(mode=Mode.OPEN)
    lines = b"".join((await room.draw()).slices()).decode().splitlines()[7:]
    waiting = await redis.zrange(room.keys.waiting, 0, -1, withscores=True)
    assert lines == [f"{n} {int(order)} {visitor}" for n, (visitor, order) in enumerate(waiting, 1)]
    assert all(int(order) == draw_number(b"seed", visitor) for visitor, order in waiting)


async def check_a_latecomer_gets_into_no_draw(redis, room):
    """They have missed a turn, come back on another device, and stand in for it with another's number."""
    fans = [await room.join() for _ in range(3)]
    await room.steer(mode=Mode.OPEN, rate_per_minute=600)
    await travel(redis, room, 1)
    frontier = (await room.tick()).frontier
    await room.steer(rate_per_minute=0)
    await room.join(visitor="late")
    await miss_turn(redis, room, "late")
    back = await room.join(visitor="late")
    assert back.order == frontier == max(fan.order for fan in fans)
    assert room.read_ticket(back.ticket).order == frontier
    await redis.delete(*room.keys.touched)
    await room.ensure(RoomPolicy(Mode.OPEN, 0, 100), epoch=2, frontier=frontier, recovering=True)
    assert (await room.look(back.ticket)).order == frontier
    for fan in fans:
        await room.look(fan.ticket)
    assert sorted(await listed(room)) == sorted(fan.visitor for fan in fans)
    assert (await room.draw()).place("late") is None


async def test_who_came_after_the_opening_gets_into_no_draw(redis, make_room):
    await check_a_latecomer_gets_into_no_draw(redis, await make_room(mode=Mode.LOBBY, rate_per_minute=0))


async def test_control_if_every_low_order_were_an_entrant_they_would(redis, make_room):
    room = await make_room(mode=Mode.LOBBY, rate_per_minute=0)
    take_out(redis, room, "look", RESTORED, "enter_draw(room, fan.visitor)")
    with pytest.raises(AssertionError):
        await check_a_latecomer_gets_into_no_draw(redis, room)

"""The record of what was told: pilots on a real room, through real ticks."""

import asyncio

from redis.asyncio import Redis

from tests.waiting_room.support import stand_in_line, take_out, travel
from waiting_room import Forecast, Frame, Slower, WaitingRoom
from waiting_room.pilots import Pilots

LINE = {"rate_per_minute": 600, "max_active": 1_000, "tick_seconds": 1}
"""Ten are let in each second, with a tick and a rank map a second."""


async def tick(redis: Redis, room: WaitingRoom, times: int = 1) -> Frame:
    """Tick so often, a second apart, and give the last frame."""
    for _ in range(times - 1):
        await travel(redis, room, 1)
        assert await room.tick()
    await travel(redis, room, 1)
    frame = await room.tick()
    assert frame
    assert frame.ranks
    return frame


async def known(redis: Redis, room: WaitingRoom) -> tuple[Forecast, Pilots]:
    forecast, pilots = await redis.hmget(room.keys.room, ["forecast", "pilots"])
    return Forecast.parse(str(forecast)), Pilots.parse(str(pilots))


def open_notes(pilots: Pilots) -> int:
    return sum(not note.told for pilot in pilots.pilots for note in pilot.notes)


async def test_what_was_told_is_held_against_what_happened(redis, make_room):
    room = await make_room(**LINE)
    await stand_in_line(redis, room, 150)
    first = await tick(redis, room)
    assert first.forecast == Forecast()
    _, pilots = await known(redis, room)
    assert [pilot.ahead for pilot in pilots.pilots] == [139]
    assert open_notes(pilots) == 1
    half = await tick(redis, room, 8)
    assert half.forecast.told > 0
    assert half.forecast.inside == 80
    last = await tick(redis, room, 8)
    forecast, pilots = await known(redis, room)
    assert last.waiting == 0
    assert pilots.pilots == []
    assert forecast.told > half.forecast.told
    # Nobody left and nothing came between; a wait of a second or two may fall to the next tick.
    assert forecast.told / 2 < forecast.right <= forecast.told
    assert forecast.withdrawn == 0


async def test_every_process_and_every_door_tells_the_same(redis, prefix, make_room):
    room = await make_room(**LINE)
    other = WaitingRoom(redis, room.name, secrets=["new"], prefix=prefix)
    await stand_in_line(redis, room, 100)
    fan = await room.join(present=True)
    await tick(redis, room, 3)
    frame, standing = await other.snapshot(), await other.look(fan.ticket)
    expected = frame.expect(70)
    assert standing.ahead == 70
    assert expected
    assert standing.wait_seconds
    assert abs(standing.wait_seconds[1] - expected.high) <= 1
    assert frame.forecast == (await known(redis, room))[0] != Forecast()


async def test_a_change_of_pace_withdraws_what_is_open_and_a_message_does_not(redis, make_room):
    room = await make_room(**LINE)
    await stand_in_line(redis, room, 500)
    await tick(redis, room, 4)
    before = open_notes((await known(redis, room))[1])
    assert before > 3
    await room.steer(message="Hello", rate_per_minute=600, max_active=1_000)
    await tick(redis, room)
    forecast, pilots = await known(redis, room)
    assert forecast.withdrawn == 0
    before = open_notes(pilots)
    told = forecast.told
    await room.steer(rate_per_minute=300)
    frame = await tick(redis, room)
    forecast, _ = await known(redis, room)
    assert (forecast.withdrawn, forecast.told) == (before, told)
    assert frame.slower is Slower.RATE_LOWERED


async def test_two_that_tick_count_no_promise_twice(redis, prefix, make_room):
    room = await make_room(**LINE)
    other = WaitingRoom(redis, room.name, secrets=["new"], prefix=prefix)
    await stand_in_line(redis, room, 120)
    noted = 0
    while True:
        await travel(redis, room, 1)
        before = (await known(redis, room))[1]
        frames = [frame for frame in await asyncio.gather(room.tick(), other.tick()) if frame]
        assert len(frames) == 1
        forecast, after = await known(redis, room)
        notes_before = {(p.order, n.at) for p in before.pilots for n in p.notes}
        noted += len({(p.order, n.at) for p in after.pilots for n in p.notes} - notes_before)
        if not frames[0].waiting:
            break
    assert forecast.told == noted > 10


async def late_note(redis: Redis, room: WaitingRoom) -> tuple[str, str]:
    """A process that stopped after its tick notes what it saw when another has ticked on. Gives what was
    kept before, and after."""
    await stand_in_line(redis, room, 100)
    await tick(redis, room, 2)
    await travel(redis, room, 1)
    text, pilots = await room._scripts.run("tick", room.name, room.channel)
    await tick(redis, room, 3)
    before = await redis.hget(room.keys.room, "pilots")
    await room._note(Frame.parse(text), Pilots.parse(pilots))
    return str(before), str(await redis.hget(room.keys.room, "pilots"))


async def test_a_process_that_was_stopped_overwrites_nothing(redis, make_room):
    before, after = await late_note(redis, await make_room(**LINE))
    assert before == after


async def test_control_without_the_version_it_would(redis, make_room):
    room = await make_room(**LINE)
    take_out(redis, room, "note", " and (tonumber(kept[2]) or 0) < version")
    before, after = await late_note(redis, room)
    assert before != after


async def test_what_another_version_kept_is_left_behind(redis, make_room):
    room = await make_room(**LINE)
    await stand_in_line(redis, room, 50)
    await redis.hset(room.keys.room, mapping={"pilots": '[0,"other"]', "forecast": '[0,"other"]'})
    frame = await room.tick()
    assert frame.forecast == Forecast()
    assert open_notes((await known(redis, room))[1]) == 1


async def test_a_fan_is_told_why_the_line_is_slower_and_a_newcomer_is_not(redis, make_room):
    room = await make_room(**LINE | {"max_active": 1})
    await room.join()
    fan = await room.join(present=True)
    assert fan.slower is None
    await room.steer(rate_per_minute=60)
    assert (await room.look(fan.ticket)).slower is Slower.RATE_LOWERED
    assert (await room.join()).slower is None
    await room.steer(rate_per_minute=120)
    assert (await room.look(fan.ticket)).slower is None


async def test_a_pause_is_a_reason_while_it_lasts_and_after(redis, make_room):
    room = await make_room(**LINE | {"max_active": 1})
    await room.join()
    fan = await room.join(present=True)
    await room.steer(mode="paused")
    assert (await room.look(fan.ticket)).slower is Slower.PAUSED
    newcomer = await room.join(present=True)
    assert newcomer.slower is Slower.PAUSED
    await room.steer(mode="open")
    for ticket in (fan.ticket, newcomer.ticket):
        assert (await room.look(ticket)).slower is Slower.PAUSED
    assert (await room.join()).slower is None


async def test_a_full_desk_is_a_reason(redis, make_room):
    room = await make_room(**LINE | {"max_active": 5})
    await stand_in_line(redis, room, 20)
    fan = await room.join(present=True)
    frame = await tick(redis, room)
    assert (frame.full, frame.causes.measured) == (True, Slower.DESK_FULL)
    assert (await room.look(fan.ticket)).slower is Slower.DESK_FULL


async def test_a_lower_cap_that_is_full_is_a_reason_at_once_and_until_there_is_room(redis, make_room):
    room = await make_room(**LINE | {"max_active": 5})
    await stand_in_line(redis, room, 20)
    fan = await room.join(present=True)
    await tick(redis, room)
    await room.steer(rate_per_minute=60)
    await room.steer(max_active=3)
    assert (await room.look(fan.ticket)).slower is Slower.DESK_FULL
    await redis.delete(room.keys.called)
    await tick(redis, room)
    assert (await room.look(fan.ticket)).slower is None


async def test_a_reason_outlives_a_change_that_slows_nobody(redis, make_room):
    room = await make_room(**LINE | {"max_active": 500})
    await stand_in_line(redis, room, 50)
    fan = await room.join(present=True)
    await room.steer(rate_per_minute=6)
    await room.steer(max_active=400)
    frame = await room.snapshot()
    assert (frame.slower, frame.causes.of_change) == (Slower.RATE_LOWERED, Slower.LATE)
    assert (await room.look(fan.ticket)).slower is Slower.RATE_LOWERED
    await room.steer(rate_per_minute=7, max_active=300)
    assert (await room.look(fan.ticket)).slower is None

from redis.asyncio.client import PubSub

from waiting_room import Frame, Mode

from .support import stand_in_line, travel


async def next_frame(subscription: PubSub) -> Frame:
    async for message in subscription.listen():
        if message["type"] == "message":
            return Frame.parse(message["data"])
    raise AssertionError("the subscription ended")


async def test_a_tick_publishes_the_frame_it_returns(redis, make_room):
    room = await make_room(rate_per_minute=600, max_active=3, message='"quoted" é')
    await stand_in_line(redis, room, 10)
    async with redis.pubsub() as subscription:
        await subscription.subscribe(room.channel)
        returned = await room.tick()
        published = await next_frame(subscription)
    assert {**vars(published), "ranks": None} == {**vars(returned), "ranks": None}
    assert (returned.room, returned.epoch, returned.version) == ("event:42", 1, 1)
    assert (returned.mode, returned.message) == (Mode.OPEN, '"quoted" é')
    assert (returned.waiting, returned.called, returned.active, returned.missed) == (7, 3, 0, 0)
    assert (returned.admitted_total, returned.admitted_last_minute) == (3, 3)
    assert returned.frontier == 1_700_000_000_000_002
    assert published.ranks is not None
    assert published.ranks.place(1_700_000_000_000_005) == 3


async def test_while_nobody_moves_the_rank_map_comes_once_in_a_second(redis, make_room):
    room = await make_room()
    assert (await room.tick()).ranks is not None
    # The clock may turn a second between any two ticks: what is told must then differ, and only then.
    for _ in range(6):
        mapped_at = int(await redis.hget(room.keys.room, "mapped_at"))
        await redis.hset(room.keys.room, "ticked_at", 0)
        frame = await room.tick()
        assert (frame.ranks is not None) == (frame.at // 1_000_000 != mapped_at // 1_000_000)
    await travel(redis, room, 1)
    assert (await room.tick()).ranks is not None


async def test_a_snapshot_publishes_nothing_and_counts_no_tick(redis, make_room):
    room = await make_room()
    tick = await room.tick()
    snapshot = await room.snapshot()
    assert (snapshot.version, snapshot.ranks.waiting) == (tick.version, 0)
    assert await redis.hget(room.keys.room, "version") == "1"


async def test_admissions_are_forgotten_after_a_minute(redis, make_room):
    room = await make_room()
    await room.join()
    assert (await room.tick()).admitted_last_minute == 1
    await travel(redis, room, 62)
    frame = await room.tick()
    assert (frame.admitted_last_minute, frame.admitted_total) == (0, 1)
    assert await redis.exists(room.keys.admissions) == 0


async def test_a_clock_that_went_back_does_not_stop_the_room(redis, make_room):
    room = await make_room(rate_per_minute=600)
    await stand_in_line(redis, room, 100)
    await room.tick()
    await travel(redis, room, -3_600)
    assert await room.tick() is not None
    await travel(redis, room, 0.5)
    assert (await room.tick()).admitted_total >= 10

"""The front door when Redis loses the room, or is lost itself."""

from quart import Quart
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from waiting_room import Mode, RoomPolicy, WaitingRoom
from waiting_room.front_door import FrontDoor

from .door import BROWSER, beat, browser
from .support import travel


async def test_a_lost_room_comes_back_as_it_was_steered_and_with_everybody_in_it(redis, shop):
    await browser(shop)()
    fans = [browser(shop) for _ in range(3)]
    for fan in fans:
        await fan()
    await shop.room.steer(rate_per_minute=77, message="Slowly.")
    await beat(redis, shop)
    known = shop.door.keeper.frame
    await redis.delete(*shop.room.keys.touched)
    lost = await fans[0]()
    assert (lost.status_code, "The line is coming back" in lost.text) == (503, True)
    assert lost.headers["Refresh"] == "3"
    await shop.door.keeper.tick()
    restored = await shop.room.snapshot()
    assert restored.epoch > known.epoch
    assert (restored.recovering, restored.rate_per_minute, restored.message) == (True, 77, "Slowly.")
    assert restored.frontier == known.frontier
    for fan in reversed(fans):
        assert "Your place is kept" in (await fan()).text
    await travel(redis, shop.room, 10)
    assert "You are next." in (await fans[0]()).text
    assert "1 ahead of you." in (await fans[1]()).text


async def test_a_keeper_that_saw_no_room_before_makes_a_new_one_at_once(redis, shop):
    await redis.delete(*shop.room.keys.touched)
    newcomer = FrontDoor(Quart("new"), shop.room, RoomPolicy(Mode.OPEN, 600, 1)).keeper
    await newcomer.tick()
    assert not (await shop.room.snapshot()).recovering


async def test_a_process_whose_ticks_come_second_could_restore_as_well(redis, shop):
    other = FrontDoor(Quart("other"), shop.room, RoomPolicy(Mode.OPEN, 1, 1)).keeper
    await shop.room.steer(rate_per_minute=77)
    await shop.door.keeper.tick()
    await other.tick()
    assert other.frame is not None
    assert (other.frame.rate_per_minute, other.policy.rate_per_minute) == (77, 77)


async def test_a_redis_that_is_gone_is_no_dead_end():
    app = Quart(__name__)
    # Nobody listens on the discard port.
    unreachable = Redis(port=9, decode_responses=True, retry=Retry(NoBackoff(), 0))
    room = WaitingRoom(unreachable, "shop", secrets=["secret"])
    door = FrontDoor(app, room, RoomPolicy(Mode.OPEN, 600, 1))
    app.get("/")(door.admitted(lambda: None))  # type: ignore[arg-type, return-value]
    async with app.test_app() as running:
        told = await running.test_client().get("/", headers=BROWSER)
        assert told.status_code == 503
        assert b"The line is coming back" in await told.get_data()
        asked = await running.test_client().post("/queue")
        problem = await asked.get_json()
        assert (asked.status_code, problem["code"]) == (503, "room_lost")
        assert asked.headers["Retry-After"] == str(problem["retry_after"])


async def test_a_running_application_ticks_and_stops(redis, shop):
    frames = redis.pubsub(ignore_subscribe_messages=True)
    await frames.subscribe(shop.room.channel)
    async with shop.app.test_app():
        heard = [await anext(frames.listen()) for _ in range(2)]
    await frames.aclose()
    assert [message["type"] for message in heard] == ["message"] * 2
    assert shop.door.keeper._task.done()

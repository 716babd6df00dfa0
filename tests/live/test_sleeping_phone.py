"""A phone that sleeps ten minutes past its turn goes in next when it is back, by either door."""

import pytest

from tests.api.support import desk_line, open_sale, services
from tests.house import in_process, settings_for
from tests.waiting_room.support import travel
from waiting_room import State


@pytest.fixture
def settings(sqlite_url, redis_url, smtp, prefix):
    """Ticks so far apart that the test says when one is."""
    given = {"database_url": sqlite_url, "redis_url": redis_url, "smtp_url": smtp.url, "prefix": prefix}
    return settings_for(**given, tick_seconds=10)


async def pass_time(redis, room, seconds):
    await travel(redis, room, seconds)
    await room.tick()


async def sleep_past_the_turn(redis, room, ticket, absence):
    """With the phone asleep its turn comes and goes; then ten minutes pass in which nobody is called."""
    if absence == "page closed":
        await pass_time(redis, room, 301)
        await room.steer(max_active=1)
    else:
        await room.steer(max_active=1)
        await pass_time(redis, room, 10)
        assert (await room.look(ticket)).state is State.CALLED
        await pass_time(redis, room, 121)
    await pass_time(redis, room, 10)
    assert (await room.look(ticket)).state is State.MISSED
    await room.steer(max_active=0)
    await pass_time(redis, room, 600)


async def is_called_over_http(redis, room, phone, url, door):
    answer = await phone.post(url if door == "join" else f"{url}/claim")
    view = answer.json() if door == "join" else answer.json()["queue"]
    assert (answer.status_code, view["place"]) == (200 if door == "join" else 409, 1)
    await next_turn(redis, room)
    assert (await phone.get(url)).json()["state"] == "called"
    assert (await phone.post(f"{url}/claim")).status_code == 200


async def is_called_over_a_socket(redis, room, house, sale, ticket, door):
    async with desk_line(house, sale, Queue_Ticket=ticket) as line:
        answer = await line.ask(door)
        view = answer["body"] if door == "join" else answer["body"]["queue"]
        assert (answer["status"], view["place"]) == (200 if door == "join" else 409, 1)
        await next_turn(redis, room)
        while (await line.next("place"))["state"] != "called":
            pass
        assert (await line.ask("claim"))["status"] == 200


async def next_turn(redis, room):
    """One slot is free, and there is one tick."""
    await room.steer(max_active=1)
    await pass_time(redis, room, 10)


@pytest.mark.parametrize("door", ["join", "claim"])
@pytest.mark.parametrize("way", ["http", "socket"])
@pytest.mark.parametrize("absence", ["page closed", "page open"])
async def test_who_slept_ten_minutes_past_their_turn_is_next(settings, redis, absence, way, door):
    async with in_process(settings) as house:
        sale = await open_sale(house, max_active=0)
        room = await services(house).rooms.of(sale.event_id)
        async with house.visitor() as phone:
            url = f"/api/events/{sale.event_id}/queue"
            ticket = (await phone.post(url)).json()["ticket"]
            others = [await room.join(present=True) for _ in range(5)]
            await sleep_past_the_turn(redis, room, ticket, absence)
            if way == "http":
                await is_called_over_http(redis, room, phone, url, door)
            else:
                await is_called_over_a_socket(redis, room, house, sale, ticket, door)
        states = [(await room.look(other.ticket)).state for other in others]
        assert states.count(State.WAITING) == 4
        assert states[0] is State.MISSED, "who was called meanwhile, and did not come"

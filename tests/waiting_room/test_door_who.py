"""A front door that knows who asks: accounts, and limits on where they come from."""

from types import SimpleNamespace

from quart import Quart, request
from redis.asyncio import Redis

from waiting_room import Mode, RoomPolicy, WaitingRoom
from waiting_room.front_door import FrontDoor
from waiting_room.web import Newcomer

from .door import beat, browser


async def guarded(redis: Redis, prefix: str) -> SimpleNamespace:
    """A closed shop whose door knows accounts by a header, and lets each address take one place a minute."""

    async def who() -> Newcomer:
        return Newcomer(request.headers.get("Account"), {f"address:{request.headers['Address']}": 1})

    app = Quart(__name__)
    room = WaitingRoom(redis, "shop", secrets=["secret"], prefix=prefix)
    door = FrontDoor(app, room, RoomPolicy(Mode.OPEN, 60, 0), who=who)
    app.get("/")(door.admitted(lambda: None))  # type: ignore[arg-type, return-value]
    await door.keeper.ensure()
    return SimpleNamespace(app=app, door=door, room=room)


async def test_an_address_takes_only_so_many_places_at_the_door(redis, prefix):
    shop = await guarded(redis, prefix)
    here, there = {"Address": "here"}, {"Address": "there"}
    fan = browser(shop)
    assert "You are next." in (await fan(headers=here)).text
    told = await browser(shop)(headers=here)
    assert (told.status_code, "asks for yours again by itself" in told.text) == (429, True)
    assert int(told.headers["Refresh"]) > 3
    assert (await shop.app.test_client().post("/queue", headers=here)).status_code == 429
    assert (await fan(headers=here)).status_code == (await browser(shop)(headers=there)).status_code == 202


async def test_an_account_has_one_place_on_all_its_devices_and_nobody_elses(redis, prefix):
    shop = await guarded(redis, prefix)
    phone, desk = browser(shop), browser(shop)
    first = await phone(headers={"Account": "ann", "Address": "here"})
    again = await desk(headers={"Account": "ann", "Address": "there"})
    assert first.status_code == again.status_code == 202
    assert (await shop.room.snapshot()).waiting == 1
    # Ben signs in where Ann's ticket lies.
    assert "1 ahead of you." in (await desk(headers={"Account": "ben", "Address": "there"})).text
    await shop.room.steer(max_active=1)
    await beat(redis, shop)
    ticket = next(iter(first.headers["Set-Cookie"].split(";"))).partition("=")[2]
    sold = {"Queue-Ticket": ticket, "Address": "far", "Account": "ben", "Accept": "*/*"}
    assert (await shop.app.test_client().get("/", headers=sold)).status_code == 403

"""What the front door's tests share: a shop behind a door, browsers before it, ticks by hand."""

from types import SimpleNamespace
from typing import Any

from quart import Quart
from redis.asyncio import Redis

from waiting_room import Mode, RoomPolicy, WaitingRoom
from waiting_room.front_door import FrontDoor

from .support import travel

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


async def open_shop(redis: Redis, prefix: str) -> SimpleNamespace:
    """A shop with a door that lets one in at a time: its app, door and room."""
    app = Quart(__name__)
    room = WaitingRoom(redis, "shop", secrets=["secret"], prefix=prefix)
    door = FrontDoor(app, room, RoomPolicy(Mode.OPEN, 600, 1), title="The <shop>")

    @app.get("/")
    @door.admitted
    async def till() -> str:
        return "Come in."

    @app.post("/buy")
    @door.admitted
    async def buy() -> str:
        await door.finish()
        return "Bought."

    await door.keeper.ensure()
    return SimpleNamespace(app=app, door=door, room=room)


def browser(shop: SimpleNamespace) -> Any:
    """A browser of its own, with its own cookies; call it with a path."""
    client = shop.app.test_client()

    async def visit(path: str = "/", method: str = "GET", **more: Any) -> Any:
        headers = BROWSER | more.pop("headers", {})
        response = await client.open(path, method=method, headers=headers, **more)
        response.text = await response.get_data(as_text=True)
        return response

    return visit


async def beat(redis: Redis, shop: SimpleNamespace, seconds: float = 1) -> None:
    await travel(redis, shop.room, seconds)
    await shop.door.keeper.tick()

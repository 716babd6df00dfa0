"""A server that is not there, has nothing to sell, or lies."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart, websocket

from tests.house import command
from tests.servers import free_port
from ticketflow.crowd import api
from ticketflow.crowd.api import Api
from ticketflow.crowd.reply import NoSale

TYPE = {"id": 1, "name": "Floor", "price": 100, "capacity": 10, "remaining": 10, "seated": False}
EVENT = {
    "id": 7,
    "slug": "here",
    "name": "Here",
    "sale_state": "on_sale",
    "per_user_limit": 4,
    "ticket_types": [TYPE],
}
PLACE = {"ticket": "t", "state": "waiting", "place": 5, "ahead": 4, "wait_seconds": None}


def house_of_cards(frames: list[dict], *, register_status: int = 201) -> Quart:
    """A house that only pretends: it has one sale, and shows these frames to everybody."""
    app = Quart(__name__)
    app.add_url_rule("/readyz", "ready", lambda: {"ready": True})
    app.add_url_rule("/api/events", "events", lambda: [EVENT])
    account = ({"id": 1, "code": "made_up"}, register_status)
    app.add_url_rule("/api/register", "register", lambda: account, methods=["POST"])
    app.add_url_rule("/api/events/7/queue", "join", lambda: (PLACE, 201), methods=["POST"])

    @app.websocket("/ws/desk/7")
    async def desk() -> None:
        for frame in frames:
            await websocket.send(json.dumps(frame))
        while True:
            asked = json.loads(await websocket.receive())
            await websocket.send(
                json.dumps({"type": "reply", "id": asked["id"], "status": 204, "body": None})
            )

    return app


@asynccontextmanager
async def serving(app: Quart) -> AsyncIterator[str]:
    """The address of `app`, served for as long as the block lasts."""
    config, stop = Config(), asyncio.Event()
    door = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{door.getsockname()[1]}"
    config.bind = [f"fd://{door.detach()}"]
    config.errorlog = None
    served = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait))
    try:
        yield url
    finally:
        stop.set()
        await served


async def crowd(*args: str) -> tuple[int | None, str]:
    """Run the command; its exit code and all it says."""
    running = await asyncio.create_subprocess_exec(
        *command("crowd", *args), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    return running.returncode or await running.wait(), (await running.stdout.read()).decode()  # type: ignore[union-attr]


async def test_a_house_that_lies_is_found_out():
    rises = {"type": "place", **PLACE, "place": 6, "ahead": 5}
    stock = {"type": "stock", "sale_state": "on_sale", "remaining": {"1": -2}}
    over = {"type": "place", **PLACE, "state": "closed", "place": None, "ahead": None}
    async with serving(house_of_cards([rises, stock, over])) as url:
        code, said = await crowd("2", "--url", url, "--hurry", "100")
    assert code == 1
    assert "Error: a place rose (2)" in said
    assert "Error: stock below zero (2)" in said


async def test_an_error_of_the_server_is_an_error():
    async with serving(house_of_cards([], register_status=500)) as url:
        code, said = await crowd("2", "--url", url, "--hurry", "100")
    assert code == 1
    assert "Error: register was answered with 500 made_up (2)" in said


async def test_a_server_that_is_not_there_is_one_line():
    url = f"http://127.0.0.1:{free_port()}"
    code, said = await crowd("2", "--url", url)
    assert code == 1
    assert said == f"Error: The server at {url} does not answer. Is it running?\n"


async def test_an_event_that_is_not_there_is_one_line():
    async with serving(house_of_cards([])) as url:
        code, said = await crowd("2", "--url", url, "--event", "elsewhere")
    assert code == 1
    assert said == f"Error: There is no event 'elsewhere' at {url}.\n"


async def test_nothing_on_sale(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(api, "OPENING_SECONDS", 0)
    monkeypatch.setitem(EVENT, "sale_state", "scheduled")
    async with serving(house_of_cards([])) as url, Api(url) as house:
        with pytest.raises(NoSale, match="Nothing is on sale"):
            await house.find_sale(None)
        assert (await house.find_sale("here"))["id"] == 7

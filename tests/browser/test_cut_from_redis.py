"""A web that is cut off from Redis, in part or whole: its pages say so if it matters, and catch up."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect

from tests import servers
from tests.browser.stage import Stage, hook, mark, take_place, was_never_left
from tests.house import (
    House,
    Sale,
    Visitor,
    by_commands,
    doors_open,
    eventually,
    make_sale,
    settings_for,
    worker,
)
from tests.live.served import desk_url
from ticketflow.clients import make_database
from ticketflow.rooms import Rooms
from ticketflow.settings import Settings
from ticketflow.store.events import NewTicketType, Seat
from waiting_room import WaitingRoom

CUT_SECONDS = 10
STANDING = NewTicketType("Standing", 2500, 40)
BALCONY = NewTicketType("Balcony", 9900, 6, [Seat("Balcony", "A", number) for number in range(1, 7)])
MAY_BE_OLD = "What you see may be some seconds old. Your place is kept."


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[str]:
    """A server of this test's own, which is going to be kept from talking."""
    (tmp_path / "valkey").mkdir()
    with servers.valkey(tmp_path / "valkey") as url:
        yield url


class Wire:
    """A TCP proxy to a server, to be cut and mended."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: set[asyncio.StreamWriter] = set()
        self._whole = True

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, for as long as both sides and the wire hold."""
        if not self._whole:
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, far_writer}
        ways = [_pour(reader, far_writer), _pour(far_reader, writer)]
        await asyncio.gather(*ways)
        self._open -= {writer, far_writer}

    def cut(self) -> None:
        """End every connection, and every new one until it is mended."""
        self._whole = False
        for writer in self._open:
            writer.transport.abort()

    def mend(self) -> None:
        self._whole = True


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[tuple[Wire, str]]:
    """A wire to the Redis at that address, and the address at this end of it."""
    wire = Wire(int(url.rsplit(":", maxsplit=1)[-1].split("/", maxsplit=1)[0]))
    server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    try:
        yield wire, f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    finally:
        wire.cut()
        server.close()


class Scene:
    """Somebody who buys, some who wait, and the last of them, whose page is watched beside a bare socket."""

    def __init__(self, house: House, sale: Sale, stack: AsyncExitStack) -> None:
        self._house, self._sale, self._stack = house, sale, stack
        self.event_id = sale.event_id
        self._socket_shows: dict[str, Any] = {}
        self._tickets: list[str] = []
        self._place, self._left = 4, STANDING.capacity + BALCONY.capacity

    async def begin(self, stage: Stage) -> None:
        """Everybody comes; the page and the socket show how it is."""
        self._buyer = await self._come()
        await self._buyer.register()
        await self._buyer.come_in(self._sale)
        for _ in range(self._place - 1):
            self._tickets.append((await (await self._come()).join(self._sale)).json()["ticket"])
        self.fan = await stage.person()
        await take_place(self.fan, self._sale)
        await mark(self.fan)
        socket = await self._stack.enter_async_context(connect(desk_url(self._house, self._sale.event_id)))
        await socket.send(json.dumps({"id": 1, "do": "seats"}))
        reading = asyncio.create_task(self._read(socket))
        self._stack.callback(reading.cancel)
        await self.all_is_shown()

    async def _come(self) -> Visitor:
        return await self._stack.enter_async_context(self._house.visitor())

    async def _read(self, socket: ClientConnection) -> None:
        async for text in socket:
            frame = json.loads(text)
            self._socket_shows[frame["type"]] = frame.get("body", frame)

    async def one_seat_is_held(self) -> None:
        async def held() -> bool:
            answer = await self._buyer.hold(self._sale, type_id=self._sale.type_ids[1])
            # Who asks on a line that was cut is told to ask again.
            assert answer.status_code in (201, 503), answer.text
            return answer.status_code == 201

        await eventually(held)
        self._left -= 1

    async def one_ahead_leaves(self, room: WaitingRoom) -> None:
        await room.leave(self._tickets.pop())
        self._place -= 1

    async def all_is_shown(self) -> None:
        """The page tells the place and what is left; the socket tells which seats are free, and as many."""
        seats = BALCONY.capacity - (STANDING.capacity + BALCONY.capacity - self._left)
        await expect(hook(self.fan, "place")).to_have_text(str(self._place))
        await expect(self.fan.locator(f'[data-left="{self._sale.type_ids[1]}"] [data-number]')).to_have_text(
            str(seats)
        )

        async def told() -> bool:
            found = self._socket_shows
            free = (found.get("seats") or found.get("reply") or {}).get("free", {})
            bits = b64decode(free.get(str(self._sale.type_ids[1]), ""))
            remaining = found["stock"]["remaining"] if "stock" in found else {}
            return sum(remaining.values()) == self._left and int.from_bytes(bits).bit_count() == seats

        await eventually(told)
        assert await was_never_left(self.fan)


@asynccontextmanager
async def a_scene(settings: Settings, folder: Path, browser: Browser) -> AsyncIterator[Scene]:
    """A web that reaches its Redis by the settings' address, and a worker that does so, too."""
    sale = await make_sale(settings, types=[STANDING, BALCONY], max_active=1)
    async with AsyncExitStack() as stack:
        (house,) = await stack.enter_async_context(by_commands(settings, folder))
        stack.enter_context(worker(settings, folder))
        await doors_open(house, sale)
        stage = Stage(browser, house.url)
        scene = Scene(house, sale, stack)
        await scene.begin(stage)
        yield scene
        assert stage.complaints == []
        await stage.clear()


async def test_ten_seconds_without_pub_sub_and_then_without_redis_at_all(
    sqlite_url: str, own_redis: str, smtp: servers.Mailbox, browser: Browser, tmp_path: Path
):
    async with AsyncExitStack() as stack:
        wire, wired_url = await stack.enter_async_context(wire_to(own_redis))
        redis = await stack.enter_async_context(Redis.from_url(own_redis, decode_responses=True))
        settings = settings_for(database_url=sqlite_url, redis_url=wired_url, smtp_url=smtp.url, prefix="cut")
        database = await stack.enter_async_context(make_database(settings))
        scene = await stack.enter_async_context(a_scene(settings, tmp_path, browser))
        room = await Rooms(redis, database, settings).of(scene.event_id)

        back_at = asyncio.get_running_loop().time() + CUT_SECONDS
        await forbid_subscribing(redis)
        await scene.one_seat_is_held()
        await scene.one_ahead_leaves(room)
        # What cannot be heard is read: nobody on the page need know.
        await scene.all_is_shown()
        await expect(scene.fan.locator("[data-connection]")).to_have_text("")
        await asyncio.sleep(max(0, back_at - asyncio.get_running_loop().time()))
        await scene.one_seat_is_held()
        await scene.one_ahead_leaves(room)
        await allow_subscribing(redis)
        await scene.all_is_shown()

        wire.cut()
        await expect(scene.fan.locator("[data-connection]")).to_have_text(MAY_BE_OLD)
        await scene.one_ahead_leaves(room)
        wire.mend()
        await expect(scene.fan.locator("[data-connection]")).to_have_text("")
        await scene.one_seat_is_held()
        await scene.all_is_shown()


async def forbid_subscribing(redis: Redis) -> None:
    """Cut every subscription, and let nobody have one; everything else goes on."""
    await redis.execute_command("ACL", "SETUSER", "default", "-subscribe", "-psubscribe")
    assert await redis.client_kill_filter(_type="pubsub") >= 1


async def allow_subscribing(redis: Redis) -> None:
    await redis.execute_command("ACL", "SETUSER", "default", "+subscribe", "+psubscribe")

"""FLUSHALL in the middle of a sale: DESIGN 9.11 for the waiting room, with the real web and worker."""

import asyncio
import json
import shutil
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import connect

from tests import servers
from tests.house import Visitor, by_commands, doors_open, make_sale, settings_for, worker
from ticketflow.rooms import Rooms
from waiting_room import Frame, RoomLost, RoomPolicy, Standing, WaitingRoom

DIRECT, BY_HTTP, BY_SOCKET = 4_960, 20, 20
AT_ONCE = 50
RECOVERY = RoomPolicy.recovery_seconds


@pytest.fixture
def own_redis_url(tmp_path):
    """A server of this test's own: it is going to be emptied."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    with servers.valkey(folder) as url:
        yield url
    shutil.rmtree(folder)


class Fans:
    """All who wait: most straight on Redis, some over HTTP, some on desk sockets."""

    def __init__(self, room: WaitingRoom, house, sale) -> None:
        self.room, self._house, self._sale = room, house, sale
        self.orders: dict[str, int] = {}
        self.tickets: list[str] = []
        self.on_sockets: list[str] = []
        self._visitors: list[Visitor] = []
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def join(self, stack: AsyncExitStack) -> None:
        joined = await asyncio.gather(*(self._with(self.room.join(present=True)) for _ in range(DIRECT)))
        self.tickets = [standing.ticket for standing in joined]
        for standing in joined:
            self.orders[standing.visitor] = standing.order
        for _ in range(BY_HTTP):
            visitor = await stack.enter_async_context(self._house.visitor())
            self._know((await visitor.join(self._sale)).json()["ticket"])
            self._visitors.append(visitor)
        address = f"{self._house.url.replace('http', 'ws')}/ws/desk/{self._sale.event_id}"
        for _ in range(BY_SOCKET):
            socket = await stack.enter_async_context(connect(address))
            await socket.send(json.dumps({"id": 1, "do": "join"}))
            while (said := json.loads(await socket.recv()))["type"] != "reply":
                pass
            self.on_sockets.append(self._know(said["body"]["ticket"]))

    def _know(self, ticket: str) -> str:
        place = self.room.read_ticket(ticket)
        self.orders[place.visitor] = place.order
        return place.visitor

    async def come_back(self, until: float) -> None:
        """As many as come until that moment of the loop's clock, but for those on sockets: they do nothing.

        The last who came is the first to be back, and some come twice: nobody is two for it.
        """
        for answer in await asyncio.gather(*(v.get(self._path()) for v in self._visitors)):
            assert answer.status_code == 200, answer.text
        twice = 2
        while self.tickets and asyncio.get_running_loop().time() < until:
            some = [self.tickets.pop() for _ in range(min(200, len(self.tickets)))] * twice
            back = await asyncio.gather(*(self._with(self.room.join(t, present=True)) for t in some))
            twice = 1
            assert not any(standing.new for standing in back)

    def _path(self) -> str:
        return f"/api/events/{self._sale.event_id}/queue"

    async def _with(self, call) -> Standing:
        async with self._slots:
            standing: Standing = await call
            return standing


async def clock(redis: Redis) -> float:
    seconds, micros = await redis.time()
    return float(seconds + micros / 1e6)


async def is_back(room: WaitingRoom) -> Frame:
    while True:
        try:
            return await room.snapshot()
        except RoomLost:
            await asyncio.sleep(0.02)


async def first_admission(redis: Redis, room: WaitingRoom) -> Frame:
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe(room.channel)
        async for message in pubsub.listen():
            if message["type"] == "message" and (frame := Frame.parse(message["data"])).admitted_total:
                return frame
    raise AssertionError("the subscription ended")


async def sets_of(redis: Redis, room: WaitingRoom) -> tuple[dict[str, float], list[str]]:
    """The line with its orders, and everybody who is somewhere in the room; at one moment."""
    keys = room.keys
    async with redis.pipeline() as look:
        look.zrange(keys.waiting, 0, -1, withscores=True)
        for key in (keys.called, keys.active, keys.missed):
            look.zrange(key, 0, -1)
        line, *others = await look.execute()
    return dict(line), [visitor for visitor, _ in line] + [visitor for them in others for visitor in them]


async def test_everything_is_lost_and_nobody_loses_their_place(sqlite_url, own_redis_url, smtp, tmp_path):
    settings = settings_for(
        database_url=sqlite_url, redis_url=own_redis_url, smtp_url=smtp.url, prefix="lost", redis_pool=100
    )
    sale = await make_sale(settings, rate_per_minute=600)
    async with AsyncExitStack() as stack:
        redis = Redis.from_url(own_redis_url, decode_responses=True)
        stack.push_async_callback(redis.aclose)
        (house,) = await stack.enter_async_context(by_commands(settings, tmp_path))
        stack.enter_context(worker(settings, tmp_path))
        await doors_open(house, sale)
        room = await Rooms(redis, house.database, settings).of(sale.event_id)
        fans = Fans(room, house, sale)
        await fans.join(stack)

        admitted = asyncio.create_task(first_admission(redis, room))
        lost_at = await clock(redis)
        await redis.flushall()
        back = await is_back(room)
        window_ends = asyncio.get_running_loop().time() + RECOVERY - 1
        await fans.come_back(window_ends)
        line, everybody = await sets_of(redis, room)
        assert (await room.snapshot()).recovering
        in_time = DIRECT - len(fans.tickets)
        assert in_time >= 1_000
        assert line == {visitor: fans.orders[visitor] for visitor in everybody}, "each has the order they had"
        assert len(line) == in_time + BY_HTTP + BY_SOCKET
        assert set(fans.on_sockets) <= line.keys(), "who has a socket is back without having done anything"

        waited = (await admitted).at / 1e6 - lost_at
        print(f"\n{in_time} came back in time; back {back.at / 1e6 - lost_at:.2f} s after the loss,", end="")
        print(f" admitting after {waited:.1f} s")
        assert waited <= 15
        await fans.come_back(float("inf"))
        line, everybody = await sets_of(redis, room)
        assert sorted(everybody) == sorted(fans.orders), "nobody twice, nobody missing"
        assert all(order == fans.orders[visitor] for visitor, order in line.items())

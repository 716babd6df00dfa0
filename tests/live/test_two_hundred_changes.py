"""A reader of a socket through 200 random changes of the stock, with drops before and behind the web."""

import asyncio
import json
import secrets
from contextlib import AsyncExitStack, suppress
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.api.support import services
from tests.house import House, Sale, Visitor, make_sale, settings_for
from tests.live.served import served, stock_url
from ticketflow.live.hub import Hub
from ticketflow.settings import Settings
from ticketflow.store.events import NewTicketType

CHANGES = 200
STANDING, BALCONY = NewTicketType("Standing", 2500, 40), NewTicketType("Balcony", 4000, 12)
SOON_SECONDS = 1.0
"""When nothing is broken, what is told as left is true to the second."""
PATIENCE_SECONDS = 20.0
"""For who must find their way back first."""


@pytest.fixture
def settings(sqlite_url: str, redis_url: str, smtp, prefix: str) -> Settings:
    given = {"database_url": sqlite_url, "redis_url": redis_url, "smtp_url": smtp.url, "prefix": prefix}
    # A result that falls into a cut is not heard, and the fan is answered "later".
    return settings_for(**given, booking_wait_seconds=0.2)


class Reader:
    """Somebody's page: it shows the newest frame it was ever sent, on whichever connection."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: ClientConnection | None = None
        self._news = asyncio.Event()
        self.shown: dict[str, int] = {}
        self._newest = (0, 0)
        self.frames = self.connections = 0

    async def read(self) -> None:
        """Until cancelled, on one connection after the other."""
        while True:
            with suppress(WebSocketException, OSError):
                async with connect(self._url) as self._connection:
                    self.connections += 1
                    async for text in self._connection:
                        self._take(json.loads(text))

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] != "stock":
            return
        version = (frame["epoch"], frame["version"])
        assert version >= self._newest, f"{version} came after {self._newest}"
        assert min(frame["remaining"].values()) >= 0
        self._newest, self.shown = version, frame["remaining"]
        self.frames += 1
        self._news.set()

    def drop(self) -> bool:
        """Cut the wire, without a word of either side. Gives whether there was one."""
        if self._connection is None:
            return False
        self._connection.transport.abort()
        return True

    async def shows(self, left: dict[str, int]) -> None:
        while self.shown != left:
            self._news.clear()
            await self._news.wait()


class Crowd:
    """Fans who hold, let go and buy at random."""

    def __init__(self, house: House, sale: Sale, fans: list[Visitor], dice: Random) -> None:
        self._house, self._sale, self._fans, self._dice = house, sale, fans, dice
        self._holds: list[tuple[Visitor, str]] = []
        self.changes = 0

    async def act(self) -> None:
        """One of the three, if it is possible."""
        what = self._dice.random()
        if what < 0.5 or not self._holds:
            fan, kind = self._dice.choice(self._fans), self._dice.choice(self._sale.type_ids)
            answer = await fan.hold(self._sale, self._dice.randint(1, 3), kind)
            if answer.status_code == 201:
                self._holds.append((fan, answer.json()["id"]))
        else:
            fan, hold_id = self._holds.pop(self._dice.randrange(len(self._holds)))
            answer = await (fan.book(hold_id) if what > 0.95 else fan.delete(f"/api/holds/{hold_id}"))
        if answer.status_code == 403:  # a purchase has ended the turn
            await fan.come_in(self._sale)
        assert answer.status_code in (201, 202, 204, 403, 409, 410, 422), answer.text
        self.changes += answer.is_success

    async def left(self) -> dict[str, int]:
        """What Redis counts, behind the web's back."""
        found = services(self._house)
        event = found.catalogue.event(self._sale.event_id)
        counts = await found.stock.counts(event)
        assert counts is not None
        return {str(kind): left for kind, left in counts.remaining.items()}


async def check_a_reader_is_told_the_truth(settings: Settings, redis: Redis, *, patience: float) -> None:
    seed = secrets.randbelow(10**6)
    print(f"\nseed {seed}")
    dice = Random(seed)
    sale = await make_sale(settings, types=[STANDING, BALCONY], per_user_limit=40)
    async with served(settings) as house, AsyncExitStack() as stack:
        fans = [await stack.enter_async_context(house.visitor()) for _ in range(4)]
        for fan in fans:
            await fan.register()
            await fan.come_in(sale)
        reader, crowd = Reader(stock_url(house, sale.event_id)), Crowd(house, sale, fans, dice)
        reading = asyncio.create_task(reader.read())
        drops, cuts = 0, 0
        while crowd.changes < CHANGES:
            seconds = SOON_SECONDS
            if dice.random() < 0.3 and reader.drop():
                drops, seconds = drops + 1, patience
            if dice.random() < 0.15 or not cuts:
                await redis.client_kill_filter(_type="pubsub")
                cuts, seconds = cuts + 1, patience
            await asyncio.gather(*(crowd.act() for _ in range(dice.randint(1, 12))))
            await reader_shows(reader, reading, await crowd.left(), seconds)
        event = (await fans[0].get(f"/api/events/{sale.event_id}")).json()
        assert reader.shown == {str(kind["id"]): kind["remaining"] for kind in event["ticket_types"]}
        print(f"{crowd.changes} changes, {reader.frames} frames, {drops} drops, {cuts} cuts behind the web")
        assert reader.connections >= drops > 1
        reading.cancel()
        await asyncio.wait({reading})


async def reader_shows(
    reader: Reader, reading: "asyncio.Task[None]", left: dict[str, int], seconds: float
) -> None:
    """Return once the reader shows that; fail with what the reader has found wrong, or when time is up."""
    shown = asyncio.create_task(reader.shows(left))
    done, _ = await asyncio.wait({shown, reading}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    shown.cancel()
    if reading in done:
        reading.result()
    assert shown in done, f"{reader.shown} is shown after {seconds:g} s, and {left} is left"


async def test_two_hundred_changes_and_the_reader_is_told_the_truth(settings: Settings, redis: Redis):
    await check_a_reader_is_told_the_truth(settings, redis, patience=PATIENCE_SECONDS)


async def test_control_a_hub_that_does_not_read_after_a_cut_is_caught(
    settings: Settings, redis: Redis, monkeypatch: pytest.MonkeyPatch
):
    refresh = Hub.refresh

    async def once(hub: Hub) -> None:
        if not hub.ready.is_set():
            await refresh(hub)

    monkeypatch.setattr(Hub, "refresh", once)
    with pytest.RaisesGroup(pytest.RaisesExc(AssertionError, match="is shown after"), flatten_subgroups=True):
        await check_a_reader_is_told_the_truth(settings, redis, patience=2 * SOON_SECONDS)

"""Who takes nothing and who is gone without a goodbye: dropped in a bounded time, and no other feels it."""

import asyncio
import ctypes
import json
import socket
import struct
import sys
from contextlib import nullcontext
from dataclasses import replace

import pytest
from hypercorn.config import Config
from websockets.asyncio.client import ClientConnection, connect

from tests.api.support import services
from tests.house import House, Sale, eventually, make_sale, settings_for
from tests.live.served import served, stock_url
from ticketflow.live import open_sockets
from ticketflow.settings import Settings
from ticketflow.web import serving

MORE_THAN_BUFFERS_HOLD = 64_000_000
IDLE_SECONDS, LONG_SECONDS = 1.5, 600.0
SO_ATTACH_FILTER, DROP_ALL = 26, struct.pack("HBBI", 6, 0, 0, 0)
"""A filter of one instruction, "take none of it": to the others it is as if the network were gone."""
linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel decides when")


@pytest.fixture
def settings(sqlite_url: str, redis_url: str, smtp, prefix: str) -> Settings:
    given = {"database_url": sqlite_url, "redis_url": redis_url, "smtp_url": smtp.url, "prefix": prefix}
    return settings_for(**given, socket_idle_seconds=IDLE_SECONDS)


async def check_only_the_dead_are_dropped(
    settings: Settings, die: "type[Stopped]", *, stays: bool = False
) -> None:
    """Two watch a sale, one dies; the other is told of a change before and after."""
    sale = await make_sale(settings)
    async with served(settings) as house:
        # Compressed, a filler would be no burden at all.
        dead = die(house, await connect(stock_url(house, sale.event_id), compression=None))
        try:
            async with connect(stock_url(house, sale.event_id)) as lively:
                dead.come_about()
                await hears_of_a_change(house, sale, lively)
                with pytest.raises(TimeoutError) if stays else nullcontext():
                    await only_one_left(house, 3 * IDLE_SECONDS if stays else 20)
                await hears_of_a_change(house, sale, lively)
                if not stays:
                    await dead.knows()
        finally:
            dead.connection.transport.abort()


async def only_one_left(house: House, seconds: float) -> None:
    async def so() -> bool:
        return len(services(house).open_sockets) == 1

    await eventually(so, seconds=seconds)


async def hears_of_a_change(house: House, sale: Sale, lively: ClientConnection) -> None:
    async with house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        assert (await fan.hold(sale)).status_code == 201
    # From the stock itself: what the API tells, the process may not have heard yet.
    stock = services(house).stock
    counts = await services(house).redis.hgetall(stock.keys(sale.event_id).stock)
    left = int(counts[f"free:{sale.type_ids[0]}"])
    async with asyncio.timeout(30):
        while True:
            said = json.loads(await lively.recv())
            if said["type"] == "stock" and list(said["remaining"].values()) == [left]:
                return


class Stopped:
    """A reader that takes nothing more, though its machine is well."""

    def __init__(self, house: House, connection: ClientConnection) -> None:
        self.connection = connection
        (self._line,) = services(house).open_sockets._all

    def come_about(self) -> None:
        """More is sent than the wire and the buffers on it hold."""
        self.connection.transport.pause_reading()
        self._line.slot.reply(json.dumps({"type": "filler", "text": "x" * MORE_THAN_BUFFERS_HOLD}))

    async def knows(self) -> None:
        """When it wakes it finds the connection at its end, and can reconnect."""
        self.connection.transport.resume_reading()
        await self.connection.wait_closed()


class Vanished(Stopped):
    """A phone that left its network: nothing reaches it, and nothing comes back, not even an end."""

    def come_about(self) -> None:
        program = ctypes.create_string_buffer(DROP_ALL)
        wire: socket.socket = self.connection.transport.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))

    async def knows(self) -> None:
        """It cannot."""


async def test_a_reader_that_takes_nothing_is_dropped(settings: Settings):
    await check_only_the_dead_are_dropped(settings, Stopped)


async def test_control_a_patient_house_keeps_it(settings: Settings):
    patient = replace(settings, socket_idle_seconds=LONG_SECONDS)
    await check_only_the_dead_are_dropped(patient, Stopped, stays=True)


@linux
async def test_who_vanished_without_a_goodbye_is_dropped(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(open_sockets, "PING_SECONDS", 0.2)
    await check_only_the_dead_are_dropped(settings, Vanished)


@linux
async def test_control_a_patient_kernel_keeps_them(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(open_sockets, "PING_SECONDS", 0.2)
    monkeypatch.setattr(serving._Config, "create_sockets", Config.create_sockets)
    await check_only_the_dead_are_dropped(settings, Vanished, stays=True)


async def test_in_a_quiet_sale_each_socket_is_pinged(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """What is never sent is never missed: without pings nobody would know who has vanished."""
    monkeypatch.setattr(open_sockets, "PING_SECONDS", 0.2)
    sale = await make_sale(settings)
    async with (
        served(settings) as house,
        asyncio.timeout(20),
        connect(stock_url(house, sale.event_id)) as one,
        connect(stock_url(house, sale.event_id)) as two,
    ):
        for socket_ in (one, two):
            while json.loads(await socket_.recv())["type"] != "ping":
                pass

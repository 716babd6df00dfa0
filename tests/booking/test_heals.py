"""The worst in the middle of a sale: nothing is oversold, nothing lost, and the sale goes on by itself."""

import asyncio
import random
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests import servers
from tests.booking.auditing import auditor_of
from tests.booking.sellout import CAPACITY, SellOut, sell_out
from tests.booking.support import services
from tests.house import settings_for
from ticketflow import clients
from ticketflow.booking import auditor, cashier
from ticketflow.payments import GatewayTimeout, SimulatedGateway
from ticketflow.settings import Settings
from ticketflow.store.tables import metadata

QUARTER = CAPACITY // 4


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for minutes in a house waits for moments here."""
    monkeypatch.setattr(auditor, "LOOK_AGAIN_SECONDS", (0.1, 0.2))
    monkeypatch.setattr(cashier, "LOOK_UP_SECONDS", 0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where a server of the test's own keeps its data; it is large."""
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)


async def test_counters_and_bits_set_to_nonsense(settings: Settings):
    async def nonsense(selling: SellOut) -> None:
        found, kind = services(selling.house), selling.sale.type_ids[0]
        keys = found.stock.keys(selling.sale.event_id)
        for free, sold, bits in (("many", 3, b"\xaa" * 20), (9999, -4, b"\xff" * 40), (0, 0, b"")):
            await selling.sold(QUARTER)
            await found.redis.hset(keys.stock, mapping={f"free:{kind}": free, f"sold:{kind}": sold})
            await found.redis.set(keys.units(kind), bits)
            await found.redis.hset(
                keys.stock, mapping={"version": sold, "epoch": free, "closed_until": 10**17}
            )
            await found.redis.hset(keys.holds, "1-junk", b"\xff\xfe")
            await found.redis.zadd(keys.stock.replace(":stock", ":expiry"), {"1-gone": "inf", "1-junk": 0})

    await sell_out(replace(settings, audit_seconds=1, settle_after_seconds=0.5), nonsense)


async def test_stock_rebuilt_again_and_again(settings: Settings):
    """The sale goes on beside it; who would hold waits a moment."""

    async def rebuild(selling: SellOut) -> None:
        _, rebuilder = auditor_of(selling.house)
        event = services(selling.house).catalogue.find(selling.sale.event_id)
        assert event is not None
        while await selling.tickets() < CAPACITY:
            await rebuilder.rebuild(event)
            await asyncio.sleep(0.05)

    await sell_out(replace(settings, settle_after_seconds=0.5), rebuild)


async def test_all_of_redis_lost(mariadb_url: str, smtp: servers.Mailbox, prefix: str, folder: Path):
    async def flush(selling: SellOut) -> None:
        await selling.sold(QUARTER)
        await services(selling.house).redis.flushall()

    with servers.valkey(folder) as url:
        given = settings_for(database_url=mariadb_url, redis_url=url, smtp_url=smtp.url, prefix=prefix)
        await sell_out(replace(given, audit_seconds=1, settle_after_seconds=0.5), flush)


class Flaky(SimulatedGateway):
    """Every fifth call has no answer; of those, every second has had its effect."""

    _dice = random.Random(4)

    def _lost(self) -> bool:
        return self._dice.random() < 0.1

    async def authorise(self, *args):
        self._maybe()
        answer = await super().authorise(*args)
        self._maybe()
        return answer

    async def find(self, key):
        self._maybe()
        return await super().find(key)

    async def capture(self, key):
        self._maybe()
        await super().capture(key)
        self._maybe()

    async def void(self, key):
        self._maybe()
        await super().void(key)
        self._maybe()

    async def recent(self, since):
        self._maybe()
        async for charge in super().recent(since):
            yield charge
        self._maybe()

    def _maybe(self) -> None:
        if self._lost():
            raise GatewayTimeout


async def test_a_gateway_that_is_silent_every_fifth_time(
    sqlite_url: str, redis_url: str, smtp: servers.Mailbox, prefix: str, monkeypatch: pytest.MonkeyPatch
):
    async def nothing_more(selling: SellOut) -> None:
        assert isinstance(services(selling.house).gateway, Flaky)

    monkeypatch.setattr(clients, "SimulatedGateway", Flaky)
    given = settings_for(database_url=sqlite_url, redis_url=redis_url, smtp_url=smtp.url, prefix=prefix)
    await sell_out(replace(given, audit_seconds=1, settle_after_seconds=0.5), nothing_more)


async def test_the_database_restarted(redis_url: str, smtp: servers.Mailbox, prefix: str, folder: Path):
    port = servers.make_mariadb(folder)
    with ExitStack() as first, ExitStack() as second:
        server = first.enter_context(servers.running_mariadb(folder, port))
        server.run("CREATE DATABASE sale CHARACTER SET utf8mb4")
        servers.create_tables(f"mysql+pymysql://root@127.0.0.1:{port}/sale", metadata)

        async def restart(selling: SellOut) -> None:
            await selling.sold(QUARTER)
            await asyncio.to_thread(first.close)
            await asyncio.to_thread(second.enter_context, servers.running_mariadb(folder, port))

        url = f"mysql+aiomysql://root@127.0.0.1:{port}/sale"
        given = settings_for(database_url=url, redis_url=redis_url, smtp_url=smtp.url, prefix=prefix)
        await sell_out(replace(given, audit_seconds=1, settle_after_seconds=0.5), restart)

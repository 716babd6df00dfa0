"""`ticketflow audit` and `ticketflow rebuild` as an operator runs them, and the audit that runs by itself."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData

from tests import servers
from tests.booking.auditing import Books, kept_books
from tests.booking.support import services, stock_is, working
from tests.house import command, environment, eventually, make_sale, settings_for
from ticketflow.booking import auditor
from ticketflow.settings import Settings


@pytest.fixture
def on_sqlite(sqlite_url: str, redis_url: str, smtp: servers.Mailbox, prefix: str) -> Settings:
    """Commands are processes, and slow to start: once is enough."""
    return settings_for(database_url=sqlite_url, redis_url=redis_url, smtp_url=smtp.url, prefix=prefix)


async def run(settings: Settings, *args: str, stderr: int | None = None) -> tuple[int, str]:
    """How a command ends and what it says."""
    process = await asyncio.create_subprocess_exec(
        *command(*args), env=environment(settings), stdout=asyncio.subprocess.PIPE, stderr=stderr
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def free_an_occupied_unit(books: Books) -> None:
    await books.redis.setbit(books.key("units"), 0, 1)


async def test_it_prints_a_table_ends_with_one_and_mends_when_asked(on_sqlite: Settings):
    async with kept_books(on_sqlite) as books:
        code, said = await run(on_sqlite, "audit")
        assert (code, "agree" in said) == (0, True), said
        await free_an_occupied_unit(books)
        code, said = await run(on_sqlite, "audit", books.sale.slug)
        assert code == 1
        assert "free count" in said
        assert "Standing" in said
        code, said = await run(on_sqlite, "audit", str(books.sale.event_id), "--repair")
        assert (code, "3 of 3 differences are mended." in said) == (0, True), said
        await stock_is(books.house, books.sale, free=15, held=3, sold=2)


async def test_it_tells_a_machine(on_sqlite: Settings):
    async with kept_books(on_sqlite) as books:
        await free_an_occupied_unit(books)
        code, said = await run(on_sqlite, "audit", "--json")
        body: dict[str, Any] = json.loads(said)
        assert (code, body["clean"], body["gateway_answered"]) == (1, False, True)
        assert {d["kind"] for d in body["differences"]} == {"count", "sum", "sold_but_free"}
        code, said = await run(on_sqlite, "audit", "--json", "--repair")
        body = json.loads(said)
        assert (code, body["clean"], body["differences"]) == (0, True, [])
        assert {d["kind"] for d in body["repaired"]} == {"count", "sum", "sold_but_free"}


async def test_what_cannot_be_audited_is_told_in_one_line_and_ends_with_two(
    on_sqlite: Settings, mariadb: servers.MariaDB, tmp_path: Path
):
    await make_sale(on_sqlite)
    with mariadb.fresh(MetaData()) as without_tables:
        for settings in (
            replace(on_sqlite, database_url=without_tables),
            replace(on_sqlite, database_url=f"sqlite+aiosqlite:///{tmp_path}/nowhere/books.db"),
            replace(on_sqlite, redis_url=f"redis://127.0.0.1:{servers.free_port()}/0"),
        ):
            code, said = await run(settings, "audit", stderr=asyncio.subprocess.STDOUT)
            assert (code, said.count("\n")) == (2, 1), said
            assert said.startswith("Error: ")
    code, said = await run(on_sqlite, "audit", "nowhere", stderr=asyncio.subprocess.STDOUT)
    assert (code, said.count("\n")) == (2, 1), said


async def test_rebuild_keeps_the_holds_and_knows_its_events(on_sqlite: Settings):
    async with kept_books(on_sqlite) as books:
        found = services(books.house)
        before = await found.stock.counts(books.event)
        await free_an_occupied_unit(books)
        assert await run(on_sqlite, "rebuild", books.sale.slug) == (
            0,
            "The stock is rebuilt. Holds kept: 1, ended: 0.\n",
        )
        after = await found.stock.counts(books.event)
        assert before is not None
        assert after is not None
        assert after.epoch > before.epoch
        await stock_is(books.house, books.sale, free=15, held=3, sold=2)
        assert (await run(on_sqlite, "rebuild", "nowhere"))[0] == 1


async def test_who_would_hold_while_it_is_rebuilt_is_asked_to_come_back(settings: Settings):
    async with kept_books(settings) as books, books.house.visitor() as fan:
        found = services(books.house)
        await fan.register()
        await fan.come_in(books.sale)
        leases = (await found.rooms.of(books.sale.event_id)).keys.active
        await books.rebuilder._inspection.close(books.event, leases)
        refused = await fan.hold(books.sale)
        assert (refused.status_code, refused.json()["code"]) == (503, "not_ready")
        assert int(refused.headers["Retry-After"]) > 0
        await books.rebuilder.rebuild(books.event)
        assert (await fan.hold(books.sale)).status_code == 201


async def test_a_worker_finds_and_mends_by_itself(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(auditor, "LOOK_AGAIN_SECONDS", (0.01, 0.01))
    async with kept_books(settings) as books:
        await free_an_occupied_unit(books)
        async with working(replace(settings, audit_seconds=1)), working(replace(settings, audit_seconds=1)):

            async def mended() -> bool:
                return await books.found() == set()

            await eventually(mended)
            await stock_is(books.house, books.sale, free=15, held=3, sold=2)


async def test_one_worker_audits_in_each_minute(settings: Settings):
    async with kept_books(settings) as books:
        turns = [await books.auditor._our_turn() for _ in range(3)]
        assert turns == [True, False, False]
        assert 50_000 < await books.redis.pttl(f"{settings.redis_prefix}:audit:turn") < 60_000

"""Each figure of the desk is what a recount finds: within a frame in a crowd, and once all is quiet."""

import asyncio
import io
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis
from rich.console import Console

from tests.api.support import cookies_of
from tests.figures.recount import EXACT, Recount, Recounter, ages, seen, wrong
from tests.house import House, Sale, by_commands, doors_open, eventually, make_sale, worker
from ticketflow.crowd.character import BAD, GOOD, SLOW, Character
from ticketflow.crowd.run import Plan, run_crowd
from ticketflow.crowd.tally import Tally
from ticketflow.settings import Settings
from ticketflow.store.events import NewTicketType

CROWD = int(os.environ.get("TICKETFLOW_DESK_CROWD", "40"))
"""`make desk` lets 2,000 come."""
FULL = CROWD > 500
HURRY = 1.5 if FULL else 30.0
KINDS = (
    *[Character(wants=2)] * 8,
    *[Character(wants=1), Character(wants=4, cards=(SLOW,)), Character(cards=(BAD, GOOD))] * 3,
    Character(cards=(BAD, BAD)),
    Character(gives_back=True),
    Character(lets_turn_pass=True),
    Character(patience=20),
    Character(patience=40),
)


@pytest.fixture
def database_url(mariadb_url: str) -> str:
    """What the desk counts is the same on both; many at once are MariaDB's business."""
    return mariadb_url


@asynccontextmanager
async def watched(house: House, sale: Sale, recounter: Recounter) -> AsyncIterator[None]:
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        work = recounter.keep_counting(), recounter.keep_looking(house, cookies_of(organiser))
        tasks = [asyncio.create_task(each) for each in work]
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def let_come(house: House, sale: Sale) -> Tally:
    console = Console() if FULL else Console(file=io.StringIO())
    plan = Plan(house.url, CROWD, sale.slug, HURRY, arrivals=None if FULL else 60, characters=KINDS)
    tally = await run_crowd(plan, console)
    assert not tally.errors, tally.errors
    return tally


@pytest.mark.timeout(1_800 if FULL else 240)
async def test_each_figure_equals_a_recount(settings: Settings, redis: Redis, tmp_path: Path):
    mine = replace(settings, claim_seconds=30 if FULL else 5, sockets_per_account=0, tick_seconds=0.5)
    sale = await make_sale(
        mine,
        types=[NewTicketType("Standing", 2500, 3 * CROWD)],
        rate_per_minute=600 if FULL else 900,
        fee_basis_points=500,
    )
    async with by_commands(mine, tmp_path) as [house]:
        with worker(mine, tmp_path):
            await doors_open(house, sale)
            recounter = Recounter(redis, house.database, mine, sale, 3 * CROWD)
            async with watched(house, sale, recounter):
                tally = await let_come(house, sale)
                missed = sum(KINDS[n % len(KINDS)].lets_turn_pass for n in range(CROWD))
                try:
                    last = await eventually(lambda: quiet(recounter, missed), seconds=40)
                except TimeoutError:
                    s, c = recounter.seen[-1], recounter.counts[-1]
                    print("NOTQUIET", missed, tally.outcomes, "SEEN", s.of, "COUNT", c.of, s.at - c.ended)
                    raise
            assert wrong(recounter.seen, recounter.counts) == []
            assert {name: last.of[name] for name in EXACT} == {
                name: recounter.counts[-1].of[name] for name in EXACT
            }
            frame = last.frame
            assert (frame["joins_total"], frame["missed_total"]) == (CROWD, missed)
            assert frame["admitted_total"] == frame["funnel"]["admitted"] == len(tally.waits)
            assert frame["payment_failures"] == tally.refusals["payment_declined"]
            tickets = "SELECT COUNT(*) FROM tickets WHERE event_id = :event"
            written = await house.database.fetch_val(tickets, {"event": sale.event_id})
            assert frame["sold"] == tally.tickets == written
            real = frame["waits_real"]
            assert real["admitted"]["count"] == len(tally.waits)
            assert real["left"]["count"] == CROWD - len(tally.waits)
            waits = sorted(tally.waits)
            for name, share in (("p50", 0.5), ("p90", 0.9)):
                measured = waits[int(share * len(waits))]
                # The fan knows of it a frame later, and on a busy machine later still.
                assert abs(real["admitted"][name] - measured) <= 0.06 * measured + 1.5
            fresh = sum("revenue" in frame.of for frame in recounter.seen)
            assert fresh > 0
            old = ages(recounter.seen)
            p50, p99 = old[len(old) // 2], old[len(old) * 99 // 100]
            told = (
                f"{len(recounter.seen)} frames, {fresh} with fresh books, {len(recounter.counts)} recounts;"
            )
            told += f" the newest frame's age: p50 {p50:.2f} s, p99 {p99:.2f} s, most {old[-1]:.2f} s"
            print(told)
            if FULL:
                assert p99 <= 1.0, told


async def quiet(recounter: Recounter, missed: int):
    """The last frame, once nobody moves any more: no letter waits, and no-shows are known as such."""
    if len(recounter.counts) < 3 or not recounter.seen:
        return None
    last, before = recounter.seen[-1], recounter.counts[-2]
    still = all(last.of.get(name) == before.of[name] for name in EXACT)
    over = last.of["missed_total"] == missed and not any(
        last.of.get(name, 1) for name in ("waiting", "called", "active", "letters", "orders")
    )
    return last if still and over and last.at > before.begun else None


def test_control_a_figure_that_is_off_is_found():
    of = dict.fromkeys((*EXACT, "gone"), 7)
    frame = dict.fromkeys(EXACT, 7) | {
        "at": "2026-11-29T11:00:00.000Z",
        "books_at": "2026-11-29T11:00:00.000Z",
        "funnel": {"paid": 7, "held": 7},
        "backlog": {"ledger": 7, "mail": 7},
    }
    at = seen(frame).at
    counts = [Recount(at - 1, at - 0.5, of), Recount(at + 10**9, at + 10**9, of)]
    assert wrong([seen(frame)], counts) == []
    for name in ("waiting", "revenue", "paying"):
        assert wrong([seen({**frame, name: 8})], counts) == [f"{name}: 8 is not from 7 to 7"]

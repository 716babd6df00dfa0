"""A small crowd in a hurry at a real house: web and worker as commands."""

import asyncio
import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.house import House, Sale, by_commands, command, environment, make_sale, worker
from ticketflow.crowd.character import BAD, GOOD, LOST, SLOW, Character
from ticketflow.crowd.run import Plan, run_crowd
from ticketflow.crowd.tally import Outcome, Phase, Tally
from ticketflow.settings import Settings
from ticketflow.store.events import NewTicketType

HURRY = 60.0


@pytest.fixture
def database_url(mariadb_url: str) -> str:
    """A crowd sees no database: one is enough."""
    return mariadb_url


def silent() -> Console:
    return Console(file=io.StringIO(), width=100)


async def let_come(house: House, sale: Sale, *characters: Character, size: int, stop=None) -> Tally:
    plan = Plan(house.url, size, sale.slug, HURRY, arrivals=200, characters=characters)
    tally = await run_crowd(plan, silent(), stop)
    assert tally.phases == {**dict.fromkeys(tally.phases, 0), Phase.GONE: tally.arrived}
    assert tally.outcomes.total() == tally.arrived
    return tally


async def in_database(house: House, sale: Sale) -> tuple[int, int]:
    """Confirmed bookings and tickets of a sale."""
    named = {"event": sale.event_id}
    booked = "SELECT count(*) FROM bookings WHERE event_id = :event AND status = 'confirmed'"
    tickets = "SELECT count(*) FROM tickets WHERE event_id = :event"
    return await house.database.fetch_val(booked, named), await house.database.fetch_val(tickets, named)


async def test_the_tally_is_what_the_database_says(settings: Settings, tmp_path: Path):
    sale = await make_sale(settings, rate_per_minute=1200)
    kinds = (
        Character(wants=1),
        Character(wants=3, cards=(SLOW,)),
        Character(cards=(BAD, GOOD)),
        Character(cards=(LOST,)),
        Character(cards=(BAD, BAD)),
        Character(gives_back=True),
        Character(lets_turn_pass=True),
        Character(wants=4),
    )
    async with by_commands(settings, tmp_path) as [house]:
        with worker(settings, tmp_path):
            tally = await let_come(house, sale, *kinds, size=40)
            assert not tally.errors, tally.errors
            assert tally.outcomes == {
                Outcome.BOOKED: 25,
                Outcome.DECLINED: 5,
                Outcome.GAVE_BACK: 5,
                Outcome.MISSED_TURN: 5,
            }
            assert (tally.arrived, tally.admitted, len(tally.waits)) == (40, 35, 40)
            assert tally.refusals == {"payment_declined": 15}
            assert (tally.bookings, tally.tickets) == (25, 5 * (1 + 3 + 2 + 2 + 4))
            assert await in_database(house, sale) == (tally.bookings, tally.tickets)


async def test_when_all_is_sold_the_rest_is_refused_and_goes(settings: Settings, tmp_path: Path):
    sale = await make_sale(settings, types=(NewTicketType("Standing", 2500, 7),))
    async with by_commands(settings, tmp_path) as [house]:
        with worker(settings, tmp_path):
            tally = await let_come(house, sale, Character(wants=1), size=25)
            assert not tally.errors, tally.errors
            assert tally.outcomes == {Outcome.BOOKED: 7, Outcome.REFUSED: 18}
            assert tally.refusals["sold_out"] >= 18
            assert await in_database(house, sale) == (7, 7)


async def test_the_impatient_leave_the_line(settings: Settings, tmp_path: Path):
    sale = await make_sale(settings, rate_per_minute=0)
    async with by_commands(settings, tmp_path) as [house]:
        with worker(settings, tmp_path):
            tally = await let_come(house, sale, Character(patience=1), size=10)
            assert not tally.errors, tally.errors
            assert tally.outcomes == {Outcome.LEFT_LINE: 10}
            async with house.visitor() as next_one:
                assert (await next_one.join(sale)).json()["place"] == 1


async def test_a_crowd_can_be_sent_home(settings: Settings, tmp_path: Path):
    sale = await make_sale(settings, rate_per_minute=0)
    stop = asyncio.Event()
    async with by_commands(settings, tmp_path) as [house]:
        with worker(settings, tmp_path):
            coming = asyncio.create_task(let_come(house, sale, Character(), size=5, stop=stop))
            async with asyncio.timeout(30), house.visitor() as watcher:
                while (await watcher.join(sale)).json().get("waiting", 0) < 6:  # noqa: ASYNC110 - others join
                    await asyncio.sleep(0.05)
            stop.set()
            tally = await coming
            assert tally.outcomes == {Outcome.CUT_SHORT: 5}
            assert not tally.errors, tally.errors


async def test_the_command_tells_how_it_went(settings: Settings, tmp_path: Path):
    await make_sale(settings)
    async with by_commands(settings, tmp_path) as [house]:
        with worker(settings, tmp_path):
            told = ("crowd", "12", "--url", house.url, "--hurry", "60")
            running = await asyncio.create_subprocess_exec(
                *command(*told), env=environment(settings), stdout=asyncio.subprocess.PIPE
            )
            output = (await running.communicate())[0].decode()
            assert running.returncode == 0, output
            assert "12 fans come to A sale for tests." in output
            confirmed = await house.database.fetch_val(
                "SELECT count(*) FROM bookings WHERE status = 'confirmed'"
            )
            assert f"{confirmed} bookings" in output
            assert "Errors              0" in output

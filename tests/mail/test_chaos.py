"""Workers killed at random, a mail server that refuses and hangs: each booking's letter arrives, or is put
aside with the reason; twice only those that a killed worker had at the server.

TICKETFLOW_TEST_LETTERS=5000 (`make post`) is the whole of it.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from databases import Database
from sqlalchemy import select

from tests.house import House, Sale, by_commands, doors_open, eventually, make_sale, worker
from tests.mail import letters
from tests.mail.rough_server import TAKEN, RoughServer
from ticketflow.settings import Settings
from ticketflow.store.events import NewTicketType
from ticketflow.store.tables import outbox as table

LETTERS = int(os.environ.get("TICKETFLOW_TEST_LETTERS", "200"))
BOOKED = 10
"""Of these so many are really booked, by fans over HTTP, while workers die."""
WORKERS = 3
KILLS = max(3, LETTERS // 200)
CONNECTIONS = 4


class Workers:
    """Processes, of which one dies now and then."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._running: list[tuple[Any, ExitStack]] = []
        self.at_the_kills: set[str] = set()
        """Letters that were leased when a worker had just died."""

    def start(self) -> None:
        stack = ExitStack()
        process = stack.enter_context(worker(self._settings, self._folder))
        self._running.append((process, stack))

    async def kill_one(self, database: Database) -> None:
        process, stack = self._running.pop(random.randrange(len(self._running)))
        process.kill()
        process.wait()
        self.at_the_kills.update(await letters.message_ids(database, "sending"))
        stack.close()
        self.start()

    def end(self) -> None:
        for _, stack in self._running:
            stack.close()


@pytest.fixture
def workers(settings: Settings, tmp_path: Path) -> Iterator[Workers]:
    found = Workers(
        replace(settings, mail_lease_seconds=6, mail_timeout_seconds=1, mail_connections=CONNECTIONS),
        tmp_path,
    )
    yield found
    found.end()


async def book_some(house: House, sale: Sale) -> None:
    """Fans who book over HTTP."""
    for _ in range(BOOKED):
        async with house.visitor() as fan:
            await fan.register()
            await fan.join(sale)

            async def claimed() -> bool:
                return (await fan.claim(sale)).status_code == 200

            await eventually(claimed, seconds=60)
            body = {"event_id": sale.event_id, "quantity": 1, "payment": {"method": "card-ok"}}
            answer = await fan.post("/api/bookings", json=body, headers={"Idempotency-Key": "one"})
            assert answer.status_code in (201, 202), answer.text


@pytest.mark.timeout(240 + LETTERS)
async def test_each_letter_arrives_once_but_for_those_at_the_server_at_a_kill(
    settings: Settings, rough: RoughServer, workers: Workers, tmp_path: Path
):
    rough.behave(temporary=0.2, permanent=0.01, hanging=0.005)
    sale = await make_sale(settings, types=[NewTicketType("Standing", 2500, LETTERS)])
    with rough.running():
        async with by_commands(settings, tmp_path) as (house,):
            for _ in range(WORKERS):
                workers.start()
            await doors_open(house, sale)
            started = time.monotonic()
            await letters.book(house.database, sale, LETTERS - BOOKED)
            booking = asyncio.create_task(book_some(house, sale))
            for kill in range(1, KILLS + 1):
                await eventually(lambda kill=kill: some_are_sent(house, kill), seconds=300)  # type: ignore[misc]
                await workers.kill_one(house.database)
            await booking
            await eventually(lambda: all_have_ended(house), seconds=300)
            took = time.monotonic() - started
            about_bookings = select(table).where(table.c.booking_id.is_not(None))
            check(rough, await house.database.fetch_all(about_bookings))
            twice = check_doubles(rough, workers)
    print(
        f"\n{LETTERS} letters in {took:.0f} s, {KILLS} kills, {len(twice)} twice, {Counter(answers(rough))}"
    )


async def some_are_sent(house: House, kill: int) -> bool:
    found = await letters.states(house.database)
    return found.get("sent", 0) >= LETTERS * kill // (KILLS + 2)


async def all_have_ended(house: House) -> bool:
    found = await letters.states(house.database)
    return not set(found) & {"pending", "sending"}


def answers(rough: RoughServer) -> list[str]:
    return [line["answer"] or "none" for line in rough.log()]


def check(rough: RoughServer, rows: list[Any]) -> None:
    """Each letter's end is what the server has said."""
    assert len(rows) == LETTERS
    manners, taken = rough.manners(), set(rough.taken())
    for row in rows:
        if manners.refuses(row["recipient"]):
            assert (row["state"], row["last_error"]) == ("failed", "550 5.1.1 no such mailbox")
            assert row["message_id"] not in taken
        else:
            assert row["state"] == "sent", (row["state"], row["last_error"])
            assert row["message_id"] in taken


def check_doubles(rough: RoughServer, workers: Workers) -> set[str]:
    """Letters that were taken twice: each in hand when a worker died, and the last over its line."""
    last: dict[int, str] = {}
    for line in rough.log():
        last[line["connection"]] = line["id"] if line["answer"] == TAKEN else ""
    twice = {letter for letter, copies in Counter(rough.taken()).items() if copies > 1}
    assert twice <= workers.at_the_kills & set(last.values())
    assert len(twice) <= KILLS * CONNECTIONS
    return twice

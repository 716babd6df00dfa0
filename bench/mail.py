"""Letters a second of one worker against a bare loop, and what a slow mail server does to bookings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from aiosmtplib import SMTP
from databases import Database
from sqlalchemy import update

from tests import house, servers
from tests.house import House, Sale, Visitor
from tests.letters import opened
from tests.mail import letters
from tests.mail.rough_server import RoughServer
from ticketflow.clients import make_smtp
from ticketflow.mail.message import Messages
from ticketflow.settings import Settings
from ticketflow.store import bookings, events, outbox
from ticketflow.store.events import NewTicketType
from ticketflow.store.tables import metadata
from ticketflow.store.tables import outbox as letters_table

from .common import Measure, taking_turns

ROUNDS = 3
LETTERS = 400
"""Of each side in a round."""
BOOKING_ROUNDS = 3
BOOKINGS = 30
"""Of each side in a round, one after another."""
SLOW_SECONDS = 5.0
FANS = 10
CAPACITY = 20_000


async def measures(folder: Path) -> list[Measure]:
    """Both comparisons. All servers are their own."""
    home = folder / "mariadb"
    home.mkdir()
    with (
        servers.valkey(folder) as redis_url,
        servers.mariadb(home, durable=True) as mariadb,
        mariadb.fresh(metadata) as database_url,
    ):
        settings = house.settings_for(
            database_url=database_url, redis_url=redis_url, smtp_url="smtp://localhost", prefix="bench"
        )
        sale = await house.make_sale(
            settings, types=[NewTicketType("Standing", 2500, CAPACITY)], per_user_limit=100
        )
        quick, slow = RoughServer(folder / "quick"), RoughServer(folder / "slow", answer_after=SLOW_SECONDS)
        with quick.running(), slow.running():
            async with Database(database_url) as database:
                delivered = await delivery(Post(settings, folder, database, sale, quick))
            return [delivered, await slowed(settings, folder, sale, quick, slow)]


class Post:
    """The two ways to hand letters to one server."""

    def __init__(
        self, settings: Settings, folder: Path, database: Database, sale: Sale, server: RoughServer
    ) -> None:
        self._settings = replace(settings, smtp_url=server.url)
        self._folder = folder
        self._database = database
        self._sale = sale
        self._server = server
        self.size = 0

    async def worker(self) -> float:
        """Letters a second of a `ticketflow worker` that finds them in the outbox."""
        before = len(self._server.log())
        await letters.book(self._database, self._sale, LETTERS)
        with house.worker(self._settings, self._folder):
            await house.eventually(self._all_are_sent, seconds=120)
        return self._rate(before)

    async def _all_are_sent(self) -> bool:
        return set(await letters.states(self._database)) == {"sent"}

    async def bare(self) -> float:
        """Letters a second of a loop over one kept connection, of a letter as long as the others."""
        before = len(self._server.log())
        message = opened(await self._a_message())
        smtp: SMTP = make_smtp(self._settings)
        async with smtp:
            for _ in range(LETTERS):
                await smtp.send_message(message)
        return self._rate(before)

    async def _a_message(self) -> bytes:
        row = await self._database.fetch_one(letters_table.select().limit(1))
        assert row is not None
        booking = (await bookings.by_ids(self._database, [row["booking_id"]]))[row["booking_id"]]
        event = await events.by_id(self._database, booking.event_id)
        assert event is not None
        letter = outbox.Letter(0, row["kind"], booking.id, "1@example.com", row["message_id"], 0)
        return Messages(self._settings.mail_from, self._settings.public_url, house.CODES).write(
            letter, "A fan", booking, event
        )

    def _rate(self, before: int) -> float:
        """From the server's own clock: neither side's start counts."""
        log = self._server.log()[before:]
        assert len(log) == LETTERS, len(log)
        self.size = log[-1]["size"]
        return float((LETTERS - 1) / (log[-1]["at"] - log[0]["at"]))


async def delivery(at: Post) -> Measure:
    await taking_turns(1, at.worker, at.bare)
    turns = await taking_turns(ROUNDS, at.worker, at.bare)
    return Measure(
        "letters a second of one worker, in a bare loop's",
        turns.ratio(0, 1),
        least=0.5,
        note=f"{turns.of(0):,.0f} a second against {turns.of(1):,.0f}, {at.size:,} bytes each",
    )


async def slowed(
    settings: Settings, folder: Path, sale: Sale, quick: RoughServer, slow: RoughServer
) -> Measure:
    """The time of a booking beside a worker whose mail server takes its time, in that beside a quick one."""
    async with house.by_commands(settings, folder) as (web,):
        with house.worker(replace(settings, smtp_url=quick.url), folder):
            await house.doors_open(web, sale)
        fans = [web.visitor() for _ in range(FANS)]
        for fan in fans:
            await fan.register()
        sides = [partial(p50, web, settings, folder, sale, fans, server) for server in (slow, quick)]
        await taking_turns(1, *sides)
        turns = await taking_turns(BOOKING_ROUNDS, *sides)
        for fan in fans:
            await fan.aclose()
    note = f"p50 of {turns.of(0) * 1000:.1f} ms against {turns.of(1) * 1000:.1f}"
    name = f"a booking where the mail server answers after {SLOW_SECONDS:g} s, in one where it is quick"
    return Measure(name, turns.ratio(0, 1), most=1.2, note=note)


async def p50(
    web: House,
    settings: Settings,
    folder: Path,
    sale: Sale,
    fans: Sequence[Visitor],
    server: RoughServer,
) -> float:
    """The median time of a booking over HTTP, one after another, with a worker that books and delivers."""
    body = {"event_id": sale.event_id, "quantity": 1, "payment": {"method": "card-ok"}}
    took = []
    with house.worker(replace(settings, smtp_url=server.url), folder):
        for number in range(BOOKINGS):
            fan = fans[number % FANS]
            await fan.join(sale)
            await house.eventually(partial(has_come_in, fan, sale))
            started = time.perf_counter()
            answer = await fan.post("/api/bookings", json=body)
            took.append(time.perf_counter() - started)
            assert answer.status_code == 201, answer.text
    # What is left would be delivered by the next side's worker.
    await web.database.execute(update(letters_table).values(state="sent", lease=None))
    return median(took)


async def has_come_in(fan: Visitor, sale: Sale) -> bool:
    return (await fan.claim(sale)).status_code == 200

"""Crowds at the desk, over HTTP and in processes of their own: one key is one booking, no unit sold twice."""

import asyncio
import os
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis
from sqlalchemy import select

from tests.booking.support import rows
from tests.booking.test_sale import watched
from tests.booking.volley import Answer, post
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
from tests.servers import Mailbox
from ticketflow.settings import Settings
from ticketflow.store import tables
from ticketflow.store.events import NewTicketType

SENT = 1_000
# The whole 100 and 10,000 take a minute: `make soak`.
SOAK = bool(os.environ.get("TICKETFLOW_SOAK_STEPS"))
UNITS = 100 if SOAK else 25
ATTEMPTS = 100 * UNITS
FANS = 40
LIMIT = 10


@pytest.fixture
def settings(mariadb_url: str, redis_url: str, smtp: Mailbox, prefix: str) -> Settings:
    """MariaDB only: a crowd's waits for SQLite's one writer show nothing that other tests do not."""
    found = settings_for(database_url=mariadb_url, redis_url=redis_url, smtp_url=smtp.url, prefix=prefix)
    return replace(found, bookings_per_minute=100_000)


async def book(
    fan: Visitor,
    url: str,
    key: str,
    sale: Sale,
    hold_id: str | None,
    method: str = "card-ok",
    quantity: int = 2,
) -> Answer:
    """Book what is held, or else in one step; wait for the end."""
    what = {"hold_id": hold_id} if hold_id else {"event_id": sale.event_id, "quantity": quantity}
    headers = {"Idempotency-Key": key, "Prefer": "wait=30"}
    return await post(fan, url, "/api/bookings", {**what, "payment": {"method": method}}, headers)


@pytest.mark.parametrize("one_step", [pytest.param(False, id="held"), pytest.param(True, id="one step")])
async def test_one_key_sent_1000_times_at_once_to_two_processes_is_one_booking(
    settings: Settings, smtp: Mailbox, tmp_path: Path, one_step: bool
):
    sale = await make_sale(settings)
    async with by_commands(settings, tmp_path, webs=2) as houses, houses[0].visitor() as fan:
        with worker(settings, tmp_path):
            await asyncio.gather(*(doors_open(house, sale) for house in houses))
            await fan.register()
            await fan.come_in(sale)
            hold_id = None if one_step else (await fan.hold(sale, 2)).json()["id"]
            answers = await asyncio.gather(
                *(book(fan, houses[n % 2].url, "the-key", sale, hold_id) for n in range(SENT))
            )
            told = Counter((answer.status, answer.body.get("code")) for answer in answers)
            assert set(told) <= {(201, answers[0].body.get("code")), (202, None)}, told
            assert len({answer.body["id"] for answer in answers}) == 1
            await one_of_everything(houses[0], smtp)


async def one_of_everything(house: House, smtp: Mailbox) -> None:
    for table in (tables.bookings, tables.payments, tables.simulated_charges, tables.outbox):
        assert await rows(house, table) == 1, table.name
    assert await rows(house, tables.tickets) == 2

    async def sent() -> bool:
        return await rows(house, tables.outbox, state="sent") == 1

    await eventually(sent)
    assert len(smtp.messages) == 1


async def test_of_a_hundred_times_as_many_attempts_as_units_exactly_the_units_are_sold(
    settings: Settings, redis: Redis, tmp_path: Path
):
    """Declined tickets go to others: nobody is told "sold out" while one is free."""
    sale = await make_sale(settings, types=[NewTicketType("Standing", 2500, UNITS)], per_user_limit=LIMIT)
    async with by_commands(settings, tmp_path, webs=2) as houses, AsyncExitStack() as open_fans:
        with worker(settings, tmp_path):
            await asyncio.gather(*(doors_open(house, sale) for house in houses))
            fans = [await open_fans.enter_async_context(houses[n % 2].visitor()) for n in range(FANS)]
            await asyncio.gather(*(fan.register() for fan in fans))
            async with watched(redis, settings, sale) as seen:
                told = await all_attempts(houses, sale, fans)
            assert [
                counts for counts in seen if sum(counts.values()) != UNITS or min(counts.values()) < 0
            ] == []
            assert told.pop((201, None)) == UNITS == await rows(houses[0], tables.tickets)
            assert told.pop((402, "payment_declined")) > 0
            assert told.pop((409, "sold_out")) > ATTEMPTS / 2
            # A turn ends with a booking, and the fan's next attempt may come before their next turn.
            assert set(told) <= {(403, "not_admitted"), (422, "limit_exceeded")}, told
            assert max(Counter(await owners(houses[0])).values()) <= LIMIT


async def all_attempts(
    houses: list[House], sale: Sale, fans: list[Visitor]
) -> "Counter[tuple[int, str | None]]":
    """Attempts for one ticket each, every third card declined. Gives what was answered how often."""
    told: Counter[tuple[int, str | None]] = Counter()
    numbers = iter(range(ATTEMPTS))

    async def attempts(fan: Visitor) -> None:
        await fan.come_in(sale)
        for number in numbers:
            method = "card-declined" if number % 3 == 0 else "card-ok"
            answer = await book(fan, houses[number % 2].url, f"attempt-{number}", sale, None, method, 1)
            told[answer.status, answer.body.get("code") if answer.status > 201 else None] += 1
            if answer.body.get("code") == "sold_out":
                assert answer.body["remaining"] == 0
            elif answer.status == 201 or answer.body.get("code") == "not_admitted":
                await fan.join(sale)
                await fan.claim(sale)

    await asyncio.gather(*(attempts(fan) for fan in fans))
    return told


async def owners(house: House) -> list[int]:
    return [row["user_id"] for row in await house.database.fetch_all(select(tables.tickets.c.user_id))]

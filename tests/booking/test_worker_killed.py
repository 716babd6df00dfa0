"""kill -9 of the worker in the middle of 80 bookings, then a new worker: nothing lost, doubled or leaked."""

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.house import House, Sale, Visitor, by_commands, doors_open, eventually, make_sale, worker
from tests.servers import Mailbox
from ticketflow.settings import Settings

BOOKINGS = 80
CAPACITY = 500
METHODS = ("card-ok", "card-slow", "card-timeout", "card-declined")


@pytest.fixture
def database_url(mariadb_url: str) -> str:
    """As it runs for real: SQLite's one writer takes twice as long to show the same."""
    return mariadb_url


async def test_a_new_worker_ends_what_a_killed_one_began(
    settings: Settings, smtp: Mailbox, redis: Redis, tmp_path: Path
):
    # Few at a time, so that there is a middle to be killed in.
    slow = replace(
        settings,
        ledger_concurrency=16,
        ledger_batch=4,
        hold_seconds=600,  # however slow the machine, no hold runs out before it is paid
        mail_lease_seconds=5,
    )
    sale = await make_sale(slow)
    async with by_commands(slow, tmp_path) as (house,):
        with worker(slow, tmp_path) as first:
            await doors_open(house, sale)
            fans = [house.visitor() for _ in range(BOOKINGS)]
            try:
                holds = await asyncio.gather(*(hold_one(fan, sale) for fan in fans))
                accepted = asyncio.gather(
                    *(submit(fan, hold, n) for n, (fan, hold) in enumerate(zip(fans, holds, strict=True)))
                )
                await eventually(lambda: some_are_decided(house))
                first.kill()
                first.wait()
                decided_before = await count(house, "bookings")
                assert 0 < decided_before < BOOKINGS, "the kill came too late to mean anything"
                places = await accepted

                with worker(slow, tmp_path):
                    answers = await asyncio.gather(
                        *(ended(fan, where) for fan, where in zip(fans, places, strict=True))
                    )
                    # Declined ones keep their hold for another card; these fans have none.
                    for fan, hold, answer in zip(fans, holds, answers, strict=True):
                        if answer["status"] == "refused":
                            await eventually(partial(gives_back, fan, hold))
                    await check(house, redis, slow, sale, smtp, answers)
            finally:
                for fan in fans:
                    await fan.aclose()


async def check(
    house: House, redis: Redis, settings: Settings, sale: Sale, smtp: Mailbox, answers: list[dict]
) -> None:
    confirmed = [a for a in answers if a["status"] == "confirmed"]
    refused = [a for a in answers if a["status"] == "refused"]
    assert len(confirmed) + len(refused) == BOOKINGS
    assert {a["reason"] for a in refused} == {"payment_declined"}
    assert len(refused) == BOOKINGS // len(METHODS)

    units = [unit for a in confirmed for unit in a["units"]]
    assert len(units) == len(set(units)) == len(confirmed) == await count(house, "tickets")

    async def quiet() -> bool:
        return await leaked(redis, settings, sale) == (0, 0, 0) and await open_money(house) == 0

    await eventually(quiet, seconds=60)
    stock = await redis.hgetall(f"{settings.redis_prefix}:{{event:{sale.event_id}}}:stock")
    type_id = sale.type_ids[0]
    assert int(stock[f"sold:{type_id}"]) == len(confirmed)
    assert int(stock[f"free:{type_id}"]) == CAPACITY - len(confirmed)
    charged = await house.database.fetch_val(
        "SELECT COUNT(*) FROM simulated_charges WHERE status = 'captured'"
    )
    assert charged == len(confirmed)
    letters = await smtp.wait_for(len(confirmed))
    assert len({letter["Message-ID"] for letter in letters}) == len(confirmed)


async def hold_one(fan: Visitor, sale: Sale) -> str:
    assert (await fan.register()).status_code == 201
    assert (await fan.join(sale)).status_code == 201

    async def claimed() -> bool:
        return (await fan.claim(sale)).status_code == 200

    await eventually(claimed, seconds=60)
    held = await fan.hold(sale)
    assert held.status_code == 201, held.text
    return str(held.json()["id"])


async def gives_back(fan: Visitor, hold_id: str) -> bool:
    """Whether the hold went back; while the ledger has not settled it yet it is in use."""
    return (await fan.delete(f"/api/holds/{hold_id}")).status_code == 204


async def submit(fan: Visitor, hold_id: str, number: int) -> str:
    """Hand the booking in without waiting for its end; gives where to ask for it."""
    booked = await fan.book(hold_id, METHODS[number % len(METHODS)], key=f"booking-{number}", prefer="wait=0")
    assert booked.status_code in (201, 202, 402), booked.text
    booking_id = booked.json().get("id") or booked.json()["booking_id"]
    return f"/api/bookings/{booking_id}"


async def ended(fan: Visitor, where: str) -> dict:
    async def decided() -> dict | None:
        booking = (await fan.get(where)).json()
        return booking if booking["status"] != "processing" else None

    found = await eventually(decided, seconds=60)
    assert found is not None
    return found


async def some_are_decided(house: House) -> bool:
    return await count(house, "bookings") >= BOOKINGS // 10


async def count(house: House, table: str) -> int:
    return int(await house.database.fetch_val(f"SELECT COUNT(*) FROM {table}"))  # noqa: S608 - our own names


async def open_money(house: House) -> int:
    query = "SELECT COUNT(*) FROM payments WHERE status IN ('authorised', 'void_due')"
    return int(await house.database.fetch_val(query))


async def leaked(redis: Redis, settings: Settings, sale: Sale) -> tuple[int, int, int]:
    """Holds, orders on their way and unacknowledged entries that are still in Redis."""
    event = f"{settings.redis_prefix}:{{event:{sale.event_id}}}"
    pending = await redis.xpending(f"{event}:orders", "ledger")
    return await redis.hlen(f"{event}:holds"), await redis.hlen(f"{event}:pending"), pending["pending"]

"""200 tickets, 80 fans at once, over HTTP, real processes: each ticket accounted for at every moment."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.house import House, Sale, by_commands, doors_open, eventually, make_sale, worker
from tests.servers import Mailbox
from ticketflow.settings import Settings
from ticketflow.store.events import NewTicketType

TICKETS = 200
FANS = 80


@pytest.fixture
def database_url(mariadb_url: str) -> str:
    """As it runs for real: SQLite's one writer takes twice as long to show the same."""
    return mariadb_url


async def test_every_ticket_is_free_held_or_sold_and_each_booking_has_one_mail(
    settings: Settings, smtp: Mailbox, redis: Redis, tmp_path: Path
):
    sale = await make_sale(settings, types=[NewTicketType("Standing", 2500, TICKETS)])
    async with by_commands(settings, tmp_path) as (house,):
        with worker(settings, tmp_path):
            await doors_open(house, sale)
            async with watched(redis, settings, sale) as seen:
                bookings = await asyncio.gather(*(one_fan(house, sale, number) for number in range(FANS)))
            assert len(seen) > 10
            assert not [
                counts for counts in seen if sum(counts.values()) != TICKETS or min(counts.values()) < 0
            ]

            confirmed = [booking for mine in bookings for booking in mine]
            tickets = [(b["ticket_type_id"], unit) for b in confirmed for unit in b["units"]]
            # Each fan books three times two tickets and the limit is four: demand is above supply.
            assert len(tickets) == len(set(tickets)) == TICKETS
            assert await rows(house, "SELECT COUNT(*) FROM tickets") == TICKETS
            assert await rows(house, "SELECT COUNT(*) FROM bookings WHERE status = 'confirmed'") == len(
                confirmed
            )

            letters = await smtp.wait_for(len(confirmed), timeout=90)
            per_booking = Counter(letter["Message-ID"] for letter in letters)
            assert len(per_booking) == len(confirmed)
            assert set(per_booking.values()) == {1}

            async def all_noted() -> bool:
                return await rows(house, "SELECT COUNT(*) FROM outbox WHERE state <> 'sent'") == 0

            await eventually(all_noted)
            assert len(smtp.messages) == len(confirmed)


async def one_fan(house: House, sale: Sale, number: int) -> list[dict]:
    """Comes in and books two at a time, as long as there are any and the limit allows."""
    async with house.visitor() as fan:
        assert (await fan.register()).status_code == 201
        mine = []
        for attempt in range(3):
            await wait_for_turn(fan, sale)
            held = await fan.hold(sale, quantity=2)
            if held.status_code != 201:
                assert held.json()["code"] in ("sold_out", "limit_exceeded"), held.text
                continue
            booked = await fan.book(held.json()["id"], key=f"fan-{number}-{attempt}", prefer="wait=30")
            assert booked.status_code == 201, booked.text
            mine.append(booked.json())
        return mine


async def wait_for_turn(fan, sale: Sale) -> None:
    # A confirmed booking ends the lease, so each booking takes its own turn.
    assert (await fan.join(sale)).status_code in (200, 201)

    async def claimed() -> bool:
        claim = await fan.claim(sale)
        return bool(claim.status_code == 200)

    await eventually(claimed, seconds=60)


@asynccontextmanager
async def watched(redis: Redis, settings: Settings, sale: Sale) -> AsyncIterator[list[dict[str, int]]]:
    """Free, held and sold units, read in one step again and again while the block runs."""
    stock = f"{settings.redis_prefix}:{{event:{sale.event_id}}}:stock"
    held = f"{settings.redis_prefix}:{{event:{sale.event_id}}}:holds"
    script = redis.register_script(
        "local held = 0 for _, hold in ipairs(redis.call('HVALS', KEYS[2])) do "
        "held = held + #cjson.decode(hold).units end "
        "return {redis.call('HGET', KEYS[1], ARGV[1]), tostring(held), redis.call('HGET', KEYS[1], ARGV[2])}"
    )
    seen: list[dict[str, int]] = []
    over = asyncio.Event()

    async def watch() -> None:
        while not over.is_set():
            type_id = sale.type_ids[0]
            found = await script(keys=[stock, held], args=[f"free:{type_id}", f"sold:{type_id}"])
            seen.append(dict(zip(("free", "held", "sold"), map(int, found), strict=True)))
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    try:
        yield seen
    finally:
        over.set()
        await watching


async def rows(house: House, query: str) -> int:
    return int(await house.database.fetch_val(query))

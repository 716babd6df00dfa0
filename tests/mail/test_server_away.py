"""A mail server that is down for the whole sale: nobody who books notices, and then everything arrives."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from sqlalchemy import select

from tests.house import House, Sale, Visitor, by_commands, doors_open, eventually, make_sale, worker
from tests.mail import letters
from tests.mail.rough_server import RoughServer
from ticketflow.clients import open_stores
from ticketflow.mail.server_board import server_state
from ticketflow.settings import Settings
from ticketflow.store.tables import outbox as table

BOOKINGS = 12
BEFORE = 60


async def book(house: House, fan: Visitor, sale: Sale) -> None:
    """One booking by whoever has a turn again, confirmed at once. `bench mail` compares how long it takes."""
    await fan.join(sale)

    async def has_come_in() -> bool:
        return (await fan.claim(sale)).status_code == 200

    await eventually(has_come_in)
    body = {"event_id": sale.event_id, "quantity": 1, "payment": {"method": "card-ok"}}
    answer = await fan.post("/api/bookings", json=body)
    assert answer.status_code == 201, answer.text


async def test_bookings_do_not_notice_and_all_letters_arrive_the_oldest_first(
    settings: Settings, rough: RoughServer, tmp_path: Path
):
    # One line, so that the server's order is the order in which letters were taken up.
    alone = replace(settings, mail_connections=1)
    sale = await make_sale(settings, per_user_limit=100)
    async with by_commands(alone, tmp_path) as (house,), open_stores(alone) as stores:
        await letters.book(house.database, sale, BEFORE)
        with worker(alone, tmp_path):
            await doors_open(house, sale)
            async with house.visitor() as fan:
                await fan.register()
                for _ in range(BOOKINGS):
                    await book(house, fan, sale)
                said = await server_state(stores.redis, settings.redis_prefix)
                assert (said.state, said.since is not None) == ("away", True)
                found = await stores.database.fetch_all(select(table.c.attempts, table.c.last_error))
                paid = {(row["attempts"], row["last_error"]) for row in found}
                assert paid == {(0, None)}, "no letter has paid for it"
                wanted = await letters.message_ids(stores.database, "pending", "sending")
                with rough.running():
                    await eventually(partial(all_are_taken, rough, len(wanted)), seconds=60)
                assert rough.taken() == list(wanted)


async def all_are_taken(rough: RoughServer, count: int) -> bool:
    return len(rough.taken()) >= count

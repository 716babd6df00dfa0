"""A server that closes on letters, or goes in the middle of one: no letter keeps others back, none pays for
what is the server's doing, and none is sent twice for it."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiosmtplib import SMTP
from databases import Database
from sqlalchemy import select

from tests.house import eventually, make_sale
from tests.mail import letters
from tests.mail.plain_server import CUT, PlainServer
from tests.mail.post import delivering
from tests.mail.test_delivery import become
from ticketflow.clients import Stores, open_stores
from ticketflow.mail import server as mail_server
from ticketflow.mail.client import MailClient
from ticketflow.mail.closings import IN_A_ROW, Closings
from ticketflow.mail.server_board import server_state
from ticketflow.settings import Settings
from ticketflow.store import outbox
from ticketflow.store.tables import outbox as table

BUSY = "421 4.7.0 try again later"
GOOD = 12


@pytest.fixture
async def plain() -> PlainServer:
    return PlainServer()


@pytest.fixture
async def quick(
    settings: Settings, plain: PlainServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Settings]:
    """With a server that is looked after soon, and letters that are tried again soon."""
    monkeypatch.setattr(mail_server, "FIRST_DELAY_SECONDS", 0.02)
    monkeypatch.setattr(mail_server, "LONGEST_DELAY_SECONDS", 0.1)
    async with plain.running() as url:
        yield replace(settings, smtp_url=url, mail_retry_seconds=0.02, mail_tries=3)


async def booked(settings: Settings, count: int) -> list[str]:
    """Write letters, and return their addresses, the oldest first."""
    sale = await make_sale(settings, per_user_limit=100)
    async with open_stores(settings) as stores:
        await letters.book(stores.database, sale, count)
        rows = await stores.database.fetch_all(select(table.c.recipient).order_by(table.c.id))
    return [row["recipient"] for row in rows]


async def good_ones_arrive(settings: Settings, plain: PlainServer, bad: int, seconds: float) -> None:
    """Return once all letters but the oldest, on which the server closes, are taken."""
    addresses = await booked(settings, bad + GOOD)
    plain.recipient = lambda to: BUSY if to in addresses[:bad] else "250 ok"

    async def so() -> bool:
        return set(plain.taken) == set(addresses[bad:])

    async with delivering(settings) as stores:
        await eventually(so, seconds=seconds)
        await all_bad_are_put_aside(stores, settings, bad)


async def all_bad_are_put_aside(stores: Stores, settings: Settings, bad: int) -> None:
    """Return once they are, while other mail flows."""
    sale = await make_sale(settings, per_user_limit=100)

    async def so() -> bool:
        await letters.book(stores.database, sale, 1)
        return (await letters.states(stores.database)).get("failed", 0) == bad

    await eventually(so, seconds=20)
    row = await stores.database.fetch_one(select(table).where(table.c.state == "failed"))
    assert row is not None
    assert (row["attempts"], row["last_error"]) == (settings.mail_tries, BUSY)


@pytest.mark.parametrize(("connections", "bad"), [(1, 1), (1, 8), (4, 4), (4, 10)])
async def test_letters_it_closes_on_keep_no_others_back_and_are_put_aside_in_the_end(
    quick: Settings, plain: PlainServer, connections: int, bad: int
):
    await good_ones_arrive(replace(quick, mail_connections=connections), plain, bad, seconds=20)


async def test_control_in_their_old_places_they_keep_all_others_back(
    quick: Settings, plain: PlainServer, monkeypatch: pytest.MonkeyPatch
):
    async def as_it_was(database: Database, letter: outbox.Letter, *_: object) -> None:
        await outbox.give_back(database, [letter])

    monkeypatch.setattr(outbox, "put_off", as_it_was)
    with pytest.raises(TimeoutError):
        await good_ones_arrive(replace(quick, mail_connections=1), plain, IN_A_ROW + 3, seconds=4)
    assert not plain.taken


async def close_on_all(settings: Settings, plain: PlainServer) -> dict[str, int]:
    """Have each letter closed on more often than it has tries; return how many are in which state."""
    addresses = await booked(settings, GOOD)
    first = addresses[-1]
    # One is answered in the middle of it, so that those told before are suspected.
    plain.recipient = lambda to: "250 ok" if to == first and plain.named[to] > 2 else BUSY

    async with delivering(settings) as stores:

        async def decided() -> bool:
            often = all(plain.named[to] > 2 * settings.mail_tries for to in addresses[:-1])
            return often or (await letters.states(stores.database)).get("failed", 0) == GOOD - 1

        await eventually(decided, seconds=30)
        found = await letters.states(stores.database)
        if "failed" not in found:
            assert (await server_state(stores.redis, settings.redis_prefix)).reason in (BUSY, None)
            plain.recipient = lambda _: "250 ok"
            await become(stores, {"sent": GOOD})
    return found


async def test_a_server_that_closes_on_all_letters_puts_none_aside(quick: Settings, plain: PlainServer):
    assert "failed" not in await close_on_all(quick, plain)
    assert set(plain.taken.values()) == {1}


async def test_control_if_each_is_suspected_they_are_put_aside(
    quick: Settings, plain: PlainServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Closings, "suspects", lambda *_: True)
    assert (await close_on_all(quick, plain))["failed"] == GOOD - 1
    assert max(plain.named.values()) <= quick.mail_tries


async def times_a_cut_letter_is_sent(settings: Settings, plain: PlainServer) -> int:
    """How often the server has the text of a letter at which it cuts the connection."""
    addresses = await booked(settings, 3)
    plain.text = lambda to: CUT if to == addresses[1] else "250 taken"
    async with delivering(replace(settings, mail_connections=1)) as stores:
        await become(stores, {"sent": 2, "failed": 1})
    return plain.texts[addresses[1]]


async def test_a_letter_whose_text_the_server_has_is_sent_again_only_as_a_try(
    quick: Settings, plain: PlainServer
):
    assert await times_a_cut_letter_is_sent(quick, plain) == quick.mail_tries


async def test_control_who_does_not_know_of_the_text_sends_it_more_often(
    quick: Settings, plain: PlainServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(MailClient, "data", SMTP.data)
    assert await times_a_cut_letter_is_sent(quick, plain) > quick.mail_tries


@pytest.mark.parametrize("answer", [CUT, BUSY])
async def test_a_kept_connection_that_the_server_ends_before_the_text_costs_no_try(
    quick: Settings, plain: PlainServer, answer: str
):
    plain.sender = lambda brought: "250 ok" if brought == "1" else answer
    await booked(quick, 6)
    async with delivering(replace(quick, mail_connections=1)) as stores:
        await become(stores, {"sent": 6})
        rows = await stores.database.fetch_all(select(table.c.attempts))
        assert {row["attempts"] for row in rows} == {1}

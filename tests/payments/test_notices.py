"""A notice in the books, on both engines: once, and with its mark or not at all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pymysql
import pytest
from databases import Database
from sqlalchemy import select

from tests.booking.support import sell_behind
from tests.house import House, make_sale
from ticketflow.booking.notices import take
from ticketflow.domain import PaymentStatus, now
from ticketflow.payments import ChargeStatus, Notice
from ticketflow.settings import Settings
from ticketflow.store import intents, sales, tables
from ticketflow.store.intents import IntentRow

BOOKING = f"{'behind-0':0>32}"


async def stands(database: Database) -> str:
    query = select(tables.payments.c.status).where(tables.payments.c.booking_id == BOOKING)
    return str(await database.fetch_val(query))


@pytest.fixture
async def books(settings: Settings, database: Database) -> Database:
    """Books with one booking, whose money is reserved."""
    sale = await make_sale(settings)
    await sell_behind(House(settings, "", database), sale, [0])
    await sales.move_payments(database, [BOOKING], PaymentStatus.CAPTURED, PaymentStatus.AUTHORISED)
    return database


async def test_a_notice_moves_a_payment_once(books: Database):
    captured = Notice("evt_1", BOOKING, ChargeStatus.CAPTURED)
    for _ in range(2):
        await take(books, captured)
        assert await stands(books) == "captured"
    await sales.move_payments(books, [BOOKING], PaymentStatus.CAPTURED, PaymentStatus.AUTHORISED)
    await take(books, captured)
    assert await stands(books) == "authorised"
    for status in ChargeStatus:
        # Whatever else Stripe may say, confirmed tickets stay paid for; the auditor sees to the rest.
        if status is not ChargeStatus.CAPTURED:
            await take(books, Notice(f"evt_{status}", BOOKING, status))
    assert await stands(books) == "authorised"
    await take(books, Notice("evt_2", BOOKING, ChargeStatus.CAPTURED))
    assert await stands(books) == "captured"


@pytest.mark.parametrize("whole", [True, False])
async def test_a_notice_that_could_not_be_noted_is_taken_the_next_time(
    books: Database, monkeypatch: pytest.MonkeyPatch, whole: bool
):
    """The control takes the transaction away: then the mark stays, and what it stands for is lost."""

    async def broken(*_: object) -> None:
        raise pymysql.err.OperationalError(2013, "Lost connection to the server during query")

    @asynccontextmanager
    async def nothing(_: Database) -> AsyncIterator[None]:
        yield

    captured = Notice("evt_1", BOOKING, ChargeStatus.CAPTURED)
    with monkeypatch.context() as patch:
        patch.setattr(sales, "move_payments", broken)
        if not whole:
            patch.setattr(type(books), "transaction", nothing)
        with pytest.raises(pymysql.err.OperationalError):
            await take(books, captured)
    await take(books, captured)
    assert await stands(books) == ("captured" if whole else "authorised")


async def test_the_first_intent_of_a_key_counts(books: Database):
    at = now()
    await intents.add(books, [IntentRow("a", "pi_1", at), IntentRow("a", "pi_2", at)])
    await intents.add(books, [IntentRow("a", "pi_3", at), IntentRow("b", "pi_4", at)])
    assert [await intents.id_of(books, key) for key in "abc"] == ["pi_1", "pi_4", None]
    assert [await intents.key_of(books, intent) for intent in ("pi_1", "pi_3")] == ["a", None]

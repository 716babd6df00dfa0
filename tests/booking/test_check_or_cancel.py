"""A ticket is shown at a door while its booking is cancelled: one of both is told that it was first."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any

import pytest

from tests.booking.support import rows
from tests.booking.test_cancelling import booked, cancel, cancellable_sale
from tests.house import House, Sale, Visitor, in_process
from ticketflow.settings import Settings
from ticketflow.store import cancellations as records
from ticketflow.store import tables

ROUNDS = 12
WITHOUT_KEYS = (
    "CREATE TABLE ticket_uses (ticket_id BIGINT PRIMARY KEY, used_at DATETIME(6) NOT NULL, "
    "checked_by BIGINT, door VARCHAR(80) NOT NULL)"
)


async def check(steward: Visitor, booking: dict[str, Any]) -> str:
    body = {"code": booking["tickets"][0]["signed"]}
    answer = await steward.post("/api/organiser/check", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["verdict"])


def by_itself(asked: Coroutine[Any, Any, str]) -> "asyncio.Task[str]":
    """As from another machine: not within the request in whose midst it is asked."""
    return asyncio.create_task(asked, context=Context())


async def test_whoever_comes_first_there_is_one_winner(settings: Settings):
    sale = await cancellable_sale(settings)
    async with in_process(settings) as house, house.visitor() as steward:
        await steward.sign_in(sale.organiser_email)
        won: dict[tuple[str, int], int] = {}
        for number in range(ROUNDS):
            async with house.visitor() as fan:
                booking = await booked(fan, sale, 1)
                both = [check(steward, booking), cancel(fan, booking)]
                first, second = await asyncio.gather(*(both if number % 2 else reversed(both)))
                verdict, answer = (first, second) if number % 2 else (second, first)
                ended = (verdict, answer.status_code)
                won[ended] = won.get(ended, 0) + 1
                if ended == ("valid", 409):
                    assert answer.json()["code"] == "ticket_used"
                    # For the next round: the sale has few tickets.
                    await house.database.execute(tables.ticket_uses.delete())
                    assert (await cancel(fan, booking)).status_code == 200
        assert set(won) <= {("valid", 409), ("void", 200)}, won
        assert await rows(house, tables.cancellations) == ROUNDS


async def checked_before_the_commit(
    house: House, sale: Sale, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    """The door asks when the cancellation has ended the tickets and has not committed."""
    end, asking = records._end, list[asyncio.Task[str]]()
    async with house.visitor() as fan, house.visitor() as steward:
        await steward.sign_in(sale.organiser_email)
        booking = await booked(fan, sale, 1)

        async def asked_meanwhile(*given: Any) -> None:
            await end(*given)
            asking.append(by_itself(check(steward, booking)))
            await asyncio.wait(asking, timeout=0.5)

        monkeypatch.setattr(records, "_end", asked_meanwhile)
        answer = await cancel(fan, booking)
        return answer.status_code, await asking[0]


async def test_a_door_waits_for_a_cancellation_and_lets_nobody_in(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    sale = await cancellable_sale(settings)
    async with in_process(settings) as house:
        assert await checked_before_the_commit(house, sale, monkeypatch) == (200, "void")
        assert await rows(house, tables.ticket_uses) == 0


async def test_control_without_the_foreign_key_somebody_is_paid_back_and_comes_in(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    sale = await cancellable_sale(settings)
    async with in_process(settings) as house:
        await house.database.execute("DROP TABLE ticket_uses")
        await house.database.execute(WITHOUT_KEYS)
        assert await checked_before_the_commit(house, sale, monkeypatch) == (200, "valid")


async def test_a_cancellation_finds_a_use_that_came_after_it_had_looked(
    mariadb_settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """On SQLite nothing can come in between: a cancellation writes alone from its first statement on."""
    sale = await cancellable_sale(mariadb_settings)
    end = records._end
    async with (
        in_process(mariadb_settings) as house,
        house.visitor() as fan,
        house.visitor() as steward,
    ):
        await steward.sign_in(sale.organiser_email)
        booking = await booked(fan, sale, 2)

        async def used_meanwhile(*given: Any) -> None:
            assert await by_itself(check(steward, booking)) == "valid"
            await end(*given)

        monkeypatch.setattr(records, "_end", used_meanwhile)
        answer = await cancel(fan, booking)
        assert (answer.status_code, answer.json()["code"]) == (409, "ticket_used")
        assert await rows(house, tables.tickets) == 2
        assert await rows(house, tables.cancellations) == 0
        after = (await fan.get(f"/api/bookings/{booking['id']}")).json()
        assert [bool(ticket.pop("used_at")) for ticket in after["tickets"]] == [True, False]
        assert [ticket.pop("used_at") for ticket in booking["tickets"]] == [None, None]
        assert after == booking


@pytest.fixture
def mariadb_settings(settings: Settings) -> Settings:
    if settings.database_url.startswith("sqlite"):
        pytest.skip("one writer at a time")
    return settings

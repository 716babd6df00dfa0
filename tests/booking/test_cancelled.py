"""A client that is gone at any moment: nothing stays held unknown, and nobody reads another's reply.

Each request is sent again and again; the first time its handler is cancelled where it waits first, then where
it waits the second time, and so on until it ends by itself. The stores have few connections, so that one
that was lost, or was given back with a reply still to come, is missed by those who ask next.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import httpx
import pytest
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError
from sqlalchemy import select

from tests.booking.cutting import Cut, ask_cut, driven, install_scissors
from tests.booking.support import rows, services, stock_is, web_only, working
from tests.house import House, Sale, Visitor, eventually, make_sale
from ticketflow.booking.desk import Answer, Desk, Payment
from ticketflow.domain import Event, User, now
from ticketflow.settings import Settings
from ticketflow.store import events, tables
from ticketflow.store.events import NewSale, NewTicketType

CAPACITY = 400
NEW = NewSale(
    slug="sale",
    name="Another sale",
    venue="The test hall",
    starts_at=now(),
    sale_starts_at=now(),
    lobby_opens_at=None,
    currency="EUR",
    per_user_limit=4,
    published=False,
    rate_per_minute=60,
    max_active=10,
    types=[NewTicketType("Standing", 2500, 600)],
)
PASSES = 20
"""A reconnect shifts what is waited for when; a control goes on until the cut falls where it hurts."""
OTHERS = 5
"""More than there are connections to the database."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, database_pool=2, redis_pool=4)


@dataclass
class Scene:
    """A house without a worker, a fan who is let in, and others who must not notice what happens."""

    house: House
    sale: Sale
    fan: Visitor
    others: list[Visitor]

    async def held(self) -> dict[str, dict[str, Any]]:
        """The holds in Redis."""
        found = services(self.house)
        stored: dict[Any, Any] = await found.redis.hgetall(found.stock.keys(self.sale.event_id).holds)
        return {hold_id: json.loads(hold) for hold_id, hold in stored.items()}

    async def orders(self) -> int:
        found = services(self.house)
        return int(await found.redis.xlen(found.stock.keys(self.sale.event_id).orders))

    async def unknown_holds(self) -> list[str]:
        """Holds that are neither on their way to the ledger nor in the basket of whoever took them."""
        found = services(self.house)
        baskets = await found.redis.hgetall(found.stock.keys(self.sale.event_id).baskets)
        return [
            hold_id
            for hold_id, hold in (await self.held()).items()
            if hold["state"] == "held" and baskets.get(hold["user"]) != hold_id
        ]

    async def empty_basket(self) -> None:
        """The fan gives back what the page shows them."""
        found = services(self.house)
        event, user = found.catalogue.event(self.sale.event_id), (await self.fan.get("/api/me")).json()
        basket = await found.stock.basket(event.id, user["id"])
        if basket and not basket.paying:
            assert (await self.fan.delete(f"/api/holds/{basket.id}")).status_code == 204

    async def nobody_else_notices(self) -> None:
        """Everybody gets their own answer: their ticket from Redis, their address from the database."""
        services(self.house).users._known.clear()
        async with asyncio.timeout(10):
            await asyncio.gather(*(self._gets_their_own(other) for other in self.others))

    async def _gets_their_own(self, other: Visitor) -> None:
        queue, me = await asyncio.gather(
            other.get(f"/api/events/{self.sale.event_id}/queue"), other.get("/api/me")
        )
        assert queue.status_code == me.status_code == 200, (queue.text, me.text)
        assert queue.json()["ticket"] == other.headers["Queue-Ticket"]
        assert me.json()["email"] == other.email


@asynccontextmanager
async def scene(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    install_scissors(monkeypatch)
    sale = await make_sale(
        settings, types=[NewTicketType("Standing", 2500, CAPACITY)], per_user_limit=CAPACITY
    )
    async with web_only(settings) as house:
        fan, others = house.visitor(), [house.visitor() for _ in range(OTHERS)]
        try:
            for visitor in (fan, *others):
                await visitor.register()
                ticket = (await visitor.join(sale)).json()["ticket"]
                await visitor.claim(sale)
                visitor.headers["Queue-Ticket"] = ticket
            yield Scene(house, sale, fan, others)
        finally:
            for visitor in (fan, *others):
                await visitor.aclose()


Ask = Callable[[Cut], Awaitable[httpx.Response | None]]


async def cut_everywhere(at: Scene, late: bool, ask: Ask, after: Callable[[], Awaitable[None]]) -> int:
    """Cut the request at each of its waits in turn; `after` each, the fan looks. Gives how many there are."""
    for number in count(1):
        # Known by now, so that the same waits come at the same numbers each time.
        await at.fan.get("/api/me")
        cut = Cut(number, late)
        response = await ask(cut)
        assert response is None or response.status_code < 500, (number, response.text)
        await at.nobody_else_notices()
        await after()
        if not cut.made:
            assert response is not None
            assert response.is_success, response.text
            return cut.waits
    raise AssertionError("it never ends")


async def again_and_again(walk: Callable[[], Awaitable[int]]) -> None:
    for _ in range(PASSES):
        await walk()


@pytest.fixture(params=[False, True], ids=["early", "late"])
def late(request: pytest.FixtureRequest) -> bool:
    """Whether what the handler waits for has come when it is cancelled."""
    return bool(request.param)


async def test_a_hold_is_in_the_basket_or_nowhere(settings: Settings, monkeypatch, late: bool):
    async with scene(settings, monkeypatch) as at:
        body = {"ticket_type_id": at.sale.type_ids[0], "quantity": 2}
        path = f"/api/events/{at.sale.event_id}/holds"

        async def after() -> None:
            assert await at.unknown_holds() == []
            await at.empty_basket()
            await stock_is(at.house, at.sale, free=CAPACITY, held=0, sold=0)

        assert (
            await cut_everywhere(at, late, lambda cut: ask_cut(at.fan, cut, "POST", path, json=body), after)
            > 2
        )


async def test_a_release_is_whole_or_not_at_all(settings: Settings, monkeypatch, late: bool):
    async with scene(settings, monkeypatch) as at:

        async def ask(cut: Cut) -> httpx.Response | None:
            hold = (await at.fan.hold(at.sale, 2)).json()
            return await ask_cut(at.fan, cut, "DELETE", f"/api/holds/{hold['id']}")

        async def after() -> None:
            assert await at.unknown_holds() == []
            await at.empty_basket()
            await stock_is(at.house, at.sale, free=CAPACITY, held=0, sold=0)

        assert await cut_everywhere(at, late, ask, after) > 1


async def test_a_booking_of_a_hold_is_on_its_way_or_the_hold_stands(
    settings: Settings, monkeypatch, late: bool
):
    async with scene(settings, monkeypatch) as at:
        numbers = count(1)

        async def ask(cut: Cut) -> httpx.Response | None:
            hold = (await at.fan.hold(at.sale, 2)).json()
            headers = {"Idempotency-Key": f"key-{next(numbers)}", "Prefer": "wait=0"}
            return await ask_cut(
                at.fan, cut, "POST", "/api/bookings", json={"hold_id": hold["id"]}, headers=headers
            )

        async def after() -> None:
            assert await at.unknown_holds() == []
            await at.empty_basket()
            assert {hold["state"] for hold in (await at.held()).values()} <= {"paying"}
            assert len(await at.held()) == await at.orders()

        assert await cut_everywhere(at, late, ask, after) > 2
        await all_is_booked(at, settings)


async def test_a_booking_in_one_step_is_on_its_way_or_holds_nothing(
    settings: Settings, monkeypatch, late: bool
):
    async with scene(settings, monkeypatch) as at:
        assert await cut_one_step(at, late) > 4
        await all_is_booked(at, settings)


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
async def test_control_a_hold_of_one_step_that_nobody_hears_of_is_seen(settings: Settings, monkeypatch):
    """One step made of two: who is cut off between them leaves a hold that nobody asks for again."""

    async def two_steps(
        desk: Desk, event: Event, user: User, visitor: str, kind: int, quantity: int, payment: Payment
    ) -> Answer:
        hold = await desk.hold(event, user, visitor, kind, quantity=quantity)
        return await desk.book(event, user, hold.id, payment)

    monkeypatch.setattr(Desk, "book_at_once", two_steps)
    async with scene(settings, monkeypatch) as at:
        with pytest.raises(TimeoutError):
            await again_and_again(lambda: cut_one_step(at, late=True))


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
async def test_control_a_reply_left_on_a_connection_is_seen(settings: Settings, monkeypatch):
    """Who is cut off leaves the connection in the pool as it is, and nobody looks whether it is clean."""
    disconnect = AbstractConnection.disconnect

    async def stay(connection: AbstractConnection, nowait: bool = False, **given: Any) -> None:
        if not nowait:
            await disconnect(connection, **given)

    async def looks_clean(connection: AbstractConnection) -> bool:
        return False

    async with scene(settings, monkeypatch) as at:
        # Scripts go over by a task of their own, which no request cuts. An order on its way is read without.
        asked = {"event_id": at.sale.event_id, "quantity": 1}
        accepted = await at.fan.post("/api/bookings", json=asked, headers={"Prefer": "wait=0"})

        async def ask(cut: Cut) -> httpx.Response | None:
            return await ask_cut(at.fan, cut, "GET", accepted.headers["Location"])

        async def after() -> None:
            pass

        assert await cut_everywhere(at, False, ask, after) > 1
        with monkeypatch.context() as client:
            client.setattr(AbstractConnection, "disconnect", stay)
            client.setattr(AbstractConnection, "can_read", looks_clean)
            with pytest.raises((AssertionError, KeyError, ValueError, RedisError, TimeoutError)):
                await again_and_again(lambda: cut_everywhere(at, False, ask, after))


async def cut_one_step(at: Scene, late: bool) -> int:
    numbers = count(1)
    body = {"event_id": at.sale.event_id, "quantity": 2}

    async def ask(cut: Cut) -> httpx.Response | None:
        headers = {"Idempotency-Key": f"key-{next(numbers)}", "Prefer": "wait=0"}
        return await ask_cut(at.fan, cut, "POST", "/api/bookings", json=body, headers=headers)

    async def all_on_their_way() -> bool:
        held = await at.held()
        return {hold["state"] for hold in held.values()} <= {"paying"} and len(held) == await at.orders()

    async def after() -> None:
        await eventually(all_on_their_way, seconds=2)

    return await cut_everywhere(at, late, ask, after)


async def all_is_booked(at: Scene, settings: Settings) -> None:
    """What is on its way is booked once each, and everything else is free."""
    orders = await at.orders()
    assert orders
    async with working(settings):
        await stock_is(at.house, at.sale, free=CAPACITY - 2 * orders, held=0, sold=2 * orders)
    assert await rows(at.house, tables.bookings, status="confirmed") == orders
    assert await rows(at.house, tables.tickets) == 2 * orders
    assert await rows(at.house, tables.outbox) == orders


async def test_a_claim_is_asked_again_and_lets_in_once(settings: Settings, monkeypatch, late: bool):
    async with scene(settings, monkeypatch) as at:
        path = f"/api/events/{at.sale.event_id}/queue/claim"
        newcomer = at.house.visitor()

        async def ask(cut: Cut) -> httpx.Response | None:
            newcomer.cookies.clear()
            assert (await newcomer.join(at.sale)).json()["state"] == "called"
            return await ask_cut(newcomer, cut, "POST", path)

        async def after() -> None:
            assert (await newcomer.claim(at.sale)).status_code == 200
            assert (await newcomer.delete(f"/api/events/{at.sale.event_id}/queue")).status_code == 204
            room = await services(at.house).rooms.of(at.sale.event_id)
            frame = await room.snapshot()
            assert (frame.called, frame.active) == (0, 1 + OTHERS)

        assert await cut_everywhere(at, late, ask, after) > 1
        await newcomer.aclose()


async def test_a_sale_is_made_whole_or_not_at_all(settings: Settings, monkeypatch, late: bool):
    """A transaction of many statements: what is cut in its middle leaves nothing, and no lock."""
    async with scene(settings, monkeypatch) as at:
        await cut_new_sale(at, late)


async def cut_new_sale(at: Scene, late: bool) -> None:
    database = at.house.database
    organiser = await database.fetch_val(select(tables.events.c.organiser_id))
    for number in count(1):
        cut, new = Cut(number, late), replace(NEW, slug=f"sale-{number}")
        await asyncio.wait([asyncio.create_task(driven(events.create(database, organiser, new), cut))])
        async with asyncio.timeout(10):
            await database.execute(tables.users.update().values(name="Anybody can write"))
            made = await rows(at.house, tables.events)
        await at.nobody_else_notices()
        assert await rows(at.house, tables.rooms) == await rows(at.house, tables.ticket_types) == made
        assert await rows(at.house, tables.units) == CAPACITY + NEW.types[0].capacity * (made - 1)
        if not cut.made:
            assert made > 1
            return

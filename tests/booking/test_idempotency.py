"""One key, one booking, one charge: however often it is sent, and whatever was lost meanwhile."""

import asyncio

import httpx
import pytest

from tests.booking.support import lose_stock, rows, services, stock_is, web_only, working
from tests.house import House, Sale, Visitor, in_process, make_sale
from tests.servers import Mailbox
from ticketflow.settings import Settings
from ticketflow.store import tables


async def one_of_everything(house: House, tickets: int) -> None:
    assert await rows(house, tables.bookings) == 1
    assert await rows(house, tables.payments) == 1
    assert await rows(house, tables.simulated_charges) == 1
    assert await rows(house, tables.outbox) == 1
    assert await rows(house, tables.tickets) == tickets


async def at_once(
    fan: Visitor, sale: Sale, key: str, quantity: int = 2, prefer: str = "wait=10"
) -> httpx.Response:
    """Book in one step."""
    body = {"event_id": sale.event_id, "quantity": quantity}
    return await fan.post("/api/bookings", json=body, headers={"Idempotency-Key": key, "Prefer": prefer})


async def test_one_key_sent_50_times_at_once_is_one_booking(settings: Settings, smtp: Mailbox):
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        hold = (await fan.hold(sale, 2)).json()
        answers = await asyncio.gather(*(fan.book(hold["id"], key="the-key") for _ in range(50)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1
        await one_of_everything(house, tickets=2)
        await stock_is(house, sale, free=498, held=0, sold=2)


async def test_in_one_step_a_key_sent_50_times_at_once_holds_nothing_back(settings: Settings):
    """Each of the 50 holds tickets first; all but the booking's own must come back."""
    sale = await make_sale(settings, per_user_limit=100)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        answers = await asyncio.gather(*(at_once(fan, sale, "the-key") for _ in range(50)))
        assert {answer.status_code for answer in answers} == {201}, [a.text for a in answers][:3]
        assert len({answer.json()["id"] for answer in answers}) == 1
        await one_of_everything(house, tickets=2)
        await stock_is(house, sale, free=498, held=0, sold=2)


async def test_in_one_step_a_key_sent_again_and_again_leaks_nothing(settings: Settings):
    sale = await make_sale(settings, per_user_limit=20)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        first = None
        for _ in range(4):
            await fan.join(sale)
            await fan.claim(sale)
            answer = await at_once(fan, sale, "the-key")
            assert answer.status_code == 201, answer.text
            first = first or answer.json()
            assert answer.json() == first
            await stock_is(house, sale, free=498, held=0, sold=2)
        await one_of_everything(house, tickets=2)


async def test_a_key_with_another_body_is_refused_and_changes_nothing(settings: Settings):
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        first, second = (await fan.hold(sale)).json(), (await fan.hold(sale)).json()
        assert (await fan.book(first["id"], key="the-key")).status_code == 201
        for other in (
            await fan.book(second["id"], key="the-key", prefer="wait=0"),
            await fan.book(second["id"], key="the-key"),
            await fan.book(first["id"], "card-slow", key="the-key"),
            await at_once(fan, sale, "the-key", quantity=1),
        ):
            assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch"), other.text
        await one_of_everything(house, tickets=1)
        await stock_is(house, sale, free=498, held=1, sold=1)
        assert (await fan.book(second["id"], key="another-key")).status_code == 201


async def test_a_key_on_its_way_with_another_body_is_refused(settings: Settings):
    sale = await make_sale(settings)
    async with web_only(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        hold = (await fan.hold(sale)).json()
        accepted = await fan.book(hold["id"], key="the-key", prefer="wait=0")
        assert accepted.status_code == 202
        assert accepted.headers["Location"] == f"/api/bookings/{accepted.json()['id']}"
        again = await fan.book(hold["id"], key="the-key", prefer="wait=0")
        assert (again.status_code, again.json()) == (202, accepted.json())
        other = await fan.book(hold["id"], "card-slow", key="the-key", prefer="wait=0")
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
        assert (await fan.book(hold["id"], prefer="wait=0")).json()["code"] == "hold_in_use"
        # What else would be refused by now does not matter.
        fan.headers["Queue-Ticket"] = "forged"
        again = await fan.book(hold["id"], key="the-key", prefer="wait=0")
        assert (again.status_code, again.json()) == (202, accepted.json()), again.text
        malformed = await fan.book("malformed", key="the-key", prefer="wait=0")
        assert (malformed.status_code, malformed.json()["code"]) == (422, "idempotency_mismatch")
        del fan.headers["Queue-Ticket"]
        async with working(settings):
            assert (await fan.book(hold["id"], key="the-key")).status_code == 201
        await one_of_everything(house, tickets=1)


async def test_the_same_key_of_two_users_is_two_keys(settings: Settings):
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as one, house.visitor() as other:
        ids = set()
        for fan in (one, other):
            await fan.register()
            await fan.come_in(sale)
            ids.add((await at_once(fan, sale, "the-key")).json()["id"])
        assert len(ids) == 2
        assert (await other.get(f"/api/bookings/{ids.pop()}")).status_code in (200, 404)
        assert len((await other.get("/api/bookings")).json()) == 1


@pytest.mark.parametrize("in_one_step", [False, True])
async def test_a_key_is_known_after_redis_has_lost_the_stock(settings: Settings, in_one_step: bool):
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        hold = {} if in_one_step else (await fan.hold(sale, 2)).json()

        async def book() -> httpx.Response:
            return await (at_once(fan, sale, "k") if in_one_step else fan.book(hold["id"], key="k"))

        first = await book()
        assert first.status_code == 201
        await stock_is(house, sale, free=498, held=0, sold=2)
        await lose_stock(house, sale)
        again = await book()
        assert (again.status_code, again.json()) == (201, first.json()), again.text
        await stock_is(house, sale, free=498, held=0, sold=2)
        assert (await book()).json() == first.json()
        await one_of_everything(house, tickets=2)


async def test_an_order_on_its_way_when_redis_loses_the_stock_is_booked_once(settings: Settings):
    """Redis has forgotten hold and key, not the stream: the retry is a second order of one booking."""
    sale = await make_sale(settings)
    async with web_only(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        accepted = await at_once(fan, sale, "k", prefer="wait=0")
        assert accepted.status_code == 202
        await lose_stock(house, sale)
        event = services(house).catalogue.find(sale.event_id)
        assert event is not None
        await services(house).keeper.prepare(event)
        again = await at_once(fan, sale, "k", prefer="wait=0")
        assert (again.status_code, again.json()) == (202, accepted.json())
        async with working(settings):
            await stock_is(house, sale, free=498, held=0, sold=2)
        assert (await fan.get(accepted.headers["Location"])).json()["status"] == "confirmed"
        await one_of_everything(house, tickets=2)


async def test_a_refused_key_stays_refused(settings: Settings):
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        hold = (await fan.hold(sale)).json()
        found, kept = services(house).stock, None
        for _ in range(3):
            declined = await fan.book(hold["id"], "card-declined", key="k")
            assert (declined.status_code, declined.json()["code"]) == (402, "payment_declined")
            assert declined.json()["hold_kept"] is True
            now = await found.find(sale.event_id, hold["id"], (await fan.get("/api/me")).json()["id"])
            assert now is not None
            assert (kept or now) == now, "asking again has moved the hold's end"
            kept = now
        assert await rows(house, tables.simulated_charges) == 1
        assert await rows(house, tables.outbox) == 0
        await stock_is(house, sale, free=499, held=1, sold=0)
        assert (await fan.book(hold["id"], key="another-card")).status_code == 201

"""Hold and pay in one request."""

import asyncio
from dataclasses import replace

from tests.booking.support import rows, stock_is
from tests.house import House, Sale, in_process, make_sale
from ticketflow.settings import Settings
from ticketflow.store import tables
from ticketflow.store.events import NewTicketType, Seat

TYPES = [NewTicketType("Standing", 2500, 50), NewTicketType("Balcony", 9900, 5)]


def hall(rows: int, seats: int) -> list[NewTicketType]:
    seated = [Seat("Hall", str(row), n) for row in range(1, rows + 1) for n in range(1, seats + 1)]
    return [NewTicketType("Hall", 4000, len(seated), seated)]


async def pair(house: House, sale: Sale) -> list[int]:
    """The units of two seats that somebody new books in one step."""
    async with house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        answer = await fan.post("/api/bookings", json={"event_id": sale.event_id, "quantity": 2})
        assert answer.status_code == 201, answer.text
        return sorted(ticket["unit"] for ticket in answer.json()["tickets"])


async def test_seats_of_one_step_are_side_by_side_as_long_as_any_are(settings: Settings):
    sale = await make_sale(settings, types=hall(3, 3))
    async with in_process(settings) as house:
        pairs = [await pair(house, sale) for _ in range(4)]
        assert all(one % 3 < 2 and other == one + 1 for one, other in pairs[:3]), pairs
        one, other = pairs[3]
        assert one // 3 != other // 3, "none were left side by side, so any are given"
        await stock_is(house, sale, free=1, held=0, sold=8)


async def test_many_at_once_who_want_the_best_seats_all_get_two_together(settings: Settings):
    sale = await make_sale(settings, types=hall(10, 10))
    async with in_process(settings) as house:
        pairs = await asyncio.gather(*(pair(house, sale) for _ in range(15)))
        assert all(one // 10 == other // 10 and other == one + 1 for one, other in pairs), pairs
        await stock_is(house, sale, free=70, held=0, sold=30)


async def test_one_request_is_enough(settings: Settings):
    sale = await make_sale(settings, types=TYPES)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        first = await fan.post("/api/bookings", json={"event_id": sale.event_id, "quantity": 2})
        assert first.status_code == 201, first.text
        booking = first.json()
        assert (booking["ticket_type_id"], booking["amount"]) == (sale.type_ids[0], 5000)
        assert first.headers["Location"] == f"/api/bookings/{booking['id']}"
        assert (await fan.get(first.headers["Location"])).json() == booking
        await fan.join(sale)
        await fan.claim(sale)
        body = {"event_id": sale.event_id, "quantity": 1, "ticket_type_id": sale.type_ids[1]}
        second = await fan.post("/api/bookings", json={**body, "payment": {"method": "card-slow"}})
        assert (second.status_code, second.json()["amount"]) == (201, 9900)
        await stock_is(house, sale, free=48, held=0, sold=2)


async def test_what_is_refused_in_one_step_leaves_nothing_held(settings: Settings):
    sale = await make_sale(settings, types=TYPES, per_user_limit=4)
    async with in_process(settings) as house, house.visitor() as fan, house.visitor() as outside:
        await fan.register()
        await fan.come_in(sale)
        body = {"event_id": sale.event_id, "quantity": 2}
        declined = await fan.post("/api/bookings", json={**body, "payment": {"method": "card-declined"}})
        assert (declined.status_code, declined.json()["code"]) == (402, "payment_declined")
        assert declined.json()["hold_kept"] is False
        too_many = await fan.post("/api/bookings", json={**body, "quantity": 5})
        assert (too_many.status_code, too_many.json()["code"]) == (422, "limit_exceeded")
        unknown = await fan.post("/api/bookings", json={**body, "payment": {"method": "gold"}})
        assert (unknown.status_code, unknown.json()["code"]) == (422, "bad_payment_method")
        elsewhere = await fan.post("/api/bookings", json={**body, "ticket_type_id": sale.type_ids[1] + 1000})
        assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "not_found")
        await outside.register()
        not_in = await outside.post("/api/bookings", json=body)
        assert (not_in.status_code, not_in.json()["code"]) == (403, "not_admitted")
        nobody = await house.visitor().post("/api/bookings", json=body)
        assert (nobody.status_code, nobody.json()["code"]) == (401, "not_signed_in")
        await stock_is(house, sale, free=50, held=0, sold=0)
        assert await rows(house, tables.tickets) == await rows(house, tables.outbox) == 0


async def test_a_retry_while_the_first_try_is_on_its_way_is_the_same_booking(settings: Settings):
    """The first try has used the limit up: the retry must not be refused for that."""
    slow = replace(settings, slow_payment_seconds=2)
    sale = await make_sale(slow, types=TYPES, per_user_limit=4)
    async with in_process(slow) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        body = {"event_id": sale.event_id, "quantity": 4, "payment": {"method": "card-slow"}}
        key = {"Idempotency-Key": "once"}
        first = await fan.post("/api/bookings", json=body, headers={**key, "Prefer": "wait=0"})
        assert first.status_code == 202, first.text
        other = await fan.post("/api/bookings", json={**body, "quantity": 3}, headers=key)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
        again = await fan.post("/api/bookings", json=body, headers={**key, "Prefer": "wait=20"})
        assert (again.status_code, again.json()["id"]) == (201, first.json()["id"]), again.text
        await stock_is(house, sale, free=46, held=0, sold=4)


async def test_one_pass_serves_one_account(settings: Settings):
    sale = await make_sale(settings, types=TYPES)
    async with in_process(settings) as house, house.visitor() as fan, house.visitor() as friend:
        await fan.register()
        await fan.join(sale)
        token = (await fan.claim(sale)).json()["pass"]
        held = await fan.hold(sale)
        await friend.register()
        friend.headers["Queue-Pass"] = token
        refused = await friend.hold(sale)
        assert (refused.status_code, refused.json()["code"]) == (403, "pass_in_use")
        at_once = await friend.post("/api/bookings", json={"event_id": sale.event_id, "quantity": 1})
        assert (at_once.status_code, at_once.json()["code"]) == (403, "pass_in_use")
        assert (await fan.book(held.json()["id"])).status_code == 201
        await stock_is(house, sale, free=49, held=0, sold=1)

"""Hold and pay in one request."""

from tests.booking.support import rows, stock_is
from tests.house import in_process, make_sale
from ticketflow.settings import Settings
from ticketflow.store import tables
from ticketflow.store.events import NewTicketType

TYPES = [NewTicketType("Standing", 2500, 50), NewTicketType("Balcony", 9900, 5)]


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

"""What a ticket costs: the price, and the booking fee on top; worked out here, never by a client."""

import pytest
from sqlalchemy import select

from tests.booking.support import rows
from tests.house import CODES, House, in_process, make_sale
from tests.letters import html_of, opened, text_of
from ticketflow.domain import TicketType, booking_fee
from ticketflow.mail.message import Messages
from ticketflow.settings import Settings
from ticketflow.store import bookings, events, tables
from ticketflow.store.events import NewTicketType
from ticketflow.store.outbox import Letter

PRICE, BASIS_POINTS, FEE = 2490, 725, 181  # 7.25% of 24.90 is 1.80525


@pytest.mark.parametrize(
    ("price", "basis_points", "fee"),
    [
        (0, 500, 0),
        (2500, 0, 0),
        (2490, 725, 181),
        (1, 4999, 0),
        (1, 5000, 1),  # half a unit goes up
        (3, 5000, 2),
        (10**11, 10_000, 10**11),
    ],
)
def test_half_a_minor_unit_is_rounded_up(price: int, basis_points: int, fee: int):
    assert booking_fee(price, basis_points) == fee


def test_many_tickets_cost_what_each_costs_alone():
    kind = TicketType(1, "Standing", PRICE, 10, seated=False, fee=FEE)
    alone = kind.cost(1)
    assert kind.cost(7) == (7 * alone[0], 7 * alone[1]) == (7 * (PRICE + FEE), 7 * FEE)


async def charged(house: House, booking_id: str) -> list[int]:
    """What our books and the gateway's say was to be paid."""
    ours, theirs = tables.payments, tables.simulated_charges
    return [
        await house.database.fetch_val(select(ours.c.amount).where(ours.c.booking_id == booking_id)),
        await house.database.fetch_val(select(theirs.c.amount).where(theirs.c.charge_key == booking_id)),
    ]


async def test_the_fee_is_in_all_that_is_told_and_in_what_is_charged(settings: Settings):
    types = [NewTicketType("Standing", PRICE, 50)]
    sale = await make_sale(settings, types=types, fee_basis_points=BASIS_POINTS)
    async with in_process(settings) as house, house.visitor() as fan:
        user_id = (await fan.register()).json()["id"]
        await fan.come_in(sale)
        shown = (await fan.get(f"/api/events/{sale.event_id}")).json()["ticket_types"][0]
        assert (shown["price"], shown["fee"]) == (PRICE, FEE)
        ask = {"ticket_type_id": sale.type_ids[0], "quantity": 3}
        hold = (await fan.post(f"/api/events/{sale.event_id}/holds", json=ask)).json()
        assert (hold["amount"], hold["fee"]) == (3 * (PRICE + FEE), 3 * FEE)
        answer = await fan.post("/api/bookings", json={"hold_id": hold["id"]})
        booking = answer.json()
        assert (booking["amount"], booking["fee"]) == (hold["amount"], hold["fee"])
        assert await charged(house, booking["id"]) == [hold["amount"]] * 2
        stored = await bookings.by_id(house.database, booking["id"], user_id)
        event = await events.by_id(house.database, sale.event_id)
        assert stored is not None
        assert event is not None
        letter = Letter(1, "booking_confirmed", stored.id, "fan@example.com", "<1@example.com>", 0)
        messages = Messages("desk@example.com", "http://localhost", CODES)
        mail = opened(messages.write(letter, "Fan", stored, event))
        parts = [text_of(mail), html_of(mail)]
        assert all("€80.13" in part and "€5.43 booking fee" in part for part in parts)
        page = (await fan.get(f"/bookings/{stored.id}")).text
        assert "€80.13" in page


async def test_a_client_cannot_name_its_own_total(settings: Settings):
    sale = await make_sale(settings, fee_basis_points=BASIS_POINTS)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        for extra in ({"amount": 1}, {"fee": 0}):
            body = {"event_id": sale.event_id, "quantity": 1, **extra}
            assert (await fan.post("/api/bookings", json=body)).status_code == 422
        assert await rows(house, tables.bookings) == 0

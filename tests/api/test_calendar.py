"""A booking in the fan's own calendar: whole, theirs alone, and replaced by what becomes of it."""

from datetime import timedelta

import pytest
from icalendar import Calendar
from icalendar import Event as Entry

from tests.api.support import BALCONY, is_problem, open_sale, services
from tests.house import House, Sale, Visitor
from ticketflow.domain import now

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def booked(fan: Visitor, sale: Sale, quantity: int) -> dict:
    held = await fan.hold(sale, quantity)
    answer = await fan.book(held.json()["id"])
    assert answer.status_code == 201, answer.text
    body: dict = answer.json()
    return body


async def entry_of(fan: Visitor, booking_id: str) -> tuple[Calendar, Entry]:
    """The calendar behind a booking's address, and the one thing in it."""
    found = await fan.get(f"/bookings/{booking_id}/calendar.ics")
    assert found.status_code == 200, found.text
    assert found.headers["Content-Type"].startswith("text/calendar")
    assert "no-store" in found.headers["Cache-Control"]
    calendar = Calendar.from_ical(found.content)
    assert calendar.errors == []
    (entry,) = calendar.events
    return calendar, entry


async def test_it_says_when_where_and_with_which_tickets(house: House):
    sale = await open_sale(house, types=[BALCONY])
    async with house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        booking = await booked(fan, sale, 2)
        calendar, entry = await entry_of(fan, booking["id"])
        again = (await entry_of(fan, booking["id"]))[1]
    event = services(house).catalogue.event(sale.event_id)
    assert str(calendar["method"]) == "PUBLISH"
    assert entry.decoded("dtstart") == event.starts_at.replace(microsecond=0)
    assert entry.to_ical().decode().count("\nDTSTART:") == 1, "in UTC, without a zone to be looked up"
    assert (str(entry["summary"]), str(entry["location"])) == (event.name, event.venue)
    assert (str(entry["status"]), entry.decoded("sequence")) == ("CONFIRMED", 1)
    assert str(entry["url"]) == f"http://localhost/bookings/{booking['id']}"
    for ticket in booking["tickets"]:
        assert f"{ticket['seat']}: {ticket['code']}" in str(entry["description"])
    assert str(entry["uid"]) == str(again["uid"])
    assert booking["id"] in str(entry["uid"])


async def test_a_cancelled_booking_leaves_the_calendar(house: House):
    sale = await open_sale(house, cancel_until=now() + timedelta(days=1))
    async with house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        booking = await booked(fan, sale, 1)
        _, before = await entry_of(fan, booking["id"])
        assert (await fan.post(f"/api/bookings/{booking['id']}/cancel")).status_code == 200
        calendar, after = await entry_of(fan, booking["id"])
    assert (str(calendar["method"]), str(after["status"])) == ("CANCEL", "CANCELLED")
    assert str(after["uid"]) == str(before["uid"])
    assert after.decoded("sequence") > before.decoded("sequence")
    assert booking["tickets"][0]["code"] not in str(after["description"])


async def test_it_is_the_owner_s_alone(house: House, sale: Sale, fan: Visitor):
    booking = await booked(fan, sale, 1)
    where = f"/bookings/{booking['id']}/calendar.ics"
    async with house.visitor() as other:
        asked = await other.get(where)
        assert (asked.status_code, asked.headers["Location"]) == (302, f"/signin?next={where}")
        await other.register()
        assert (await other.get(where)).status_code == 404
        assert (await other.get(f"/bookings/{'0' * 32}/calendar.ics")).status_code == 404


async def test_what_did_not_go_through_has_none(house: House, sale: Sale, fan: Visitor):
    held = await fan.hold(sale)
    declined = await fan.book(held.json()["id"], "card-declined", key="a-key")
    body = is_problem(declined, 402, "payment_declined")
    refused = body.get("booking_id") or declined.headers.get("Location", "").rpartition("/")[2]
    if refused:
        assert (await fan.get(f"/bookings/{refused}/calendar.ics")).status_code == 404

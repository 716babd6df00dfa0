"""Who may cancel what, and until when: over the API, and on pages without a script."""

from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.api.support import desk_line, is_problem, made_sale, open_sale, sale_body, services, state_of
from tests.house import House, Sale, Visitor, eventually
from ticketflow.domain import iso, now

pytestmark = pytest.mark.asyncio(loop_scope="package")

LATER = timedelta(days=10)


@pytest_asyncio.fixture(loop_scope="package")
async def sale(house: House) -> Sale:
    """A sale whose tickets may be given back."""
    return await open_sale(house, cancel_until=now() + LATER)


async def booked(fan: Visitor, sale: Sale, quantity: int = 1) -> dict[str, Any]:
    """A confirmed booking of somebody who is let in."""
    answer = await fan.book((await fan.hold(sale, quantity)).json()["id"])
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def path(booking: dict[str, Any]) -> str:
    return f"/api/bookings/{booking['id']}/cancel"


def organisers_path(sale: Sale, booking: dict[str, Any]) -> str:
    return f"/api/organiser/events/{sale.event_id}/bookings/{booking['id']}/cancel"


async def settled(house: House, sale: Sale) -> None:
    """Return once nothing of the sale is held or on its way."""
    found = services(house)
    event = found.catalogue.find(sale.event_id)
    assert event is not None
    keys = found.stock.keys(sale.event_id)

    async def so() -> bool:
        return not (await found.redis.hlen(keys.holds) or await found.redis.hlen(keys.pending))

    await eventually(so)


async def test_who_may_not_cancel_changes_nothing(house: House, sale: Sale, fan: Visitor):
    another = await open_sale(house)
    booking = await booked(fan, sale)
    await settled(house, sale)
    before = await state_of(house, sale)
    async with house.visitor() as nobody, house.visitor() as stranger, house.visitor() as other_organiser:
        await stranger.register()
        await other_organiser.sign_in(another.organiser_email)
        before = await state_of(house, sale)
        is_problem(await nobody.post(path(booking)), 401, "not_signed_in")
        is_problem(await stranger.post(path(booking)), 404, "not_found")
        is_problem(await other_organiser.post(path(booking)), 404, "not_found")
        is_problem(await fan.post("/api/bookings/no-such-booking/cancel"), 404, "not_found")
        is_problem(await fan.post(organisers_path(sale, booking)), 403, "forbidden")
        is_problem(await other_organiser.post(organisers_path(sale, booking)), 404, "not_found")
        # Their own event, and another's booking.
        is_problem(await other_organiser.post(organisers_path(another, booking)), 404, "not_found")
        page = await stranger.post(f"/bookings/{booking['id']}/cancel")
        assert page.status_code == 404
    assert (await fan.get(f"/api/bookings/{booking['id']}")).json() == booking
    assert await state_of(house, sale) == before


@pytest.mark.parametrize(
    ("cancel_until", "code"),
    [(None, "cancel_not_allowed"), (-timedelta(seconds=1), "cancel_too_late")],
)
async def test_bookers_cancel_until_the_organisers_time_and_organisers_always(
    house: House, cancel_until: timedelta | None, code: str
):
    sale = await open_sale(house, cancel_until=None if cancel_until is None else now() + cancel_until)
    async with house.visitor() as fan, house.visitor() as organiser:
        await fan.register()
        await fan.come_in(sale)
        booking = await booked(fan, sale)
        await settled(house, sale)
        before = await state_of(house, sale)
        is_problem(await fan.post(path(booking)), 409, code)
        assert "Cancel" not in (await fan.get("/tickets")).text
        for method in ("GET", "POST"):
            refused = await fan.request(method, f"/bookings/{booking['id']}/cancel")
            assert refused.status_code == 409
        assert await state_of(house, sale) == before
        await organiser.sign_in(sale.organiser_email)
        answer = await organiser.post(organisers_path(sale, booking))
        assert (answer.status_code, answer.json()["reason"]) == (200, "cancelled_by_organiser")
        assert (await organiser.post(organisers_path(sale, booking))).json() == answer.json()
        # What is cancelled already is not too late to be.
        again = await fan.post(path(booking))
        assert (again.status_code, again.json()) == (200, answer.json())
        shown = (await fan.get(f"/bookings/{booking['id']}")).text
        assert "The organiser has cancelled this booking." in shown


async def test_a_booking_that_is_not_confirmed_cannot_be_cancelled(house: House, sale: Sale, fan: Visitor):
    hold = (await fan.hold(sale)).json()
    slow = await fan.book(hold["id"], "card-slow", prefer="wait=0")
    on_its_way = {"id": slow.json()["id"]}
    assert slow.status_code == 202
    is_problem(await fan.post(path(on_its_way)), 409, "still_processing")
    await settled(house, sale)
    await fan.come_in(sale)
    declined = await fan.book((await fan.hold(sale)).json()["id"], "card-declined")
    refused = {"id": is_problem(declined, 402)["booking_id"]}
    is_problem(await fan.post(path(refused)), 409, "not_confirmed")
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        is_problem(await organiser.post(organisers_path(sale, refused)), 409, "not_confirmed")


async def test_others_see_the_units_and_the_booker_the_end(house: House, sale: Sale, fan: Visitor):
    booking = await booked(fan, sale, 3)
    await settled(house, sale)
    async with (
        house.visitor() as organiser,
        desk_line(house, sale) as anybody,
        desk_line(house, sale, fan) as bookers,
    ):
        await organiser.sign_in(sale.organiser_email)
        assert (await organiser.post(organisers_path(sale, booking))).status_code == 200
        frame = await bookers.next("booking")
        assert (frame["id"], frame["status"]) == (booking["id"], "cancelled")
        kind = str(sale.type_ids[0])
        while (await anybody.next("stock"))["remaining"][kind] != 20:
            pass


async def test_one_key_stays_one_booking_also_when_it_is_cancelled(house: House, sale: Sale, fan: Visitor):
    body = {"event_id": sale.event_id, "quantity": 2}
    headers = {"Idempotency-Key": "the-one"}
    first = await fan.post("/api/bookings", json=body, headers=headers)
    assert first.status_code == 201
    await settled(house, sale)
    cancelled = (await fan.post(path(first.json()))).json()
    await fan.come_in(sale)
    again = await fan.post("/api/bookings", json=body, headers=headers)
    assert (again.status_code, again.json()) == (201, cancelled)
    await settled(house, sale)
    found = services(house)
    event = found.catalogue.find(sale.event_id)
    assert event is not None
    counts = await found.stock.counts(event)
    assert counts is not None
    kind = sale.type_ids[0]
    assert (counts.remaining[kind], counts.sold[kind]) == (20, 0)


async def test_the_time_is_the_organisers_to_set_and_everybodys_to_see(house: House, sale: Sale):
    until = iso(now() + LATER)
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        made = await made_sale(organiser, cancel_until=until)
        without = await organiser.post("/api/organiser/events", json=sale_body())
        event = (await organiser.get(f"/api/events/{made.event_id}")).json()
        assert (event["cancel_until"], without.json()["cancel_until"]) == (until, None)


async def test_a_page_without_a_script_asks_first(house: House, sale: Sale, fan: Visitor):
    booking = await booked(fan, sale, 2)
    ask = f"/bookings/{booking['id']}/cancel"
    for page in ("/tickets", f"/bookings/{booking['id']}"):
        assert f'href="{ask}"' in (await fan.get(page)).text
    asked = (await fan.get(ask)).text
    assert "Cancel this booking?" in asked
    assert "€50.00</data> goes back" in asked
    assert (await fan.get(f"/api/bookings/{booking['id']}")).json()["status"] == "confirmed"
    done = await fan.post(ask)
    assert (done.status_code, done.headers["Location"]) == (303, f"/bookings/{booking['id']}")
    shown = (await fan.get(f"/bookings/{booking['id']}")).text
    assert "You have cancelled this booking." in shown
    assert "€50.00</data> went back" in shown
    mine = (await fan.get("/tickets")).text
    assert "Cancelled, refunded" in mine
    assert ask not in mine
    assert (await fan.get(ask)).headers["Location"] == f"/bookings/{booking['id']}"
    assert (await fan.post(ask)).status_code == 303
    async with house.visitor() as nobody:
        assert (await nobody.post(ask)).headers["Location"] == f"/signin?next={ask}"

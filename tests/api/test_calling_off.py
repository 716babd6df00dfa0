"""An event that its organiser calls off: asked for with the password, and what everybody meets after it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import func, insert, select, update

from tests.api.support import is_problem, open_sale, services
from tests.api.test_cancelling import booked
from tests.api.test_used_tickets import use
from tests.house import PASSWORD, House, Sale, Visitor, eventually
from tests.mail import letters
from ticketflow.domain import now
from ticketflow.store import sales
from ticketflow.store.tables import audit, bookings, outbox, reminders
from ticketflow.store.tables import rooms as room_table

pytestmark = pytest.mark.asyncio(loop_scope="package")
WHY = "The hall is flooded."
ASKED = {"reason": WHY, "current_password": PASSWORD}


@pytest_asyncio.fixture(loop_scope="package")
async def organiser(house: House, sale: Sale) -> AsyncIterator[Visitor]:
    async with house.visitor() as visitor:
        await visitor.sign_in(sale.organiser_email)
        yield visitor


def path(sale: Sale) -> str:
    return f"/api/organiser/events/{sale.event_id}/cancel"


async def ended(organiser: Visitor, sale: Sale) -> dict[str, Any]:
    """How it stands once all is done."""

    async def so() -> dict[str, Any] | None:
        far = (await organiser.get(path(sale))).json()
        return far if far["state"] == "finished" else None

    found = await eventually(so)
    assert found is not None
    return found


async def test_it_takes_the_password_and_a_reason(house: House, sale: Sale, organiser: Visitor):
    wrong = await organiser.post(path(sale), json=ASKED | {"current_password": "not it"})
    is_problem(wrong, 403, "wrong_password")
    is_problem(await organiser.post(path(sale), json=ASKED | {"reason": " "}), 422, "invalid_request")
    page = await organiser.post(f"/organiser/{sale.slug}/cancel", data=ASKED | {"current_password": "no"})
    assert page.status_code == 403
    assert WHY in page.text
    assert (await organiser.get(path(sale))).json()["state"] == "not_started"
    assert (await organiser.get(f"/api/events/{sale.event_id}")).json()["called_off"] is False


async def test_everything_ends_and_everybody_is_told(
    house: House, sale: Sale, organiser: Visitor, fan: Visitor
):
    booking = await booked(fan, sale, 2)
    async with house.visitor() as other, house.visitor() as late:
        await other.register()
        await other.come_in(sale)
        held = (await other.hold(sale)).json()["id"]
        await late.register()
        wish = {"event_id": sale.event_id, "user_id": (await late.get("/api/me")).json()["id"]}
        await house.database.execute(insert(reminders).values(**wish, asked_at=now()))
        what = (await organiser.get(path(sale))).json()
        assert (what["bookings"], what["tickets"], what["amount"]) == (1, 2, 5000)
        begun = await organiser.post(path(sale), json=ASKED)
        assert begun.status_code == 202, begun.text
        is_problem(await other.book(held), {409, 410})
        is_problem(await other.hold(sale), 409, "called_off")
        is_problem(await late.join(sale), 409, "room_closed")
        far = await ended(organiser, sale)
        assert (far["cancelled"], far["refunded"], far["left_alone"]) == (1, 1, 0)
        is_problem(await other.get(f"/api/holds/{held}"), 410)
    event = (await fan.get(f"/api/events/{sale.event_id}")).json()
    assert (event["sale_state"], event["called_off"], event["called_off_because"]) == ("closed", True, WHY)
    now_is = (await fan.get(f"/api/bookings/{booking['id']}")).json()
    assert (now_is["status"], now_is["reason"], now_is["refund"]) == ("cancelled", "called_off", "refunded")
    those = (outbox.c.booking_id == booking["id"]) & (outbox.c.kind == "booking_cancelled")
    assert await house.database.fetch_val(select(func.count()).select_from(outbox).where(those)) == 1
    mine = reminders.c.event_id == sale.event_id
    assert await house.database.fetch_val(select(func.count()).select_from(reminders).where(mine)) == 0
    acts = select(audit.c.action).where(
        (audit.c.event_id == sale.event_id) & (audit.c.action == "event.call_off")
    )
    assert len(await house.database.fetch_all(acts)) == 1
    assert "METHOD:CANCEL" in (await fan.get(f"/bookings/{booking['id']}/calendar.ics")).text
    for page in (f"/events/{sale.slug}", f"/bookings/{booking['id']}", f"/organiser/{sale.slug}/cancel"):
        shown = (await (organiser if "organiser" in page else fan).get(page)).text
        assert "called" in shown
        assert WHY in shown
    assert "Called off" in (await fan.get("/")).text
    assert "The organiser has called the event off." in (await fan.get("/tickets")).text


async def test_it_is_for_good_and_said_once(house: House, sale: Sale, organiser: Visitor):
    await organiser.post(path(sale), json=ASKED)
    again = await organiser.post(path(sale), json=ASKED | {"reason": "Another"})
    assert (again.status_code, again.json()["reason"]) == (202, WHY)
    room = f"/api/organiser/events/{sale.event_id}/room"
    is_problem(await organiser.patch(room, json={"mode": "open"}), 409, "called_off")
    event = f"/api/organiser/events/{sale.event_id}"
    is_problem(await organiser.patch(event, json={"venue": "Elsewhere"}), 409, "called_off")
    is_problem(
        await organiser.patch(f"{event}/ticket-types/{sale.type_ids[0]}", json={"capacity": 900}),
        409,
        "called_off",
    )
    # What a worker that has not heard of it writes about the room does not open it again.
    await house.database.execute(
        update(room_table).where(room_table.c.event_id == sale.event_id).values(mode="open")
    )
    await services(house).redis.delete((await services(house).rooms.of(sale.event_id)).keys.room)

    async def closed() -> bool:
        answer = await organiser.get(room)
        return answer.status_code == 200 and answer.json()["mode"] == "closed"

    await eventually(closed)


async def test_a_used_ticket_keeps_its_booking_and_others_let_nobody_in(
    house: House, sale: Sale, organiser: Visitor, fan: Visitor
):
    used = await booked(fan, sale)
    await use(house, sale, used["tickets"][0])
    await fan.come_in(sale)
    unused = await booked(fan, sale)
    await organiser.post(path(sale), json=ASKED)
    told = await organiser.post("/api/organiser/check", json={"code": unused["tickets"][0]["signed"]})
    assert told.json()["verdict"] == "void"
    far = await ended(organiser, sale)
    assert (far["bookings"], far["cancelled"], far["left_alone"]) == (2, 1, 1)
    assert far["left_alone_codes"] == [used["code"]]
    assert used["code"] in (await organiser.get(f"/organiser/{sale.slug}/cancel")).text
    assert (await fan.get(f"/api/bookings/{used['id']}")).json()["status"] == "confirmed"
    assert "Ask the organiser about its money" in (await fan.get(f"/bookings/{used['id']}")).text


async def statuses(house: House, sale: Sale) -> set[tuple[str, str | None]]:
    rows = await house.database.fetch_all(
        select(bookings.c.status, bookings.c.reason).where(bookings.c.event_id == sale.event_id)
    )
    return {(row["status"], row["reason"]) for row in rows}


async def test_an_order_under_way_is_refused(house: House, organiser: Visitor, sale: Sale):
    await organiser.post(path(sale), json=ASKED)
    await letters.book(house.database, sale, 3)
    assert await statuses(house, sale) == {("refused", "called_off")}


async def test_what_slips_through_is_cancelled_all_the_same(
    house: House, organiser: Visitor, sale: Sale, monkeypatch: pytest.MonkeyPatch
):
    """The control of the one above: a commit that has not read that it is called off."""
    await organiser.post(path(sale), json=ASKED)
    await ended(organiser, sale)
    refuse = sales._refused
    monkeypatch.setattr(
        sales, "_refused", lambda vs, those, why: vs if why == "called_off" else refuse(vs, those, why)
    )
    await letters.book(house.database, sale, 3)

    async def gone() -> bool:
        return await statuses(house, sale) == {("cancelled", "called_off")}

    await eventually(gone)
    assert (await ended(organiser, sale))["refunded"] == 3


async def test_another_event_goes_on(house: House, organiser: Visitor, sale: Sale):
    another = await open_sale(house)
    await organiser.post(path(sale), json=ASKED)
    async with house.visitor() as fan:
        await fan.register()
        await fan.come_in(another)
        booking = await fan.book((await fan.hold(another)).json()["id"])
        assert booking.status_code == 201
        await ended(organiser, sale)
        assert (await fan.get(f"/api/bookings/{booking.json()['id']}")).json()["status"] == "confirmed"

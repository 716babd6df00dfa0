"""Events edited over the API: types and seats, prices and limits, ends, zones, stale edits, copies."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from tests.api.support import is_problem, made_sale, open_sale, sale_body, services
from tests.api.test_organiser_events import organiser as organiser  # noqa: PLC0414 - a fixture
from tests.house import House, Sale, Visitor, eventually
from ticketflow.domain import iso, now
from ticketflow.store.tables import rooms

pytestmark = pytest.mark.asyncio(loop_scope="package")

EVENTS = "/api/organiser/events"
HALL = "section,row,number\nStalls,A,4\nStalls,A,2\nBox,1,1\nStalls,B,1\n"


def types(answer: Any) -> dict[str, Any]:
    return {kind["name"]: kind for kind in answer.json()["ticket_types"]}


async def test_types_come_and_go_until_the_doors_have_been_open(organiser: Visitor):
    sale = await made_sale(organiser)
    kinds = f"{EVENTS}/{sale.event_id}/ticket-types"
    is_problem(await organiser.delete(f"{kinds}/{sale.type_ids[0]}"), 409, "last_type")
    box = {"name": "Box", "price": 9900, "seating": HALL}
    added = await organiser.post(kinds, json=box)
    assert (added.status_code, types(added)["Box"]["remaining"]) == (201, 4)
    is_problem(await organiser.post(kinds, json=box), 409, "name_taken")
    seats = (await organiser.get(f"/api/events/{sale.event_id}/seats")).json()
    places = [(seat["section"], seat["row"], seat["number"]) for seat in seats]
    assert places == [("Stalls", "A", 4), ("Stalls", "A", 2), ("Box", "1", 1), ("Stalls", "B", 1)]
    old = types(added)["Box"]["id"]
    other = await organiser.patch(f"{kinds}/{old}", json={"seating": "section,row,seats\nBox,A,3"})
    assert (types(other)["Box"]["capacity"], types(other)["Box"]["remaining"]) == (3, 3)
    assert types(other)["Box"]["id"] != old
    is_problem(await organiser.patch(f"{kinds}/{old}", json={"price": 1}), 404)
    new = types(other)["Box"]["id"]
    is_problem(await organiser.patch(f"{kinds}/{new}", json={"capacity": 2}), 409, "seats_stand")
    assert set(types(await organiser.delete(f"{kinds}/{sale.type_ids[0]}"))) == {"Box"}
    await organiser.patch(f"{EVENTS}/{sale.event_id}/room", json={"mode": "open"})

    async def opened() -> bool:
        return bool((await organiser.get(f"{EVENTS}/{sale.event_id}")).json()["opened"])

    await eventually(opened)
    is_problem(await organiser.post(kinds, json={**box, "name": "More"}), 409, "sale_opened")
    is_problem(await organiser.delete(f"{kinds}/{new}"), 409)
    assert types(await organiser.patch(f"{kinds}/{new}", json={"name": "Boxes"})).keys() == {"Boxes"}


@pytest.mark.parametrize(
    ("seating", "told"),
    [
        ("", "Line 1: The first line must be"),
        ("row,seats\nA,2", "Line 1: The first line must be"),
        ("section,row,number\n", "Line 1: There are no seats"),
        ("section;row;number\nS;A;1\n\nS;A;1", "Line 4: S, row A, seat 1 stands in line 2 already."),
        ("section,row,seats\nS,A,0\nS,,3\nS,A", "Line 2: seats must be a whole number"),
        ("section,row,seats\nS,A,2\nS,,3\nS,A", "Line 3: the row is missing.\nLine 4: there are 2 fields"),
    ],
)
async def test_a_seating_is_refused_by_its_lines(organiser: Visitor, seating: str, told: str):
    kind = {"name": "Box", "price": 1, "seating": seating}
    refused = await organiser.post(EVENTS, json=sale_body(ticket_types=[kind]))
    assert told in is_problem(refused, 422, "invalid_request")["detail"]


async def test_a_stale_edit_is_refused_and_says_what_has_changed(organiser: Visitor):
    sale = await made_sale(organiser)
    path = f"{EVENTS}/{sale.event_id}"
    revision = (await organiser.get(path)).json()["revision"]
    kind = f"{path}/ticket-types/{sale.type_ids[0]}"
    first = await organiser.patch(path, json={"venue": "Elsewhere", "revision": revision})
    assert first.json()["revision"] == revision + 1
    await organiser.patch(kind, json={"price": 3000, "capacity": 30, "revision": revision + 1})
    await organiser.patch(path, json={"venue": "Here"})
    for late in (
        await organiser.patch(path, json={"name": "Mine", "revision": revision}),
        await organiser.patch(kind, json={"price": 1, "revision": revision}),
        await organiser.delete(kind, params={"revision": revision}),
    ):
        told = is_problem(late, 409, "stale")
        assert told["changed"] == {
            "venue": {"from": "The test hall", "to": "Here"},
            "Standing: price": {"from": 2500, "to": 3000},
            "Standing: capacity": {"from": 20, "to": 30},
        }
        assert (told["revision"], told["by"]) == (revision + 4, "Organiser")
    kept = (await organiser.get(path)).json()
    assert (kept["name"], kept["ticket_types"][0]["price"]) == ("A night at the hall", 3000)
    # The control: made for what there is, the same edit is written.
    assert (await organiser.patch(path, json={"name": "Mine", "revision": revision + 4})).status_code == 200
    acts = (await organiser.get(f"{path}/audit")).json()["audit"]
    price = next(act for act in acts if act["action"] == "type.edit")
    assert (price["before"]["price"], price["after"]["price"]) == (2500, 3000)


async def test_prices_and_limits_hold_from_the_next_hold_on(house: House, fan: Visitor, sale: Sale):
    async with house.visitor() as owner:
        await owner.sign_in(sale.organiser_email)
        held = (await fan.hold(sale)).json()
        path = f"{EVENTS}/{sale.event_id}"
        await owner.patch(f"{path}/ticket-types/{sale.type_ids[0]}", json={"price": 4000})
        booked = (await fan.book(held["id"])).json()
        assert (held["amount"], booked["amount"]) == (2500, 2500)
        await fan.come_in(sale)
        again = (await fan.hold(sale)).json()
        assert again["amount"] == 4000
        await owner.patch(path, json={"per_user_limit": 2})
        is_problem(await fan.hold(sale), 422, "limit_exceeded")


async def is_closed(anybody: Visitor, sale: Sale) -> bool:
    return bool((await anybody.get(f"/api/events/{sale.event_id}")).json()["sale_state"] == "closed")


async def test_a_sale_ends_by_itself_once(house: House):
    """Opened again by hand it stays open, while the keeper closes another."""
    sale, other = await open_sale(house), await open_sale(house)
    async with house.visitor() as owner, house.visitor() as fan:

        async def ends(which: Sale) -> None:
            await owner.sign_in(which.organiser_email)
            path = f"{EVENTS}/{which.event_id}"
            changed = await owner.patch(path, json={"sale_ends_at": iso(now() - timedelta(seconds=1))})
            assert changed.status_code == 200, changed.text
            await eventually(lambda: is_closed(fan, which))

        await ends(sale)
        await fan.register()
        is_problem(await fan.join(sale), 409)
        await owner.patch(f"{EVENTS}/{sale.event_id}/room", json={"mode": "open"})
        await ends(other)
        await fan.come_in(sale)
        # The control: where it was not noted that it has ended, it ends again.
        services(house).keeper._over.clear()
        forgotten = update(rooms).where(rooms.c.event_id == sale.event_id).values(closed_for=None)
        await house.database.execute(forgotten)
        await eventually(lambda: is_closed(fan, sale))
        await owner.sign_in(sale.organiser_email)
        bad = {"sale_ends_at": "2001-01-01T00:00:00Z"}
        is_problem(await owner.patch(f"{EVENTS}/{sale.event_id}", json=bad), 422, "invalid_request")


async def test_times_are_told_by_the_clocks_where_it_is(organiser: Visitor):
    made = await made_sale(organiser, timezone="Asia/Kolkata", starts_at="2031-02-01T14:00:00Z")
    event = (await organiser.get(f"/api/events/{made.event_id}")).json()
    assert (event["timezone"], event["starts_at"]) == ("Asia/Kolkata", "2031-02-01T14:00:00.000Z")
    page = (await organiser.get(f"/events/{made.slug}")).text
    assert 'data-at="Asia/Kolkata">19:30 IST</time>' in page
    is_problem(await organiser.patch(f"{EVENTS}/{made.event_id}", json={"timezone": "Mars/Base"}), 422)


async def test_an_event_like_another_has_its_seats_and_nothing_of_its_sale(organiser: Visitor):
    kinds = [{"name": "Box", "price": 9900, "seating": HALL}, {"name": "Floor", "price": 0, "capacity": 3}]
    made = await made_sale(organiser, ticket_types=kinds, timezone="Europe/Berlin", per_user_limit=3)
    times = {"starts_at": "2033-02-01T19:00:00Z", "sale_starts_at": "2033-01-01T19:00:00Z"}
    copy = await organiser.post(f"{EVENTS}/{made.event_id}/duplicate", json=times)
    body = copy.json()
    assert (copy.status_code, body["name"], body["published"]) == (201, "A night at the hall (copy)", False)
    assert (body["timezone"], body["per_user_limit"], body["revision"]) == ("Europe/Berlin", 3, 0)
    await organiser.patch(f"{EVENTS}/{body['id']}", json={"publish": True})
    seats = [await organiser.get(f"/api/events/{e}/seats") for e in (made.event_id, body["id"])]
    first, second = ([(s["section"], s["row"], s["number"]) for s in answer.json()] for answer in seats)
    assert first == second
    late = {**times, "sale_starts_at": "2034-01-01T19:00:00Z"}
    is_problem(await organiser.post(f"{EVENTS}/{made.event_id}/duplicate", json=late), 422)

"""The organiser's events over the API: listed by the page, edited, and what cannot change any more."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from tests.api.support import is_problem, made_sale, open_sale, services, state_of
from tests.house import House, Sale, Visitor
from ticketflow.domain import iso, now
from ticketflow.store import organised, tables

pytestmark = pytest.mark.asyncio(loop_scope="package")
EVENTS = "/api/organiser/events"


@pytest_asyncio.fixture(loop_scope="package")
async def organiser(house: House, sale: Sale) -> AsyncIterator[Visitor]:
    """The organiser of `sale`, signed in."""
    async with house.visitor() as visitor:
        await visitor.sign_in(sale.organiser_email)
        yield visitor


async def pages(visitor: Visitor, path: str, name: str, limit: int) -> list[Any]:
    """A list by the page: each but the last is full."""
    seen: list[Any] = []
    query: dict[str, Any] = {"limit": limit}
    while True:
        answer = await visitor.get(path, params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        seen += page[name]
        if page["next"] is None:
            return seen
        assert len(page[name]) == limit
        query["after"] = page["next"]


async def test_own_events_by_the_page_and_nobody_elses(house: House, sale: Sale, organiser: Visitor):
    await open_sale(house)
    made = [(await made_sale(organiser, publish=publish)).event_id for publish in (True, False)]
    listed = await pages(organiser, EVENTS, "events", 2)
    assert [event["id"] for event in listed] == [*reversed(made), sale.event_id]
    assert [event["published"] for event in listed] == [False, True, True]
    assert (await organiser.get(f"{EVENTS}/{made[1]}")).json() == listed[0]
    for bad in ({"limit": 0}, {"limit": 201}, {"limit": "x"}, {"after": "x"}, {"after": 2**70}, {"page": 1}):
        is_problem(await organiser.get(EVENTS, params=bad), 422, "invalid_request")


async def test_bookings_by_the_page_each_once(house: House, sale: Sale, organiser: Visitor, fan: Visitor):
    made = []
    for _ in range(3):
        made.append((await fan.book((await fan.hold(sale)).json()["id"])).json())
        await fan.come_in(sale)
    listed = await pages(organiser, f"{EVENTS}/{sale.event_id}/bookings", "bookings", 2)
    assert [b["id"] for b in listed] == [b["id"] for b in reversed(made)]
    assert (listed[0]["status"], listed[0]["booker"]["email"]) == ("confirmed", fan.email)
    bad = await organiser.get(f"{EVENTS}/{sale.event_id}/bookings", params={"after": "x"})
    is_problem(bad, 422, "invalid_request")
    # A booking of another event is no place to go on from, and its time is not told by where that leads.
    other = await open_sale(house)
    await fan.come_in(other)
    elsewhere = (await fan.book((await fan.hold(other)).json()["id"])).json()["id"]
    path = f"{EVENTS}/{sale.event_id}/bookings"
    assert (await organiser.get(path, params={"after": elsewhere})).json()["bookings"] == []


async def test_whose_it_is_is_asked_by_the_query_itself(house: House, sale: Sale, fan: Visitor):
    """Also without the look into memory before it."""
    await fan.book((await fan.hold(sale)).json()["id"])
    other = await open_sale(house)
    found = services(house)
    owner = await found.users.find(found.catalogue.event(sale.event_id).organiser_id)
    stranger = await found.users.find(found.catalogue.event(other.event_id).organiser_id)
    assert owner is not None
    assert stranger is not None
    for reader, count in ((owner, 1), (stranger, 0)):
        rows = await organised.bookings_of_event(house.database, reader, sale.event_id, None, 10)
        assert len(rows) == count


async def test_an_edit_is_shown_at_once_and_audited(house: House, sale: Sale, organiser: Visitor):
    path = f"{EVENTS}/{sale.event_id}"
    before = (await organiser.get(path)).json()
    changes = {
        "name": "A later night <b>",
        "venue": "The other hall",
        "starts_at": iso(now() + timedelta(days=40)),
        "per_user_limit": 2,
        "cancel_until": iso(now() + timedelta(days=39)),
    }
    answer = await organiser.patch(path, json=changes)
    assert answer.status_code == 200, answer.text
    assert {name: answer.json()[name] for name in changes} == changes
    async with house.visitor() as anybody:
        shown = (await anybody.get(f"/api/events/{sale.event_id}")).json()
    assert shown == {k: v for k, v in answer.json().items() if k in shown}
    assert shown["slug"] == before["slug"]
    row = (await pages(organiser, f"{path}/audit", "audit", 1))[0]
    assert (row["action"], row["after"]) == ("event.edit", changes)
    assert row["before"] == {name: before[name] for name in changes}
    ended = await organiser.patch(path, json={"cancel_until": None})
    assert ended.json()["cancel_until"] is None


BAD_EDITS: list[dict[str, Any]] = [
    {},
    {"name": None},
    {"name": ""},
    {"publish": None},
    {"publish": "yes"},
    {"per_user_limit": 0},
    {"starts_at": "2001-01-01T00:00:00Z"},
    {"starts_at": "9999-01-01T00:00:00Z"},
    {"cancel_until": "2001-01-01T00:00:00Z"},
    {"organiser_id": 1},
    {"slug": "x"},
    {"currency": "USD"},
]


async def test_a_bad_edit_changes_nothing(house: House, sale: Sale, organiser: Visitor):
    path = f"{EVENTS}/{sale.event_id}"
    event, before = (await organiser.get(path)).json(), await state_of(house, sale)
    for bad in BAD_EDITS:
        is_problem(await organiser.patch(path, json=bad), 422, "invalid_request")
    after = (await organiser.get(path)).json()
    assert {**after, "gone_in_minutes": event["gone_in_minutes"]} == event
    assert await state_of(house, sale) == before


async def test_what_the_line_goes_by_stands_once_anybody_can_be_in_it(house: House, organiser: Visitor):
    """Before that it moves, and the room with it; afterwards nothing is written, nor audited."""
    sale = await made_sale(organiser, lobby_opens_at=iso(now() + timedelta(minutes=30)))
    path = f"{EVENTS}/{sale.event_id}"
    times = {
        "sale_starts_at": iso(now() + timedelta(hours=2)),
        "lobby_opens_at": iso(now() - timedelta(minutes=1)),
        "queue_needs_account": True,
    }
    async with house.visitor() as fan:
        await fan.register()
        is_problem(await fan.join(sale), 409, "not_open")
        assert (await organiser.patch(path, json=times)).status_code == 200
        assert (await fan.join(sale)).json()["state"] == "lobby"
    written = select(func.count()).select_from(tables.audit).where(tables.audit.c.event_id == sale.event_id)
    before = await house.database.fetch_val(written)
    for late in (
        {"sale_starts_at": iso(now() + timedelta(hours=3))},
        {"lobby_opens_at": None},
        {"queue_needs_account": False},
        {"publish": False},
    ):
        is_problem(await organiser.patch(path, json=late), 409, "sale_opened")
    assert await house.database.fetch_val(written) == before
    kept = (await organiser.get(path)).json()
    assert {name: kept[name] for name in times} == times
    assert (await organiser.patch(path, json={"name": "Renamed"})).status_code == 200


async def test_a_hidden_event_is_published(house: House, organiser: Visitor):
    hidden = await made_sale(organiser, publish=False)
    async with house.visitor() as anybody:
        is_problem(await anybody.get(f"/api/events/{hidden.event_id}"), 404)
        await organiser.patch(f"{EVENTS}/{hidden.event_id}", json={"publish": True})
        assert (await anybody.get(f"/api/events/{hidden.event_id}")).status_code == 200
        await organiser.patch(f"{EVENTS}/{hidden.event_id}", json={"publish": False})
        is_problem(await anybody.get(f"/api/events/{hidden.event_id}"), 404)

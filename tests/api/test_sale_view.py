"""What pages tell beside the counts: it sells fast, how doors open, what is over, and what is one's own."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from tests.api.support import open_sale, services
from tests.house import House, Sale, Visitor, eventually
from ticketflow.domain import now
from ticketflow.store.events import NewTicketType

pytestmark = pytest.mark.asyncio(loop_scope="package")

FAST = "Selling fast: gone in about 1 min at this pace"


async def told(house: House, sale: Sale) -> dict[str, Any]:
    """The first frame of the stock's socket."""
    assert house.app is not None
    async with house.app.test_client().websocket(f"/ws/events/{sale.event_id}") as socket:
        return dict(json.loads(await socket.receive()))


async def sell(fan: Visitor, sale: Sale, times: int) -> None:
    for _ in range(times):
        held = await fan.hold(sale, 4)
        assert (await fan.book(held.json()["id"])).status_code == 201
        await fan.come_in(sale)


async def test_selling_fast_is_said_with_the_forecast_and_only_while_it_sells(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    """Twelve real sales in a hundred seconds, and eight are left: the seconds are all that is made up."""
    sale = await open_sale(house, per_user_limit=20)
    catalogue, kind = services(house).catalogue, str(sale.type_ids[0])
    began, later = catalogue._clock(), 0.0
    monkeypatch.setattr(catalogue, "_clock", lambda: began + later)
    async with house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        assert FAST not in (await fan.get(f"/events/{sale.slug}")).text
        assert (await told(house, sale))["gone_in_minutes"] == {}
        later = 50.0
        await sell(fan, sale, 3)

        async def heard() -> bool:
            counts = catalogue.counts(sale.event_id)
            return counts is not None and counts.sold[sale.type_ids[0]] == 12

        async def told_everybody() -> bool:
            return bool(services(house).hub._shown[sale.event_id]["gone_in_minutes"])

        await eventually(heard)
        later = 110.0
        event = (await fan.get(f"/api/events/{sale.event_id}")).json()
        assert event["gone_in_minutes"] == {kind: 1}
        assert (await told(house, sale))["gone_in_minutes"] == {kind: 1}
        assert FAST in (await fan.get(f"/events/{sale.slug}")).text
        assert FAST in (await fan.get("/")).text
        assert house.app is not None
        async with house.app.test_client().websocket(f"/ws/events/{sale.event_id}") as socket:
            assert json.loads(await socket.receive())["gone_in_minutes"] == {kind: 1}
            # Each tick of the room makes the hub look: it has told everybody before the time goes on.
            await eventually(told_everybody)
            later = 110.0 + 400.0
            # The rush is over. No count changes any more, and still who listens is told.
            while json.loads(await socket.receive())["gone_in_minutes"]:
                pass


async def test_a_sale_that_stands_still_sells_nothing_fast(house: House, monkeypatch: pytest.MonkeyPatch):
    sale = await open_sale(house, per_user_limit=20)
    catalogue = services(house).catalogue
    event = catalogue.event(sale.event_id)
    monkeypatch.setattr(catalogue._paces[sale.type_ids[0]], "minutes_left", lambda at, remaining: 7)
    assert catalogue.gone_in(event) == {sale.type_ids[0]: 7}
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        room = f"/api/organiser/events/{sale.event_id}/room"
        assert (await organiser.patch(room, json={"mode": "paused"})).status_code == 200

    async def silent() -> bool:
        return catalogue.gone_in(event) == {}

    await eventually(silent)


async def test_who_listens_hears_that_it_opens_by_hand(house: House):
    """The date it was to open on stands in the page, and is told to nobody any more."""
    sale = await open_sale(house, mode="lobby", sale_starts_in=timedelta(hours=1), opened=False)
    room = f"/api/organiser/events/{sale.event_id}/room"
    assert house.app is not None
    async with (
        house.visitor() as organiser,
        house.app.test_client().websocket(f"/ws/events/{sale.event_id}") as socket,
    ):
        first = json.loads(await socket.receive())
        assert (first["sale_state"], first["opens_by_hand"]) == ("scheduled", False)
        await organiser.sign_in(sale.organiser_email)
        for mode, state in (("paused", "paused"), ("lobby", "scheduled")):
            assert (await organiser.patch(room, json={"mode": mode})).status_code == 200
            while (frame := json.loads(await socket.receive()))["sale_state"] != state:
                pass
    assert frame["opens_by_hand"]
    assert (frame["version"], frame["remaining"]) == (first["version"], first["remaining"])


async def test_the_list_ends_with_what_is_over(house: House, sale: Sale):
    closed = await open_sale(house, mode="closed")
    async with house.visitor() as anybody:
        page = (await anybody.get("/")).text
        shown = re.findall(r'href="/events/(sale-[0-9a-f]+)"', page)
        assert shown.index(sale.slug) < page.count("poster hue-")
        assert page.index(f'/events/{closed.slug}"') > page.index('id="over"')
        none = (await anybody.get("/?q=no-such-words")).text
        assert "Nothing has these words" in none
        assert sale.slug not in none


async def test_my_tickets_by_event_with_what_is_being_paid(house: House, fan: Visitor, sale: Sale):
    other = await open_sale(
        house, types=[NewTicketType("Balcony", 4000, 10)], cancel_until=now() + timedelta(1)
    )
    first = await fan.book((await fan.hold(sale, 2)).json()["id"])
    await fan.come_in(other)
    second = await fan.book((await fan.hold(other)).json()["id"])
    await fan.come_in(sale)
    slow = await fan.book((await fan.hold(sale)).json()["id"], "card-slow", key="slow", prefer="wait=0")
    assert slow.status_code == 202
    page = (await fan.get("/tickets")).text
    assert f'data-booking="{slow.json()["id"]}" data-status="processing"' in page
    assert page.count('class="own hue-') == 2
    codes = [ticket["code"] for answer in (first, second) for ticket in answer.json()["tickets"]]
    assert re.findall(r'data-code="([^"]+)"', page) == sorted(codes, key=page.index)
    assert (await fan.post(f"/api/bookings/{second.json()['id']}/cancel")).status_code == 200
    page = (await fan.get("/tickets")).text
    assert page.index("Over or cancelled") < page.index(f'data-booking="{second.json()["id"]}"')
    assert codes[2] not in page
    async with house.visitor() as nobody:
        await nobody.register()
        assert "You have no tickets yet" in (await nobody.get("/tickets")).text

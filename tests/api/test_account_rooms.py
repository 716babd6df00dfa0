"""Queues that need an account: one place each, on all devices, and of use to nobody else."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from sqlalchemy import select

from tests.api.support import check_problem, desk_line, is_problem, made_sale, open_sale, services, state_of
from tests.house import House, Sale, Visitor
from ticketflow.store import tables
from waiting_room import WaitingRoom
from waiting_room.web import cookie_name

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(loop_scope="package")
async def guarded(house: House) -> Sale:
    """A sale whose queue needs an account, and lets in at once."""
    return await open_sale(house, queue_needs_account=True)


@pytest_asyncio.fixture(loop_scope="package")
async def phone(house: House) -> AsyncIterator[Visitor]:
    async with house.visitor() as visitor:
        await visitor.register()
        yield visitor


@pytest_asyncio.fixture(loop_scope="package")
async def laptop(house: House, phone: Visitor) -> AsyncIterator[Visitor]:
    """Another browser of the same account."""
    async with house.visitor() as visitor:
        assert (await visitor.sign_in(phone.email)).status_code == 200
        yield visitor


@pytest_asyncio.fixture(loop_scope="package")
async def thief(house: House) -> AsyncIterator[Visitor]:
    async with house.visitor() as visitor:
        await visitor.register()
        yield visitor


async def room_of(house: House, sale: Sale) -> WaitingRoom:
    return await services(house).rooms.of(sale.event_id)


async def people_in(house: House, sale: Sale) -> int:
    room = await room_of(house, sale)
    redis = services(house).redis
    return sum([await redis.zcard(key) for key in (room.keys.waiting, room.keys.called, room.keys.active)])


async def test_an_organiser_asks_for_accounts_and_everybody_is_told(house: House, sale: Sale):
    async with house.visitor() as organiser, house.visitor() as anybody:
        await organiser.sign_in(sale.organiser_email)
        guarded = await made_sale(organiser, queue_needs_account=True)
        free = await made_sale(organiser)
        for made, needs in ((guarded, True), (free, False)):
            event = (await anybody.get(f"/api/events/{made.event_id}")).json()
            assert event["queue_needs_account"] is needs
        for bad in ("yes", 1, None):
            body = {"queue_needs_account": bad}
            path = "/api/organiser/events"
            is_problem(await organiser.post(path, json=body), 422, "invalid_request")


async def test_who_is_not_signed_in_is_asked_to_at_every_door(house: House, guarded: Sale):
    before = await state_of(house, guarded)
    async with house.visitor() as stranger:
        refused = is_problem(await stranger.join(guarded), 401, "not_signed_in")
        assert "Sign in, then join" in refused["detail"]
        async with desk_line(house, guarded, stranger) as line:
            reply = await line.ask("join")
            check_problem(reply["body"], 401, "not_signed_in")
        door = f"/events/{guarded.slug}/queue"
        answer = await stranger.post(door)
        assert (answer.status_code, answer.headers["Location"]) == (303, door)
        for page in (await stranger.get(door), await stranger.get(f"/events/{guarded.slug}")):
            assert page.status_code == 200
            onward = f"next=/events/{guarded.slug}/queue%3Fjoin"
            assert f"/signin?{onward}" in page.text
            assert f"/register?{onward}" in page.text
        assert not stranger.cookies
    assert await people_in(house, guarded) == 0
    assert await state_of(house, guarded) == before


async def test_of_a_hundred_joins_from_many_devices_there_is_one_place(
    house: House, phone: Visitor, laptop: Visitor
):
    sale = await open_sale(house, queue_needs_account=True, rate_per_minute=0)
    async with AsyncExitStack() as devices:
        browsers = [await devices.enter_async_context(house.visitor()) for _ in range(50)]
        for browser in browsers:
            browser.cookies.set("session", phone.cookies["session"])
        by_http = [browser.join(sale) for browser in browsers]
        by_page = [browser.post(f"/events/{sale.slug}/queue") for browser in browsers[:25]]
        line, other = [
            await devices.enter_async_context(desk_line(house, sale, who)) for who in (phone, laptop)
        ]

        async def by_socket() -> list[str]:
            return [(await socket.ask("join"))["body"]["ticket"] for socket in (line, other) * 12]

        tickets, answers, pages = await asyncio.gather(
            by_socket(), asyncio.gather(*by_http), asyncio.gather(*by_page)
        )
    room = await room_of(house, sale)
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert {page.status_code for page in pages} == {303}
    shown = {answer.json()["ticket"] for answer in answers} | set(tickets)
    assert len({room.read_ticket(ticket).visitor for ticket in shown}) == 1
    assert await people_in(house, sale) == 1


async def test_both_devices_see_one_turn_and_buy_with_it(
    house: House, guarded: Sale, phone: Visitor, laptop: Visitor
):
    first, second = (await phone.join(guarded)).json(), (await laptop.join(guarded)).json()
    assert (first["state"], first["claim_by"]) == (second["state"], second["claim_by"])
    assert first["state"] == "called"
    by_phone, by_laptop = (await phone.claim(guarded)).json(), (await laptop.claim(guarded)).json()
    assert by_phone["expires_at"] == by_laptop["expires_at"]
    assert await people_in(house, guarded) == 1
    hold = (await laptop.hold(guarded, 2)).json()
    booked = await phone.book(hold["id"])
    assert booked.status_code == 201, booked.text
    for device in (phone, laptop):
        assert (await device.get(f"/api/events/{guarded.event_id}/queue")).json()["state"] == "done"
        assert (await device.get("/api/bookings")).json() == [booked.json()]


async def test_a_ticket_sold_on_is_worth_nothing_at_the_desk(
    house: House, guarded: Sale, phone: Visitor, thief: Visitor
):
    ticket = (await phone.join(guarded)).json()["ticket"]
    token = (await phone.claim(guarded)).json()["pass"]
    before = await state_of(house, guarded)
    hold = {"ticket_type_id": guarded.type_ids[0], "quantity": 1}
    one_step = {"event_id": guarded.event_id, "quantity": 1}
    for stolen in ({"Queue-Ticket": ticket}, {"Queue-Pass": token}):
        answer = await thief.post(f"/api/events/{guarded.event_id}/holds", json=hold, headers=stolen)
        assert "belongs to another account" in is_problem(answer, 403, "other_account")["detail"]
        answer = await thief.post("/api/bookings", json=one_step, headers=stolen)
        is_problem(answer, 403, "other_account")
        async with desk_line(house, guarded, thief, **stolen) as line:
            for do, fields in (("hold", hold), ("book", {"quantity": 1})):
                reply = await line.ask(do, **fields)
                check_problem(reply["body"], 403, "other_account")
    assert await state_of(house, guarded) == before
    # The thief's own account has a place of its own.
    async with desk_line(house, guarded, thief, **{"Queue-Ticket": ticket}) as line:
        own = (await line.ask("join"))["body"]["ticket"]
        room = await room_of(house, guarded)
        assert room.read_ticket(own).visitor != room.read_ticket(ticket).visitor
        assert (await line.ask("claim"))["status"] == 200
        assert (await line.ask("hold", **hold))["status"] == 201
    assert (await phone.hold(guarded)).status_code == 201


async def test_control_without_the_look_at_the_account_a_sold_ticket_buys(
    house: House, guarded: Sale, phone: Visitor, thief: Visitor, monkeypatch: pytest.MonkeyPatch
):
    await phone.come_in(guarded)
    token = (await phone.claim(guarded)).json()["pass"]
    owner = (await room_of(house, guarded)).read_pass(token).visitor

    async def everybody(event_id: int, user_id: int) -> str:
        return owner

    monkeypatch.setattr(services(house).rooms, "visitor_of", everybody)
    hold = {"ticket_type_id": guarded.type_ids[0], "quantity": 1}
    path = f"/api/events/{guarded.event_id}/holds"
    assert (await thief.post(path, json=hold, headers={"Queue-Pass": token})).status_code == 201


async def test_the_next_to_use_a_browser_does_not_see_the_place_of_the_last(
    house: House, phone: Visitor, thief: Visitor
):
    sale = await open_sale(house, queue_needs_account=True, rate_per_minute=0)
    await phone.join(sale)
    page = f"/events/{sale.slug}/queue"
    assert 'data-state="waiting"' in (await phone.get(page)).text
    await phone.sign_in(thief.email)
    assert "Take your place" in (await phone.get(page)).text
    assert 'data-inside="no"' in (await phone.get(f"/events/{sale.slug}")).text
    async with desk_line(house, sale, phone) as line:
        reply = await line.ask("claim")
        check_problem(reply["body"], 404, "no_place")
    joined = await phone.post(page)
    assert joined.status_code == 303
    assert await people_in(house, sale) == 2


@pytest.mark.parametrize("way_out", ["/signout", "/api/logout"])
async def test_who_signs_out_leaves_no_place_behind_in_the_browser(
    house: House, sale: Sale, phone: Visitor, way_out: str
):
    guarded = await open_sale(house, queue_needs_account=True, rate_per_minute=0)
    ticket = (await phone.join(guarded)).json()["ticket"]
    await phone.join(sale)
    await phone.post(way_out)
    assert cookie_name(sale.event_id) in phone.cookies  # a queue for anybody: the browser's own place
    queue = f"/api/events/{guarded.event_id}/queue"
    is_problem(await phone.get(queue), 404, "no_place")
    is_problem(await phone.delete(queue), 404, "no_place")
    assert 'data-inside="no"' in (await phone.get(f"/events/{guarded.slug}")).text
    assert "Sign in, then take your place" in (await phone.get(f"/events/{guarded.slug}/queue")).text
    # The place itself stays, and the account finds it again.
    await phone.sign_in(phone.email)
    back = (await phone.join(guarded)).json()["ticket"]
    room = await room_of(house, guarded)
    assert room.read_ticket(back) == room.read_ticket(ticket)


async def test_after_a_loss_of_redis_an_account_has_its_place_once(
    house: House, phone: Visitor, laptop: Visitor, thief: Visitor
):
    sale = await open_sale(house, queue_needs_account=True, rate_per_minute=0)
    await phone.join(sale)
    await thief.join(sale)
    room, found = await room_of(house, sale), services(house)
    ticket = phone.cookies[cookie_name(sale.event_id)]
    before = room.read_ticket(ticket)
    await found.redis.delete(*room.keys.touched)
    event = found.catalogue.find(sale.event_id)
    assert event is not None
    await found.rooms.open(event)
    await thief.join(sale)
    # The device without a ticket comes back first.
    new, back = (await laptop.join(sale)).json(), (await phone.join(sale)).json()
    assert room.read_ticket(new["ticket"]).visitor == before.visitor
    assert room.read_ticket(back["ticket"]).order == before.order
    assert await people_in(house, sale) == 2
    assert (await found.redis.zrange(room.keys.waiting, 0, 0)) == [before.visitor]


async def test_the_key_behind_the_visitors_is_told_to_nobody(
    house: House, guarded: Sale, phone: Visitor, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    await phone.join(guarded)
    rooms = tables.rooms
    query = select(rooms.c.account_key, rooms.c.seed).where(rooms.c.event_id == guarded.event_id)
    row = await house.database.fetch_one(query)
    assert row is not None
    assert len(bytes.fromhex(row["account_key"])) == 32
    assert row["account_key"] != row["seed"]
    asked = [
        f"/api/events/{guarded.event_id}",
        f"/api/events/{guarded.event_id}/queue",
        f"/events/{guarded.slug}",
    ]
    told = "".join([(await phone.get(path)).text for path in asked]) + caplog.text
    assert row["account_key"] not in told
    assert str(bytes.fromhex(row["account_key"])) not in told

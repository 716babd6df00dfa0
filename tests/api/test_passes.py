"""Forged and foreign tickets, passes and holds; sales that are closed, or not open yet."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from tests.api.support import check_problem, desk_line, is_problem, made_sale, open_sale, services, state_of
from tests.house import House, Sale, Visitor
from ticketflow.domain import iso, now
from waiting_room.web import cookie_name

pytestmark = pytest.mark.asyncio(loop_scope="package")

FORGED = ["", " ", "forged", "a.b", "é", "x" * 2000, "null", "W10.abc", "\x7f", "%00", "a b"]


@pytest_asyncio.fixture(loop_scope="package")
async def elsewhere(house: House) -> AsyncIterator[tuple[str, str]]:
    """The ticket and the pass of another sale."""
    other = await open_sale(house)
    async with house.visitor() as visitor:
        ticket = (await visitor.join(other)).json()["ticket"]
        yield ticket, (await visitor.claim(other)).json()["pass"]


def tampered(token: str) -> list[str]:
    """A good token with a letter changed in each of its parts, cut off, and doubled."""
    flipped = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in (0, 5, -5)]
    return [*flipped, token[:-1], token + "A", token + token, *(token.partition(".")[::2])]


async def test_bad_tickets_and_passes_in_headers(
    house: House, sale: Sale, fan: Visitor, elsewhere: tuple[str, str]
):
    ticket = (await fan.get(f"/api/events/{sale.event_id}/queue")).json()["ticket"]
    token = (await fan.claim(sale)).json()["pass"]
    before = await state_of(house, sale)
    hold = {"ticket_type_id": sale.type_ids[0], "quantity": 1}
    one_step = {"event_id": sale.event_id, "quantity": 1}
    for bad in [*FORGED, *tampered(ticket), elsewhere[0], token]:
        headers = [(b"Queue-Ticket", bad.encode())]
        queue = f"/api/events/{sale.event_id}/queue"
        is_problem(await fan.post(queue, headers=headers), 403, "bad_ticket")
        is_problem(await fan.get(queue, headers=headers), 403, "bad_ticket")
        is_problem(await fan.delete(queue, headers=headers), 403, "bad_ticket")
        is_problem(await fan.post(f"{queue}/claim", headers=headers), 403, "bad_ticket")
        holds = f"/api/events/{sale.event_id}/holds"
        is_problem(await fan.post(holds, json=hold, headers=headers), 403, "bad_ticket")
        is_problem(await fan.post("/api/bookings", json=one_step, headers=headers), 403, "bad_ticket")
    for bad in [*FORGED, *tampered(token), elsewhere[1], ticket]:
        headers = [(b"Queue-Pass", bad.encode())]
        holds = f"/api/events/{sale.event_id}/holds"
        is_problem(await fan.post(holds, json=hold, headers=headers), 403, "bad_pass")
        is_problem(await fan.post("/api/bookings", json=one_step, headers=headers), 403, "bad_pass")
    assert await state_of(house, sale) == before


async def test_bad_tickets_in_a_socket_command(
    house: House, sale: Sale, fan: Visitor, elsewhere: tuple[str, str]
):
    ticket = (await fan.get(f"/api/events/{sale.event_id}/queue")).json()["ticket"]
    token = (await fan.claim(sale)).json()["pass"]
    before = await state_of(house, sale)
    room = await services(house).rooms.of(sale.event_id)
    async with house.visitor() as stranger, desk_line(house, sale, stranger) as line:
        # An empty one is none at all.
        for bad in [*FORGED[1:], *tampered(ticket), elsewhere[0], token]:
            reply = await line.ask("join", ticket=bad)
            check_problem(reply["body"], 403, "bad_ticket")
        assert await services(house).redis.zcard(room.keys.waiting) == 0
        assert (await line.ask("join", ticket=ticket))["body"]["state"] == "active"
    assert await state_of(house, sale) == before


async def test_a_bad_cookie_is_no_ticket(house: House, sale: Sale, elsewhere: tuple[str, str]):
    """A fan can neither see nor mend a cookie: a bad one is as good as none, and lets nobody in."""
    queue = f"/api/events/{sale.event_id}/queue"
    for bad in ["", "forged", "x" * 2000, elsewhere[0], elsewhere[1]]:
        async with house.visitor() as visitor:
            await visitor.register()
            before = await state_of(house, sale)
            cookie = f"session={visitor.cookies['session']}; {cookie_name(sale.event_id)}={bad}"
            visitor.cookies.clear()
            headers = {"Cookie": cookie}
            is_problem(await visitor.get(queue, headers=headers), 404, "no_place")
            is_problem(await visitor.post(f"{queue}/claim", headers=headers), 404, "no_place")
            hold = {"ticket_type_id": sale.type_ids[0], "quantity": 1}
            answer = await visitor.post(f"/api/events/{sale.event_id}/holds", json=hold, headers=headers)
            is_problem(answer, 403, "not_admitted")
            one_step = {"event_id": sale.event_id, "quantity": 1}
            answer = await visitor.post("/api/bookings", json=one_step, headers=headers)
            is_problem(answer, 403, "not_admitted")
            assert await state_of(house, sale) == before
            assert (await visitor.post(queue, headers=headers)).status_code == 201


async def test_a_foreign_hold(house: House, sale: Sale, fan: Visitor):
    hold = (await fan.hold(sale, 2)).json()
    async with house.visitor() as thief:
        await thief.register()
        await thief.come_in(sale)
        before = await state_of(house, sale)
        is_problem(await thief.delete(f"/api/holds/{hold['id']}"), 404, "not_found")
        is_problem(await thief.book(hold["id"]), 410, "hold_expired")
        async with desk_line(house, sale, thief) as line:
            for do, code in (("release", "not_found"), ("book", "hold_expired")):
                reply = await line.ask(do, hold_id=hold["id"])
                check_problem(reply["body"], reply["status"], code)
        assert await state_of(house, sale) == before
    assert (await fan.book(hold["id"])).status_code == 201


async def test_a_foreign_booking(house: House, sale: Sale, fan: Visitor):
    booking = (await fan.book((await fan.hold(sale)).json()["id"])).json()
    async with house.visitor() as thief:
        await thief.register()
        is_problem(await thief.get(f"/api/bookings/{booking['id']}"), 404, "not_found")
        assert (await thief.get("/api/bookings")).json() == []
        assert (await thief.get(f"/bookings/{booking['id']}")).status_code == 404
    assert (await fan.get(f"/api/bookings/{booking['id']}")).json() == booking


async def test_who_is_not_signed_in(house: House, sale: Sale):
    async with house.visitor() as nobody:
        await nobody.come_in(sale)
        before = await state_of(house, sale)
        is_problem(await nobody.hold(sale), 401, "not_signed_in")
        is_problem(await nobody.book(f"{sale.event_id}-x"), 401, "not_signed_in")
        for path in ("/api/me", "/api/bookings", "/api/bookings/x"):
            is_problem(await nobody.get(path), 401, "not_signed_in")
        is_problem(await nobody.delete("/api/holds/x"), 401, "not_signed_in")
        async with desk_line(house, sale, nobody) as line:
            for ask in (
                {"do": "hold", "ticket_type_id": sale.type_ids[0], "quantity": 1},
                {"do": "release", "hold_id": "x"},
                {"do": "book", "quantity": 1},
            ):
                reply = await line.ask(**ask)
                check_problem(reply["body"], 401, "not_signed_in")
        assert await state_of(house, sale) == before


async def test_who_is_not_let_in(house: House):
    sale = await open_sale(house, rate_per_minute=0)
    async with house.visitor() as fan:
        await fan.register()
        assert (await fan.join(sale)).json()["state"] == "waiting"
        before = await state_of(house, sale)
        refused = is_problem(await fan.claim(sale), 409, "not_called")
        assert refused["queue"]["place"] == 1
        is_problem(await fan.hold(sale), 403, "not_admitted")
        answer = await fan.post("/api/bookings", json={"event_id": sale.event_id, "quantity": 1})
        is_problem(answer, 403, "not_admitted")
        async with desk_line(house, sale, fan) as line:
            for do, code, fields in (
                ("claim", "not_called", {}),
                ("hold", "not_admitted", {"ticket_type_id": sale.type_ids[0], "quantity": 1}),
                ("book", "not_admitted", {"quantity": 1}),
            ):
                reply = await line.ask(do, **fields)
                check_problem(reply["body"], reply["status"], code)
        assert await state_of(house, sale) == before


async def test_a_closed_sale(house: House, sale: Sale, fan: Visitor):
    async with house.visitor() as organiser, house.visitor() as late:
        await organiser.sign_in(sale.organiser_email)
        await late.register()
        room = f"/api/organiser/events/{sale.event_id}/room"
        assert (await organiser.patch(room, json={"mode": "closed", "message": "Ill."})).status_code == 200
        await services(house).hub.refresh()
        assert (await fan.get(f"/api/events/{sale.event_id}")).json()["sale_state"] == "closed"
        before = await state_of(house, sale)
        refused = is_problem(await late.join(sale), 409, "room_closed")
        assert (refused["detail"], refused["message"]) == ("The queue is closed. Ill.", "Ill.")
        is_problem(await fan.hold(sale), 409, "sale_closed")
        answer = await fan.post("/api/bookings", json={"event_id": sale.event_id, "quantity": 1})
        is_problem(answer, 409, "sale_closed")
        async with desk_line(house, sale, fan) as line:
            fields = {"ticket_type_id": sale.type_ids[0], "quantity": 1}
            reply = await line.ask("hold", **fields)
            check_problem(reply["body"], 409, "sale_closed")
            reply = await line.ask("book", **fields)
            check_problem(reply["body"], 409, "sale_closed")
        assert await state_of(house, sale) == before


async def test_a_lobby_lets_nobody_hold(house: House):
    owner = await open_sale(house)
    async with house.visitor() as fan, house.visitor() as organiser:
        await organiser.sign_in(owner.organiser_email)
        sale = await made_sale(organiser, lobby_opens_at=iso(now() - timedelta(hours=1)))
        await services(house).hub.refresh()
        await fan.register()
        assert (await fan.get(f"/api/events/{sale.event_id}")).json()["sale_state"] == "lobby"
        joined = (await fan.join(sale)).json()
        assert (joined["state"], joined["place"]) == ("lobby", None)
        before = await state_of(house, sale)
        is_problem(await fan.claim(sale), 409, "not_called")
        is_problem(await fan.hold(sale), 403, "not_admitted")
        assert await state_of(house, sale) == before


async def test_before_the_lobby_nobody_joins(house: House):
    sale = await open_sale(house, mode="lobby", sale_starts_in=timedelta(hours=1))
    async with house.visitor() as fan:
        assert (await fan.get(f"/api/events/{sale.event_id}")).json()["sale_state"] == "scheduled"
        is_problem(await fan.join(sale), 409, "not_open")
        is_problem(await fan.get(f"/api/events/{sale.event_id}/queue"), 404, "no_place")
        is_problem(await fan.delete(f"/api/events/{sale.event_id}/queue"), 404, "no_place")

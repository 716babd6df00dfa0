"""The sockets' doors: who may open which, and the whole way through the desk's."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from quart.testing.connections import WebsocketResponseError
from sqlalchemy import func, select

from tests.api.support import BALCONY, STANDING, check_problem, cookies_of, desk_line, open_sale
from tests.house import PASSWORD, House, Sale, Visitor
from ticketflow.live.open_sockets import OpenSockets
from ticketflow.live.slot import Slot
from ticketflow.settings import Settings
from ticketflow.store.tables import bookings
from ticketflow.web.guard import _own_origin
from ticketflow.web.plain_sockets import PlainConnection, PlainWebsocket

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def refusal(house: House, path: str, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Status and problem with which a handshake is refused."""
    assert house.app is not None
    with pytest.raises(WebsocketResponseError) as refused:
        async with house.app.test_client().websocket(path, headers=headers) as socket:
            await socket.receive()
    response = refused.value.response
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.status_code, json.loads(await response.get_data())


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", "http://localhost:81", ""])
async def test_another_sites_page_opens_no_socket(house: House, sale: Sale, origin: str):
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        for kind in ("events", "desk", "organiser"):
            headers = {"Origin": origin, "Cookie": cookies_of(organiser)}
            status, body = await refusal(house, f"/ws/{kind}/{sale.event_id}", headers)
            check_problem(body, status)
            assert status == 403


@pytest.mark.parametrize(
    ("origin", "public_url", "scheme", "forwarded", "ours"),
    [
        ("http://desk.example", "http://localhost:8000", "ws", "", True),
        ("https://desk.example", "http://localhost:8000", "ws", "https", True),
        ("https://desk.example", "https://tickets.example", "ws", "", True),
        ("https://tickets.example", "https://tickets.example", "ws", "", True),
        ("http://desk.example", "http://localhost:8000", "wss", "", False),
        ("http://desk.example", "http://localhost:8000", "ws", "https", False),
        ("http://desk.example", "https://desk.example", "ws", "", False),
        ("http://tickets.example", "https://tickets.example", "ws", "", False),
        ("http://desk.example/", "http://localhost:8000", "ws", "", False),
        ("ftp://desk.example", "http://localhost:8000", "ws", "", False),
    ],
)
async def test_a_page_without_https_is_none_of_ours_where_we_have_it(
    origin: str, public_url: str, scheme: str, forwarded: str, ours: bool
):
    """Who is on the wire could put it there."""
    asked: Any = SimpleNamespace(host="desk.example", scheme=scheme, headers={"X-Forwarded-Proto": forwarded})
    assert _own_origin(origin, asked, Settings(public_url=public_url)) is ours


@pytest.mark.parametrize("kind", ["events", "desk", "organiser"])
async def test_a_socket_of_no_event(house: House, sale: Sale, kind: str):
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        for event_id in ("987654321", str(10**30), "0", "-1", "x"):
            headers = {"Cookie": cookies_of(organiser)}
            status, body = await refusal(house, f"/ws/{kind}/{event_id}", headers)
            assert status == 404
            check_problem(body, 404, "not_found")


async def test_only_its_organiser_opens_a_control_room(house: House, sale: Sale):
    another = await open_sale(house)
    path = f"/ws/organiser/{sale.event_id}"
    assert (await refusal(house, path, {}))[1]["code"] == "not_signed_in"
    async with house.visitor() as fan, house.visitor() as organiser:
        await fan.register()
        assert (await refusal(house, path, {"Cookie": cookies_of(fan)}))[1]["code"] == "forbidden"
        await organiser.sign_in(another.organiser_email)
        assert (await refusal(house, path, {"Cookie": cookies_of(organiser)}))[1]["code"] == "not_found"


@pytest.mark.parametrize("header", ["Queue-Ticket", "Queue-Pass"])
async def test_a_forged_ticket_or_pass_opens_no_desk(house: House, sale: Sale, header: str):
    for forged in ("forged", "x" * 2000):
        status, body = await refusal(house, f"/ws/desk/{sale.event_id}", {header: forged})
        assert status == 403
        assert body["code"] in ("bad_ticket", "bad_pass")


async def test_from_the_queue_to_the_ticket_over_one_socket(house: House):
    sale = await open_sale(house, types=[STANDING, BALCONY])
    async with house.visitor() as fan:
        await fan.register()
        async with desk_line(house, sale, fan) as line:
            joined = await line.ask("join")
            assert (joined["status"], joined["body"]["state"]) == (201, "called")
            claimed = await line.ask("claim")
            assert claimed["status"] == 200
            held = await line.ask("hold", ticket_type_id=sale.type_ids[1], units=[2, 3])
            assert (held["status"], held["body"]["seats"]) == (
                201,
                ["Balcony, row A, seat 3", "Balcony, row A, seat 4"],
            )
            again = await line.ask("release", hold_id=held["body"]["id"])
            assert (again["status"], again["body"]) == (204, None)
            held = await line.ask("hold", ticket_type_id=sale.type_ids[0], quantity=2)
            assert held["body"]["seats"] == []
            booked = await line.ask("book", hold_id=held["body"]["id"], key="k")
            assert (booked["status"], booked["body"]["status"]) == (201, "confirmed")
            assert (await line.ask("book", hold_id=held["body"]["id"], key="k"))["body"] == booked["body"]
        assert (await fan.get(f"/api/bookings/{booked['body']['id']}")).json() == booked["body"]


async def test_both_doors_tell_a_hold_alike(house: House):
    sale = await open_sale(house, types=[STANDING, BALCONY])
    async with house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        body = {"ticket_type_id": sale.type_ids[1], "units": [5]}
        by_http = (await fan.post(f"/api/events/{sale.event_id}/holds", json=body)).json()
        page = await fan.get(f"/events/{sale.slug}/book")
        assert "Balcony, row A, seat 6" in page.text
        async with desk_line(house, sale, fan) as line:
            by_socket = (await line.ask("hold", ticket_type_id=sale.type_ids[0], quantity=1))["body"]
        assert set(by_http) == set(by_socket)
        assert by_http["seats"] == ["Balcony, row A, seat 6"]
        assert (await fan.hold(sale)).json()["seats"] == []


async def test_a_pass_alone_is_enough_to_hold(house: House, sale: Sale):
    async with house.visitor() as queuer, house.visitor() as client:
        await queuer.join(sale)
        token = (await queuer.claim(sale)).json()["pass"]
        await client.register()
        body = {"ticket_type_id": sale.type_ids[0], "quantity": 1}
        holds = f"/api/events/{sale.event_id}/holds"
        assert (await client.post(holds, json=body, headers={"Queue-Pass": token})).status_code == 201
        async with desk_line(house, sale, client, Queue_Pass=token) as line:
            assert (await line.ask("hold", **body))["status"] == 201


async def test_the_last_of_many_messages_is_answered_too(house: House, sale: Sale, fan: Visitor):
    """More than are worked on at once, and bad ones among them: each is answered, by its number."""
    async with desk_line(house, sale, fan) as line:
        for number in range(100, 140):
            do = "fly" if number % 3 else "join"
            await line._socket.send(json.dumps({"id": number, "do": do}))
        replies = [await line.next("reply") for _ in range(40)]
    assert sorted(reply["id"] for reply in replies) == list(range(100, 140))


async def test_the_organiser_is_told_how_the_waits_turned_out(house: House, sale: Sale):
    assert house.app is not None
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        headers = {"Cookie": cookies_of(organiser)}
        async with house.app.test_client().websocket(
            f"/ws/organiser/{sale.event_id}", headers=headers
        ) as socket:
            frame = json.loads(await socket.receive())
    assert frame["type"] == "desk"
    assert frame["waits"] == {"told": 0, "right": 0, "withdrawn": 0}


async def test_the_houses_sockets_are_plain(house: House):
    assert house.app is not None
    assert issubclass(house.app.asgi_websocket_class, PlainConnection)
    # Made from ours by the schema.
    assert issubclass(house.app.websocket_class, PlainWebsocket)


NEW = {"name": "Somebody else", "password": PASSWORD}
WAYS_OUT = [
    ("/signout", {}),
    ("/api/logout", {}),
    ("/register", {"data": NEW}),
    ("/api/register", {"json": NEW}),
    ("/signin", {"data": {"password": PASSWORD}}),
    ("/api/login", {"json": {"password": PASSWORD}}),
]
"""How a browser stops being its account's: by a page or the API, with or without the next account."""


async def check_an_open_page_is_not_the_last_accounts(
    house: House, sale: Sale, way_out: str, fields: dict[str, Any]
) -> None:
    async with house.visitor() as fan, house.visitor() as other:
        await fan.register()
        await fan.come_in(sale)
        email = f"new-{fan.email}"
        if "regist" not in way_out:
            await other.register()
            email = other.email
        held = (await fan.hold(sale)).json()["id"]
        async with desk_line(house, sale, fan) as tab:
            assert (await tab.ask("extend", hold_id=held))["status"] == 200
            sent: dict[str, Any] = {how: {**body, "email": email} for how, body in fields.items()}
            answer = await fan.post(way_out, **sent)
            assert answer.status_code < 400, answer.text
            for do, given in (
                ("book", {"hold_id": held, "key": "k"}),
                ("release", {"hold_id": held}),
                ("hold", {"ticket_type_id": sale.type_ids[0], "quantity": 1}),
            ):
                check_problem((await tab.ask(do, **given))["body"], 401, "not_signed_in")
    assert (
        await house.database.fetch_val(select(func.count()).where(bookings.c.event_id == sale.event_id)) == 0
    )


@pytest.mark.parametrize(("way_out", "fields"), WAYS_OUT)
async def test_an_open_page_is_not_the_last_accounts(
    house: House, sale: Sale, monkeypatch: pytest.MonkeyPatch, way_out: str, fields: dict[str, Any]
):
    # It sleeps, and does not see that it is let go.
    monkeypatch.setattr(Slot, "close", lambda _: None)
    await check_an_open_page_is_not_the_last_accounts(house, sale, way_out, fields)


async def test_control_without_the_end_of_a_session_an_open_page_buys_for_the_last_account(
    house: House, sale: Sale, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(OpenSockets, "end_session", lambda *_: None)
    with pytest.raises(AssertionError):
        await check_an_open_page_is_not_the_last_accounts(house, sale, "/signout", {})


async def test_who_looks_for_a_booking_of_another_account_is_not_told_that_it_failed(
    house: House, sale: Sale, fan: Visitor
):
    await fan.come_in(sale)
    booking = (await fan.book((await fan.hold(sale)).json()["id"])).json()["id"]
    assert (await fan.get(f"/api/bookings/{booking}")).status_code == 200
    await fan.register()
    said = (await fan.get(f"/api/bookings/{booking}")).json()["detail"]
    assert "with another account" in said

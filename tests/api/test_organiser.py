"""The organiser's API: making sales, and levers that act on the next tick."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from databases import Database
from sqlalchemy import func, select

from tests.api.support import is_problem, made_sale, open_sale, sale_body, services, state_of
from tests.house import House, Sale, Visitor, eventually
from ticketflow.domain import Refusal, User, iso, now
from ticketflow.store import audit, rooms, tables, users
from waiting_room import Mode

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(loop_scope="package")
async def organiser(house: House, sale: Sale) -> AsyncIterator[Visitor]:
    """The organiser of `sale`, signed in."""
    async with house.visitor() as visitor:
        await visitor.sign_in(sale.organiser_email)
        yield visitor


async def test_a_sale_with_standing_and_rows(house: House, organiser: Visitor):
    rows: list[dict[str, Any]] = [
        {"section": "Stalls", "row": "A", "seats": 3},
        {"section": "Stalls", "row": "B", "seats": 2},
    ]
    types = [
        {"name": "Standing", "price": 2500, "capacity": 7},
        {"name": "Seats", "price": 0, "rows": rows},
    ]
    answer = await organiser.post(
        "/api/organiser/events", json=sale_body(ticket_types=types, name="Ünïcode 🎫")
    )
    assert answer.status_code == 201, answer.text
    event = answer.json()
    assert [(t["capacity"], t["remaining"], t["seated"]) for t in event["ticket_types"]] == [
        (7, 7, False),
        (5, 5, True),
    ]
    assert (event["sale_state"], event["name"]) == ("scheduled", "Ünïcode 🎫")
    async with house.visitor() as anybody:
        assert (await anybody.get(f"/api/events/{event['id']}")).json() == event
        assert event in (await anybody.get("/api/events")).json()
        seats = (await anybody.get(f"/api/events/{event['id']}/seats")).json()
    places = [(seat["section"], seat["row"], seat["number"], seat["state"]) for seat in seats]
    assert places == [
        ("Stalls", row, number, "free") for row, n in (("A", 3), ("B", 2)) for number in range(1, n + 1)
    ]
    assert await house.database.fetch_val(
        select(func.count()).select_from(tables.audit).where(tables.audit.c.event_id == event["id"])
    )


async def test_a_sale_that_is_not_published_is_its_organisers_alone(house: House, organiser: Visitor):
    hidden = await made_sale(organiser, publish=False)
    async with house.visitor() as anybody:
        is_problem(await anybody.get(f"/api/events/{hidden.event_id}"), 404, "not_found")
        is_problem(await anybody.join(hidden), 404, "not_found")
        assert hidden.event_id not in [e["id"] for e in (await anybody.get("/api/events")).json()]
    assert (await organiser.get(f"/api/organiser/events/{hidden.event_id}/room")).status_code == 200


HOUR = timedelta(hours=1)
ONE_TYPE = {"name": "Standing", "price": 2500, "capacity": 20}


def bad_types() -> list[Any]:
    """Ticket types of a sale, each with one thing wrong."""
    row: dict[str, Any] = {"section": "A", "row": "1", "seats": 2}
    standing: list[dict[str, Any]] = [
        *({"capacity": bad} for bad in (0, -1, 10**30, "20", 1.5, None)),
        *({"price": bad} for bad in (-1, 10**12, "free", True, None)),
        *({"name": bad} for bad in ("", "x" * 121, "\x00")),
        {"rows": [row]},
        {"colour": "red"},
    ]
    too_many = [{**row, "row": str(number), "seats": 1000} for number in range(201)]
    rows: list[Any] = [
        [],
        [{}],
        [row, row],
        *([{**row, **bad}] for bad in ({"seats": 0}, {"seats": 1001}, {"seats": "2"}, {"row": ""})),
        too_many,
    ]
    return [
        [],
        {},
        "x",
        [7],
        [ONE_TYPE] * 21,
        [ONE_TYPE, ONE_TYPE],
        *([{**ONE_TYPE, **bad}] for bad in standing),
        *([{"name": "Seats", "price": 1, "rows": bad}] for bad in rows),
    ]


BAD_MOMENTS: list[Any] = [
    "", "tomorrow", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00", 7, 4102444800, "4102444800", True,
]  # fmt: skip


def bad_sales() -> list[dict[str, Any]]:
    """A sale's fields, each with one thing wrong."""
    return [
        *({"ticket_types": bad} for bad in bad_types()),
        *({"starts_at": bad} for bad in [*BAD_MOMENTS, None]),
        *({"sale_starts_at": bad} for bad in [*BAD_MOMENTS, None]),
        *({"lobby_opens_at": bad} for bad in BAD_MOMENTS),
        {"sale_starts_at": iso(now() + 900 * 24 * HOUR)},
        {"lobby_opens_at": iso(now() + 2 * HOUR)},
        *({"currency": bad} for bad in ("", "eur", "EURO", "EU", "€€€", 978, None, "EUR\n")),
        *({"per_user_limit": bad} for bad in (0, -1, 101, "4", 1.5, None, 10**30)),
        *({"publish": bad} for bad in ("yes", 1, None)),
        *({"name": bad} for bad in ("", "  ", "x" * 201, "a\nb", "\ud800", 7, None)),
        *({"cancel_until": bad} for bad in BAD_MOMENTS),
        {"cancel_until": iso(now())},
        {"cancel_until": iso(now() + 900 * 24 * HOUR)},
        {"rate_per_minute": -1},
        {"max_active": 10**9},
        {"organiser_id": 1},
    ]


async def test_bad_sales_are_refused_and_nothing_is_made(house: House, sale: Sale, organiser: Visitor):
    before = await state_of(house, sale)
    for bad in bad_sales():
        answer = await organiser.post(
            "/api/organiser/events",
            content=json.dumps(sale_body(**bad)),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 422, (bad, answer.status_code, answer.text[:200])
        is_problem(answer, 422, "invalid_request")
    assert await state_of(house, sale) == before


async def test_levers_act_on_the_next_tick(house: House):
    sale = await open_sale(house, rate_per_minute=0)
    async with house.visitor() as organiser, house.visitor() as fan:
        await organiser.sign_in(sale.organiser_email)
        room = f"/api/organiser/events/{sale.event_id}/room"
        assert (await fan.join(sale)).json()["state"] == "waiting"
        message = "Doors are open 🎫"
        answer = await organiser.patch(room, json={"rate_per_minute": 60_000, "message": message})
        assert answer.status_code == 200
        assert answer.json() == (await organiser.get(room)).json()
        assert set(answer.json()) == {"mode", "rate_per_minute", "max_active", "message", "revision"}

        async def called() -> bool:
            view = (await fan.get(f"/api/events/{sale.event_id}/queue")).json()
            return bool(view["state"] == "called" and view["message"] == message)

        await eventually(called)
        record = await house.database.fetch_one(
            select(tables.rooms).where(tables.rooms.c.event_id == sale.event_id)
        )
        assert record is not None
        assert (record["rate_per_minute"], record["message"]) == (60_000, message)


BAD_LEVERS: list[dict[str, Any]] = [
    {},
    {"mode": None},
    {"mode": None, "message": None},
    {"mode": "ajar"},
    {"mode": "open\n"},
    {"mode": 1},
    {"rate_per_minute": -1},
    {"rate_per_minute": 10**30},
    {"rate_per_minute": "60"},
    {"rate_per_minute": 1.5},
    {"rate_per_minute": True},
    {"max_active": -1},
    {"max_active": 10**9},
    {"message": "x" * 501},
    {"message": 7},
    {"speed": 1},
    {"mode": "open", "speed": 1},
    {"revision": 0},
    {"mode": "open", "revision": -1},
    {"mode": "open", "revision": "0"},
    {"mode": "open", "revision": 2**31},
]


async def test_bad_levers_move_nothing(house: House, sale: Sale, organiser: Visitor):
    room = f"/api/organiser/events/{sale.event_id}/room"
    before, levers = await state_of(house, sale), (await organiser.get(room)).json()
    for bad in BAD_LEVERS:
        is_problem(await organiser.patch(room, json=bad), 422, "invalid_request")
    surrogate = await organiser.patch(
        room, content='{"message": "\\ud800"}', headers={"Content-Type": "application/json"}
    )
    is_problem(surrogate, 422, "invalid_request")
    assert (await organiser.get(room)).json() == levers
    assert await state_of(house, sale) == before


async def test_nobody_else_moves_them(house: House, sale: Sale, fan: Visitor):
    another = await open_sale(house)
    room = f"/api/organiser/events/{sale.event_id}/room"
    before = await state_of(house, sale)
    async with house.visitor() as nobody, house.visitor() as stranger:
        await stranger.sign_in(another.organiser_email)
        for who, status, code in (
            (nobody, 401, "not_signed_in"),
            (fan, 403, "forbidden"),
            (stranger, 404, "not_found"),
        ):
            is_problem(await who.get(room), status, code)
            is_problem(await who.patch(room, json={"mode": "closed"}), status, code)
        is_problem(await nobody.post("/api/organiser/events", json=sale_body()), 401, "not_signed_in")
        is_problem(await fan.post("/api/organiser/events", json=sale_body()), 403, "forbidden")
        page = await stranger.get(f"/organiser/{sale.slug}", headers={"Accept": "text/html"})
        assert page.status_code == 404
    assert await state_of(house, sale) == before


async def check_an_act_is_on_record_or_was_none(
    house: House, sale: Sale, organiser: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = f"/api/organiser/events/{sale.event_id}/room"
    levers = (await organiser.get(room)).json()
    record = audit.record

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the audit log cannot be written")

    monkeypatch.setattr(audit, "record", broken)
    assert (await organiser.patch(room, json={"mode": "paused"})).status_code == 500
    monkeypatch.setattr(audit, "record", record)
    kept = await rooms.by_event(house.database, sale.event_id)
    assert kept is not None
    assert (kept.mode, (await organiser.get(room)).json()) == (levers["mode"], levers)


async def test_an_act_is_on_record_or_was_none(
    house: House, sale: Sale, organiser: Visitor, monkeypatch: pytest.MonkeyPatch
):
    await check_an_act_is_on_record_or_was_none(house, sale, organiser, monkeypatch)


async def test_control_levers_moved_before_they_are_written_down_are_moved(
    house: House, sale: Sale, organiser: Visitor, monkeypatch: pytest.MonkeyPatch
):
    """As it was once: the room first."""
    written = rooms.steer

    async def room_first(database: Database, event_id: int, actor: User, **levers: Any) -> int:
        await (await services(house).rooms.of(event_id)).steer(mode=Mode(levers["mode"]))
        return await written(database, event_id, actor, **levers)

    monkeypatch.setattr(rooms, "steer", room_first)
    with pytest.raises(AssertionError):
        await check_an_act_is_on_record_or_was_none(house, sale, organiser, monkeypatch)


async def test_another_organisers_room_is_not_in_the_query(house: House, sale: Sale):
    """Also where nobody has looked before whose event it is."""
    another = await open_sale(house)
    stranger = await users.proven(house.database, another.organiser_email)
    assert stranger is not None
    with pytest.raises(Refusal) as refused:
        await rooms.steer(house.database, sale.event_id, stranger, mode="closed")
    assert refused.value.code == "not_found"
    kept = await rooms.by_event(house.database, sale.event_id)
    assert kept is not None
    assert kept.mode != "closed"
    await rooms.steer(house.database, another.event_id, stranger, mode="closed")


async def state_is(house: House, sale: Sale, wanted: str) -> None:
    async with house.visitor() as anybody:

        async def so() -> bool:
            return bool((await anybody.get(f"/api/events/{sale.event_id}")).json()["sale_state"] == wanted)

        await eventually(so)


async def test_the_states_of_a_sale(house: House, organiser: Visitor):
    """scheduled, lobby, on_sale, paused, sold_out, closed: each seen, and each as the contract names it."""
    sale = await made_sale(organiser, ticket_types=[{**ONE_TYPE, "capacity": 2}])
    room = f"/api/organiser/events/{sale.event_id}/room"
    await state_is(house, sale, "scheduled")
    in_lobby = await made_sale(organiser, lobby_opens_at=iso(now() - HOUR))
    await state_is(house, in_lobby, "lobby")
    for mode, state in (("open", "on_sale"), ("paused", "paused"), ("open", "on_sale")):
        assert (await organiser.patch(room, json={"mode": mode})).json()["mode"] == mode
        await state_is(house, sale, state)
    async with house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        hold = (await fan.hold(sale, 2)).json()
        # Held is not sold: the tickets may come back.
        assert (await fan.get(f"/api/events/{sale.event_id}")).json()["sale_state"] == "on_sale"
        assert (await fan.book(hold["id"])).status_code == 201
    await state_is(house, sale, "sold_out")
    await organiser.patch(room, json={"mode": "closed"})
    await state_is(house, sale, "closed")


async def test_a_paused_sale_lets_those_inside_finish(house: House, sale: Sale, fan: Visitor):
    async with house.visitor() as organiser, house.visitor() as late:
        await organiser.sign_in(sale.organiser_email)
        await organiser.patch(f"/api/organiser/events/{sale.event_id}/room", json={"mode": "paused"})
        await services(house).hub.refresh()
        assert (await late.join(sale)).json()["state"] == "waiting"
        assert (await fan.book((await fan.hold(sale)).json()["id"])).status_code == 201

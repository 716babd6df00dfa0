"""A key that is known answers first, whatever else would be refused by now; through both doors."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from tests.api.support import check_problem, desk_line, is_problem, services, state_of
from tests.house import House, Sale, Visitor
from ticketflow.payments import SimulatedGateway
from ticketflow.store import tables
from waiting_room.web import cookie_name

pytestmark = pytest.mark.asyncio(loop_scope="package")


def body_of(sale: Sale, method: str = "card-ok", **given: Any) -> dict[str, Any]:
    return {"event_id": sale.event_id, "quantity": 1, "payment": {"method": method}, **given}


async def book(fan: Visitor, body: Mapping[str, Any], key: str = "k", **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return await fan.post("/api/bookings", json=body, headers={"Idempotency-Key": key, **given})


async def close_and_unpublish(house: House, sale: Sale, fan: Visitor, body: dict[str, Any]) -> None:
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        room = f"/api/organiser/events/{sale.event_id}/room"
        assert (await organiser.patch(room, json={"mode": "closed"})).status_code == 200
    await services(house).hub.refresh()
    is_problem(await book(fan, body, key="new"), 409, "sale_closed")
    events = tables.events
    await house.database.execute(update(events).where(events.c.id == sale.event_id).values(published=False))
    await services(house).hub.refresh()
    is_problem(await book(fan, body, key="new"), 404, "not_found")


async def test_a_decided_key_answers_before_any_other_refusal(
    house: House, sale: Sale, fan: Visitor, monkeypatch
):
    body = body_of(sale)
    first = await book(fan, body)
    assert first.status_code == 201, first.text
    before = await state_of(house, sale)

    async def same(again: httpx.Response) -> None:
        assert (again.status_code, again.json()) == (201, first.json()), again.text

    async with desk_line(house, sale, fan) as line:
        reply = await line.ask("book", quantity=1, payment={"method": "card-ok"}, key="k")
        assert (reply["status"], reply["body"]) == (201, first.json())
    is_problem(await book(fan, body, key="new", Queue_Ticket="forged"), 403, "bad_ticket")
    await same(await book(fan, body, Queue_Ticket="forged"))
    name = cookie_name(sale.event_id)
    queue = next(cookie for cookie in fan.cookies.jar if cookie.name == name)
    fan.cookies.delete(queue.name, queue.domain, queue.path)
    is_problem(await book(fan, body, key="new"), 403, "not_admitted")
    await same(await book(fan, body))
    with monkeypatch.context() as gateway:
        gateway.setattr(SimulatedGateway, "accepts", lambda *_: False)
        await same(await book(fan, body))
    assert await state_of(house, sale) == before
    await close_and_unpublish(house, sale, fan, body)
    await same(await book(fan, body))
    async with house.visitor() as nobody:
        is_problem(await book(nobody, body), 401, "not_signed_in")


async def test_another_body_under_a_known_key_is_a_mismatch_whatever_else_is_wrong_with_it(
    house: House, sale: Sale, fan: Visitor
):
    assert (await book(fan, body_of(sale))).status_code == 201
    others = (
        {"hold_id": "malformed"},
        {"hold_id": "99999999-gone"},
        body_of(sale, "no such card"),
        body_of(sale, ticket_type_id=10**9),
        body_of(sale, event_id=10**9),
    )
    async with desk_line(house, sale, fan) as line:
        for other in others:
            is_problem(await book(fan, other), 422, "idempotency_mismatch")
            reply = await line.ask("book", key="k", **other)
            check_problem(reply["body"], 422, "idempotency_mismatch")


async def test_a_refused_key_says_what_it_was_refused_for(house: House, sale: Sale, fan: Visitor):
    body = body_of(sale, "card-declined")
    is_problem(await book(fan, body), 402, "payment_declined")
    is_problem(await book(fan, body, Queue_Ticket="forged"), 402, "payment_declined")
    await close_and_unpublish(house, sale, fan, body)
    is_problem(await book(fan, body), 402, "payment_declined")

"""Tickets at a door: what it is told of each code, and that of any number who ask at once one is let in."""

import asyncio
import base64
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import func, insert, select, update

from tests.api.support import BALCONY, STANDING, is_problem, open_sale, services
from tests.api.test_cancelling import booked, organisers_path, path
from tests.house import PASSWORD, TICKET_KEY, House, Sale, Visitor
from ticketflow.domain import now
from ticketflow.store import tables, ticket_uses, violations
from ticketflow.ticket_codes import PREFIX, TicketCodes, TicketReader

pytestmark = pytest.mark.asyncio(loop_scope="package")

AT_ONCE = 50


@pytest_asyncio.fixture(loop_scope="package")
async def sale(house: House) -> Sale:
    """A sale with seats too, whose tickets may be given back."""
    return await open_sale(house, types=[STANDING, BALCONY], cancel_until=now() + timedelta(days=10))


@pytest_asyncio.fixture(loop_scope="package")
async def steward(house: House, sale: Sale) -> Any:
    """The sale's organiser, signed in."""
    async with house.visitor() as visitor:
        await visitor.sign_in(sale.organiser_email)
        yield visitor


@pytest_asyncio.fixture(loop_scope="package")
async def ticket(fan: Visitor, sale: Sale) -> dict[str, Any]:
    """A ticket that nobody has used."""
    found: dict[str, Any] = (await booked(fan, sale))["tickets"][0]
    return found


async def check(steward: Visitor, code: str, **given: Any) -> dict[str, Any]:
    answer = await steward.post("/api/organiser/check", json={"code": code, **given})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def uses(house: House, code: str) -> int:
    this = select(tables.tickets.c.id).where(tables.tickets.c.code == code)
    rows = select(func.count()).where(tables.ticket_uses.c.ticket_id.in_(this))
    return int(await house.database.fetch_val(rows.select_from(tables.ticket_uses)))


async def test_the_first_use_is_told_to_the_second(sale: Sale, steward: Visitor, ticket: dict[str, Any]):
    first = await check(steward, ticket["signed"], event_id=sale.event_id, door="North")
    assert (first["verdict"], first["door"]) == ("valid", "North")
    assert first["used_at"]
    assert first["ticket"] == {
        "code": ticket["code"],
        "seat": None,
        "ticket_type": "Standing",
        "booker": "A fan",
        "event": {**first["ticket"]["event"], "id": sale.event_id, "name": "A sale for tests"},
    }
    second = await check(steward, ticket["signed"], event_id=sale.event_id, door="South")
    assert second == {**first, "verdict": "used", "detail": second["detail"]}


async def test_a_look_lets_nobody_in(house: House, sale: Sale, steward: Visitor, ticket: dict[str, Any]):
    for _ in range(2):
        looked = await check(steward, ticket["signed"], look=True)
        assert (looked["verdict"], looked["used_at"], looked["door"]) == ("valid", None, None)
    assert await uses(house, ticket["code"]) == 0
    await check(steward, ticket["signed"])
    assert (await check(steward, ticket["signed"], look=True))["verdict"] == "used"


async def test_a_seat_is_named(sale: Sale, fan: Visitor, steward: Visitor):
    held = await fan.hold(sale, 1, sale.type_ids[1])
    seated = (await fan.book(held.json()["id"])).json()["tickets"][0]
    told = await check(steward, seated["signed"])
    assert seated["seat"]
    assert told["ticket"]["seat"] == seated["seat"]
    assert told["ticket"]["ticket_type"] == "Balcony"


@pytest.mark.parametrize("write", [str, str.lower, lambda c: f" {c[:9]}-{c[9:18]} {c[18:]}\n"])
async def test_a_short_code_is_typed_as_people_type(steward: Visitor, ticket: dict[str, Any], write: Any):
    assert (await check(steward, write(ticket["code"])))["verdict"] == "valid"
    assert (await check(steward, write(ticket["code"])))["verdict"] == "used"


async def test_what_is_not_ours_is_unknown(
    house: House, sale: Sale, steward: Visitor, ticket: dict[str, Any]
):
    letters = ticket["signed"][len(PREFIX) :]
    raw = bytearray(base64.b32decode(letters + "=" * (-len(letters) % 8)))
    raw[12] ^= 1
    one_bit = PREFIX + base64.b32encode(raw).decode().rstrip("=")
    forged = TicketCodes(("0f" * 32,)).sign(sale.event_id, ticket["code"])
    other = "2" if ticket["code"][-1] != "2" else "3"
    for code in (
        one_bit,
        forged,
        ticket["code"][:-1] + other,
        ticket["code"][:-1],
        "hello",
        "TF1.",
        "\U0001f39f",
    ):
        told = await check(steward, code)
        assert (told["verdict"], told["ticket"], told["used_at"]) == ("unknown", None, None), code
    assert await uses(house, ticket["code"]) == 0


async def test_a_ticket_of_another_event_is_not_used_up(
    house: House, sale: Sale, steward: Visitor, ticket: dict[str, Any]
):
    for code in (ticket["signed"], ticket["code"]):
        told = await check(steward, code, event_id=sale.event_id + 1_000)
        assert (told["verdict"], told["ticket"]["event"]["id"]) == ("wrong_event", sale.event_id)
    assert await uses(house, ticket["code"]) == 0


async def test_another_organiser_learns_nothing(
    house: House, sale: Sale, steward: Visitor, ticket: dict[str, Any]
):
    another = await open_sale(house)
    async with house.visitor() as other:
        await other.sign_in(another.organiser_email)
        nothing = {"ticket": None, "used_at": None, "door": None}
        for event_id in (sale.event_id, another.event_id, None):
            told = await check(other, ticket["signed"], event_id=event_id)
            assert (told["verdict"], {name: told[name] for name in nothing}) == ("wrong_event", nothing)
            told = await check(other, ticket["code"], event_id=event_id)
            assert (told["verdict"], {name: told[name] for name in nothing}) == ("unknown", nothing)
    assert await uses(house, ticket["code"]) == 0
    assert (await check(steward, ticket["signed"]))["verdict"] == "valid"


async def test_control_without_the_owner_in_the_query_another_organiser_lets_people_in(
    house: House, ticket: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    another = await open_sale(house)
    monkeypatch.setattr(ticket_uses, "seen_to_by", lambda actor: tables.events.c.id > 0)
    async with house.visitor() as other:
        await other.sign_in(another.organiser_email)
        assert (await check(other, ticket["code"]))["verdict"] == "valid"


async def test_a_token_of_an_organiser_checks(steward: Visitor, house: House, ticket: dict[str, Any]):
    a_token = {"name": "A scanner", "abilities": ["organise"], "current_password": PASSWORD}
    made = await steward.post("/api/tokens", json=a_token)
    async with house.visitor() as scanner:
        scanner.headers["Authorization"] = f"Bearer {made.json()['token']}"
        assert (await check(scanner, ticket["signed"]))["verdict"] == "valid"


async def test_a_cancelled_booking_s_ticket_is_void(sale: Sale, fan: Visitor, steward: Visitor):
    booking = await booked(fan, sale)
    assert (await fan.post(path(booking))).status_code == 200
    signed, short = booking["tickets"][0]["signed"], booking["tickets"][0]["code"]
    told = await check(steward, signed, event_id=sale.event_id)
    assert (told["verdict"], told["ticket"]["code"], told["ticket"]["booker"]) == ("void", short, None)
    # Of the short code alone only the books could say that it was ours, and they have it no more.
    assert (await check(steward, short))["verdict"] == "unknown"


async def test_a_used_ticket_s_booking_cannot_be_cancelled(
    house: House, sale: Sale, fan: Visitor, steward: Visitor
):
    booking = await booked(fan, sale, 2)
    used, kept = booking["tickets"]
    await check(steward, used["signed"])
    for refused in (await fan.post(path(booking)), await steward.post(organisers_path(sale, booking))):
        assert "Nothing was changed" in is_problem(refused, 409, "ticket_used")["detail"]
    page = await fan.post(f"/bookings/{booking['id']}/cancel")
    assert page.status_code == 409
    assert "was used at the door" in page.text
    after = (await fan.get(f"/api/bookings/{booking['id']}")).json()
    assert after["tickets"][0].pop("used_at") is not None
    assert used.pop("used_at") is None
    assert after == booking
    gone = tables.cancellations.c.booking_id == booking["id"]
    assert await house.database.fetch_one(select(tables.cancellations).where(gone)) is None
    assert (await check(steward, kept["signed"]))["verdict"] == "valid"


async def test_of_fifty_who_ask_at_once_one_is_let_in(house: House, steward: Visitor, ticket: dict[str, Any]):
    told = await all_at_once(steward, ticket)
    assert Counter(one["verdict"] for one in told) == {"valid": 1, "used": AT_ONCE - 1}
    (first,) = [one for one in told if one["verdict"] == "valid"]
    assert {(one["used_at"], one["door"]) for one in told} == {(first["used_at"], first["door"])}
    assert await uses(house, ticket["code"]) == 1


async def test_control_a_look_before_instead_of_the_key_lets_several_in(
    steward: Visitor, ticket: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    async def read_then_write(database: Any, ticket_id: int, by: int | None, door: str, at: Any) -> bool:
        this = tables.ticket_uses.c.ticket_id == ticket_id
        if await database.fetch_one(select(tables.ticket_uses).where(this)):
            return False
        use = insert(tables.ticket_uses).values(ticket_id=ticket_id, used_at=at, checked_by=by, door=door)
        with suppress(*violations.UNIQUE):
            await database.execute(use)
        return True

    monkeypatch.setattr(ticket_uses, "record", read_then_write)
    told = await all_at_once(steward, ticket)
    assert Counter(one["verdict"] for one in told)["valid"] > 1


async def all_at_once(steward: Visitor, ticket: dict[str, Any]) -> list[dict[str, Any]]:
    """Fifty doors check one ticket, by either of its codes."""
    codes = (ticket["signed"], ticket["code"])
    return await asyncio.gather(*(check(steward, codes[n % 2], door=f"Door {n}") for n in range(AT_ONCE)))


async def test_an_account_with_used_tickets_closes_when_the_event_is_over(
    house: House, sale: Sale, fan: Visitor, steward: Visitor, ticket: dict[str, Any]
):
    await check(steward, ticket["signed"])
    body = {"current_password": PASSWORD}
    is_problem(await fan.request("DELETE", "/api/me", json=body), 409, "tickets_ahead")
    events = tables.events
    over = {"starts_at": now() - timedelta(days=2), "cancel_until": None}
    await house.database.execute(update(events).where(events.c.id == sale.event_id).values(**over))
    await services(house).hub.announce(sale.event_id)
    closed = await fan.request("DELETE", "/api/me", json=body)
    assert closed.status_code == 204, closed.text
    told = await check(steward, ticket["signed"])
    assert (told["verdict"], told["ticket"]["booker"]) == ("used", "Closed account")


async def test_the_published_keys_check_what_the_api_signs(house: House, fan: Visitor, sale: Sale):
    async with house.visitor() as anybody:
        answer = await anybody.get("/.well-known/ticket-keys.json")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert TICKET_KEY not in answer.text
    door = TicketReader.of_published(answer.json())
    booking = await booked(fan, sale, 2)
    for told in (
        booking,
        (await fan.get(f"/api/bookings/{booking['id']}")).json(),
        (await fan.get("/api/bookings")).json()[0],
    ):
        for ticket in told["tickets"]:
            read = door.read(ticket["signed"])
            assert (read.event_id, read.code) == (sale.event_id, ticket["code"])

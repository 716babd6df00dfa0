"""Whatever stands in a body, over HTTP or the desk socket: a problem document, and nothing changed."""

import json
from typing import Any

import pytest

from tests.api.support import check_problem, desk_line, is_problem, state_of
from tests.house import House, Sale, Visitor

pytestmark = pytest.mark.asyncio(loop_scope="package")

# Raw JSON: Python's own writer could not make half of these.
BAD_NUMBERS = [
    "0", "-1", "101", "99999999999999999999", "1e400", "-1e400", "NaN", "Infinity", "1.5", "2.0", '"2"',
    "true", "[]", "{}", "[2]", '"two"', '"\\ud800"',
    "1" * 5000,
]  # fmt: skip
BAD_TEXTS = ["7", "true", "[]", "{}", "null", '""', '"\\ud800"', '"a\\u0000b"', json.dumps("x" * 5000)]
NO_OBJECTS = ["", "null", "[]", "[1,2]", '"text"', "7", "true", "NaN", "{", '{"a":}', "\ufeff{}", "\x00"]
DEEP = ["[" * 100_000, '{"a":' * 50_000, "[" * 100_000 + "]" * 100_000]
JSON_ROUTES = [
    ("POST", "/api/register"),
    ("POST", "/api/login"),
    ("POST", "/api/bookings"),
    ("POST", "/api/events/{event}/holds"),
    ("POST", "/api/organiser/events"),
    ("PATCH", "/api/organiser/events/{event}/room"),
]


async def become_who_may(fan: Visitor, sale: Sale, path: str) -> None:
    """Whoever may not ask at all is sent away before their body is read."""
    if "/organiser/" in path:
        assert (await fan.sign_in(sale.organiser_email)).status_code == 200


REFUSED = {400, 403, 404, 409, 410, 413, 415, 422}


@pytest.mark.parametrize(("method", "path"), JSON_ROUTES)
async def test_a_body_that_is_no_object(house: House, sale: Sale, fan: Visitor, method: str, path: str):
    await become_who_may(fan, sale, path)
    before = await state_of(house, sale)
    where = path.format(event=sale.event_id)
    for body in [*NO_OBJECTS, *DEEP]:
        answer = await fan.request(
            method, where, content=body.encode(), headers={"Content-Type": "application/json"}
        )
        problem = is_problem(answer, {400, 422})
        assert problem["code"] in ("malformed_json", "invalid_request"), (body[:20], problem)
    assert await state_of(house, sale) == before


@pytest.mark.parametrize(("method", "path"), JSON_ROUTES)
async def test_a_body_of_another_kind(house: House, sale: Sale, fan: Visitor, method: str, path: str):
    await become_who_may(fan, sale, path)
    before = await state_of(house, sale)
    where = path.format(event=sale.event_id)
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
        "nonsense; =;",
    ):
        answer = await fan.request(method, where, content=b'{"quantity": 1}', headers={"Content-Type": kind})
        is_problem(answer, {400, 415, 422})
    is_problem(await fan.request(method, where), {400, 415, 422})
    bytes_that_are_no_text = await fan.request(
        method, where, content=b'{"a": "\xff\xfe"}', headers={"Content-Type": "application/json"}
    )
    is_problem(bytes_that_are_no_text, {400, 422})
    assert await state_of(house, sale) == before


@pytest.mark.parametrize(("method", "path"), JSON_ROUTES)
async def test_a_body_that_is_too_large(house: House, sale: Sale, fan: Visitor, method: str, path: str):
    answer = await fan.request(
        method,
        path.format(event=sale.event_id),
        content=b" " * 1_100_000,
        headers={"Content-Type": "application/json"},
    )
    is_problem(answer, 413, "body_too_large")


def bad_holds(type_id: int) -> list[str]:
    """Bodies of a hold, each with one thing wrong."""
    quantities = [f'{{"ticket_type_id": {type_id}, "quantity": {bad}}}' for bad in BAD_NUMBERS]
    types = [f'{{"ticket_type_id": {bad}, "quantity": 1}}' for bad in BAD_NUMBERS if bad != "101"]
    units = [
        f'{{"ticket_type_id": {type_id}, "units": {bad}}}'
        for bad in ("[]", "[-1]", "[1,1]", '["1"]', "[1.0]", "[true]", "[null]", "[[1]]", "{}", "1", '"1"',
                    "[1e400]", "[99999999999999999999]", str(list(range(101))))
    ]  # fmt: skip
    whole = [
        "{}",
        f'{{"ticket_type_id": {type_id}}}',
        f'{{"ticket_type_id": {type_id}, "quantity": 1, "units": [1]}}',
        f'{{"ticket_type_id": {type_id}, "quantity": null, "units": null}}',
        f'{{"ticket_type_id": {type_id}, "quantity": 1, "price": 1}}',
        f'{{"ticket_type_id": {type_id}, "quantity": 1, "\\ud800": 1}}',
        '{"ticket_type_id": 987654321, "quantity": 1}',
    ]
    return [*quantities, *types, *units, *whole]


def bad_bookings(sale: Sale, hold_id: str) -> list[str]:
    """Bodies of a booking, each with one thing wrong."""
    holds = [
        f'{{"hold_id": {bad}}}' for bad in [*BAD_TEXTS, '"1-"', '"-"', '"x-y"', f'"{10**30}-{"a" * 32}"']
    ]
    events = [f'{{"event_id": {bad}, "quantity": 1}}' for bad in BAD_NUMBERS]
    counts = [f'{{"event_id": {sale.event_id}, "quantity": {bad}}}' for bad in BAD_NUMBERS]
    types = [
        f'{{"event_id": {sale.event_id}, "quantity": 1, "ticket_type_id": {bad}}}' for bad in BAD_NUMBERS
    ]
    payments = [
        f'{{"hold_id": "{hold_id}", "payment": {bad}}}'
        for bad in ("7", '"card-ok"', "[]", "{}", '{"method": "card-ok", "amount": 1}')
    ]
    methods = [
        f'{{"hold_id": "{hold_id}", "payment": {{"method": {bad}}}}}' for bad in [*BAD_TEXTS, '"gold"']
    ]
    both = f'{{"hold_id": "{hold_id}", "event_id": {sale.event_id}, "quantity": 1}}'
    unknown = f'{{"hold_id": "{sale.event_id}-{"0" * 32}"}}'
    return [*holds, *events, *counts, *types, *payments, *methods, both, unknown, "{}"]


async def test_bad_holds_over_http(house: House, sale: Sale, fan: Visitor):
    before = await state_of(house, sale)
    for body in bad_holds(sale.type_ids[0]):
        answer = await fan.post(
            f"/api/events/{sale.event_id}/holds", content=body, headers={"Content-Type": "application/json"}
        )
        is_problem(answer, REFUSED)
    assert await state_of(house, sale) == before


async def test_bad_holds_over_the_socket(house: House, sale: Sale, fan: Visitor):
    before = await state_of(house, sale)
    async with desk_line(house, sale, fan) as line:
        for body in bad_holds(sale.type_ids[0]):
            reply = (
                await line.say('{"id": 7, "do": "hold", ' + body[1:])
                if body != "{}"
                else await line.ask("hold")
            )
            assert reply["status"] in REFUSED, (body, reply)
            check_problem(reply["body"], reply["status"])
    assert await state_of(house, sale) == before


async def test_bad_bookings_over_http(house: House, sale: Sale, fan: Visitor):
    hold = (await fan.hold(sale)).json()
    before = await state_of(house, sale)
    for body in bad_bookings(sale, hold["id"]):
        answer = await fan.post("/api/bookings", content=body, headers={"Content-Type": "application/json"})
        is_problem(answer, REFUSED)
    assert await state_of(house, sale) == before


async def test_bad_bookings_over_the_socket(house: House, sale: Sale, fan: Visitor):
    hold = (await fan.hold(sale)).json()
    before = await state_of(house, sale)
    async with desk_line(house, sale, fan) as line:
        for body in bad_bookings(sale, hold["id"]):
            reply = (
                await line.say('{"id": 7, "do": "book", ' + body[1:])
                if body != "{}"
                else await line.ask("book")
            )
            assert reply["status"] in REFUSED, (body, reply)
            check_problem(reply["body"], reply["status"])
    assert await state_of(house, sale) == before


async def test_messages_that_are_no_command(house: House, sale: Sale, fan: Visitor):
    before = await state_of(house, sale)
    commands: list[Any] = [
        {},
        {"id": 1},
        {"do": "hold"},
        {"id": "1", "do": "join"},
        {"id": -1, "do": "join"},
        {"id": 2**60, "do": "join"},
        {"id": True, "do": "join"},
        {"id": None, "do": "join"},
        {"id": 1, "do": None},
        {"id": 1, "do": ["join"]},
        {"id": 1, "do": "fly"},
        {"id": 1, "do": "__class__"},
        {"id": 1, "do": "x" * 5000},
        {"id": 1, "do": "\ud800"},
        {"id": 1, "do": "join", "ticket": "forged"},
        {"id": 1, "do": "join", "ticket": 7},
        {"id": 1, "do": "join", "ticket": "\ud800"},
        {"id": 1, "do": "join", "ticket": "\x00"},
        {"id": 1, "do": "join", "visitor": "me"},
        {"id": 1, "do": "claim", "more": 1},
        {"id": 1, "do": "leave", "more": 1},
        {"id": 1, "do": "release"},
        {"id": 1, "do": "release", "hold_id": 7},
        {"id": 1, "do": "release", "hold_id": "\ud800"},
        {"id": 1, "do": "release", "hold_id": f"{10**30}-x"},
        *({"id": 1, "do": do, "hold_id": f"{sale.event_id}-\ud800"} for do in ("release", "extend", "book")),
        {"id": 1, "do": "book", "quantity": 1, "key": ""},
        {"id": 1, "do": "book", "quantity": 1, "key": "k" * 201},
        {"id": 1, "do": "book", "quantity": 1, "key": "with space"},
        {"id": 1, "do": "book", "quantity": 1, "key": 7},
    ]
    async with desk_line(house, sale, fan) as line:
        for text in [
            *NO_OBJECTS,
            *DEEP,
            *map(json.dumps, commands),
            " " * 30_000,
            '{"id":' + "1" * 5000 + "}",
        ]:
            reply = await line.say(text)
            assert reply["status"] in REFUSED, (text[:60], reply)
            check_problem(reply["body"], reply["status"])
        for raw in (b"\xff\xfe\xfd", b"{}", None):
            reply = await line.say(raw)
            check_problem(reply["body"], reply["status"])
            assert reply["status"] in (400, 422)
    assert await state_of(house, sale) == before


BAD_ACCOUNTS: list[dict[str, Any]] = [
    {"email": bad}
    for bad in ("", "nobody", "a@b", "a b@c.de", "a@b.c\nBcc: x@y.z", "a\x00@b.cd", "\ud800@b.cd",
                7, None, ["a@b.cd"])
] + [
    {"email": f"{'x' * 250}@example.com"},
    {"name": ""},
    {"name": "   "},
    {"name": "x" * 121},
    {"name": "two\nlines"},
    {"name": "\x00"},
    {"name": "\ud800"},
    {"name": {"first": "A"}},
    {"password": "short"},
    {"password": "x" * 201},
    {"password": "\ud800" * 8},
    {"password": 12345678},
    {"password": None},
    {"role": "organiser"},
]  # fmt: skip


async def test_bad_accounts(house: House, sale: Sale):
    before = await state_of(house, sale)
    good = {"name": "A fan", "email": "good@example.com", "password": "long enough"}
    async with house.visitor() as visitor:
        for bad in BAD_ACCOUNTS:
            body = json.dumps({**good, **bad})
            answer = await visitor.post(
                "/api/register", content=body, headers={"Content-Type": "application/json"}
            )
            problem = is_problem(answer, 422, "invalid_request")
            assert problem["errors"], problem
        assert visitor.cookies.get("session") is None
        for email in ("nobody@example.com", "a\x00", "x" * 254, "'; DROP TABLE users; --"):
            answer = await visitor.post("/api/login", json={"email": email, "password": "\x00wrong"})
            is_problem(answer, 401, "wrong_credentials")
    assert await state_of(house, sale) == before

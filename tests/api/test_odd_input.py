"""Whatever strange things a request is made of: it is told so, and never that something broke here.

Each strange thing comes to one door in four, and each door sees many of them; `make fuzz` brings all to all.
"""

import json
import re
import zlib
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any, TypeVar

import httpx
import pytest
import pytest_asyncio
from quart.testing.connections import WebsocketResponseError

from tests.api.fuzzing import CASES
from tests.api.support import cookies_of, desk_line, open_sale
from tests.house import PASSWORD, House, Sale, Visitor
from ticketflow.domain import Role
from ticketflow.store.tables import users
from ticketflow.web.guard import SAFE

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    # What a database makes of it is another question: the models' tests have both.
    pytest.mark.parametrize("house", ["sqlite"], indirect=True, scope="package"),
]

LONG = "9" * 5000
ODD = {
    "5,000 digits": LONG,
    "superscript": "²",
    "other digits": "١٢",
    "NUL": "a%00b",
    "half a character": "%ED%A0%80",
    "no UTF-8": "%ff%fe",
    "bad percent": "%zz%",
    "half an address": "http://[",
    "below zero": "-1",
    "no number": "NaN",
    "beyond all": "1e999",
    "line break": "%0d%0aX: 1",
    "long": "x" * 20_000,
    "nothing": "",
}
"""Texts as they stand in an address or a form: percent signs and all."""
ODD_JSON = {
    "half a character": r'"\ud800"',
    "the other half": r'"\udc00@example.com"',
    "NUL": r'"a\u0000b"',
    "5,000 digits": LONG,
    "5,000 digits as text": f'"{LONG}"',
    "superscript": '"²"',
    "no object": "[]",
    "an object": r'{"\ud800": "\ud800"}',
    "below zero": "-1",
    "beyond all": "1e999",
    "true": "true",
    "a date beyond all": '"99999-99-99T99:99:99Z"',
    "a date without end": f'"2026-01-01T00:00:00.{LONG}Z"',
    "the first moment": '"0001-01-01T00:00:00+23:59"',
    "the last moment": '"9999-12-31T23:59:59-23:59"',
}
HEADERS = {
    "Accept": ODD.values(),
    "Accept-Encoding": ["gzip;q=NaN", "²", LONG],
    "Authorization": ["Bearer", "Bearer \xff", f"Bearer {LONG}", "Basic é", "Basic \x80", "Digest a=\"", "²"],
    "Content-Length": [LONG, "-1", "²", "1e9", "0x10", "+5", "1_0"],
    "Content-Type": ["multipart/form-data", "multipart/form-data; boundary=", "a; charset=nope",
                     "application/x-www-form-urlencoded; charset=utf-7", "application/json; charset=\xff",
                     "multipart/form-data; boundary=" + "x" * 5000, "/", ";"],
    "Cookie": ["=", ";;;", "session", "session=²", "a=" + "x" * 20_000, "\xff=\xfe", '__Host-x="\\777"'],
    "Host": ["[", "]", "[::1", "localhost:²", f"localhost:{LONG}", "localhost:-1", "a b", "\xff", ":", "@"],
    "Idempotency-Key": ODD.values(),
    "If-Modified-Since": ["x", LONG, "Thu, 99 Jan 99999 99:99:99 GMT", "Mon, 01 Jan 0000 00:00:00 GMT"],
    "If-None-Match": ['"', "W/", LONG, "²"],
    "If-Range": ["x", LONG],
    "Origin": ["http://[", "null", "²", "http://localhost:²", LONG],
    "Prefer": [f"wait={LONG}", "wait=²", "wait=-1", "wait="],
    "Range": [f"bytes=0-{LONG}", f"bytes={LONG}-", "bytes=²-", "bytes=-", "bytes=5-1", "x=1-2"],
    "Referer": ["http://[", "http://]", "http://[::1", "http://localhost:²/x", "//", LONG, "\xff"],
    "Sec-Fetch-Site": ["²", ""],
    "Stripe-Signature": [f"t={LONG},v1=x", "t=²,v1=x", "t=,v1=", "x"],
    "X-Forwarded-For": ["[", "::ffff:", f"1.2.3.4:{LONG}", "²"],
    "X-Forwarded-Proto": ["²"],
    "X-Queue-Pass": ["²", LONG, "....", ".eJ"],
    "X-Queue-Ticket": ["²", LONG, "....", ".eJ"],
    "X-Request-Id": ["²", LONG, "\xff"],
}  # fmt: skip
COOKIES = ["", "²", LONG, "\xff\xfe", "a.b.c", "....", ".eJ.x.y", "eyJh", "%00", '"\\ud800"', "1.2.3"]
FIELDS = (
    *("name", "email", "password", "current_password", "token", "next", "theme", "abilities", "row", "v"),
    *("type", "quantity", "units", "seat", "hold_id", "key", "method", "limit", "q", "visitor", "ended"),
    *("expires_in_days", "after", "before", "status", "said"),
)
STAYS_IN = ("signout", "logout", "/sessions", "close")
"""Whose routes would end the session that the rest is asked with."""
PAGE = {"Accept": "text/html"}
ONE_DOOR_IN = 1 if CASES else 4

T = TypeVar("T")


def some(doors: Iterable[T], odd: str) -> list[T]:
    """Those of the doors to which this comes: others for each."""
    return list(doors)[zlib.crc32(odd.encode()) % ONE_DOOR_IN :: ONE_DOOR_IN]


@pytest_asyncio.fixture(loop_scope="package", scope="module")
async def sale(house: House) -> Sale:
    return await open_sale(house)


@pytest_asyncio.fixture(loop_scope="package")
async def admin(house: House, sale: Sale) -> AsyncIterator[Visitor]:
    """Who may ask everything of the sale, and is at its desk."""
    await house.database.execute(
        users.update().where(users.c.email == sale.organiser_email).values(role=Role.ADMIN.value)
    )
    async with house.visitor() as visitor:
        await visitor.sign_in(sale.organiser_email)
        await visitor.come_in(sale)
        yield visitor


def routes(house: House, sale: Sale, *, odd: str | None = None) -> list[tuple[str, str]]:
    """Each route with this sale in it, or something odd where an address has a place."""
    assert house.app is not None
    found = []
    for rule in house.app.url_map.iter_rules():
        path = rule.rule
        if odd is None:
            path = re.sub(r"<int:(event|room)_id>", str(sale.event_id), path).replace("<slug>", sale.slug)
        elif "<" not in path:
            continue
        path = re.sub(r"<[^>]*>", "x" if odd is None else odd.replace("/", "%2F"), path)
        if not rule.websocket and not any(word in path for word in STAYS_IN):
            found += [(method, path) for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"})]
    assert len(found) > 20
    return found


def check(answer: httpx.Response, *what: object) -> None:
    assert answer.status_code < 500, (answer.request.method, answer.request.url.path, *what)


async def ask(who: Visitor, method: str, path: str, what: object, **given: Any) -> None:
    check(await who.request(method, path, **given), what, given)


def form_of(value: str) -> bytes:
    return "&".join(f"{field}={value}" for field in FIELDS).encode()


@pytest.mark.parametrize("name", ["5,000 digits", "half a character"])
async def test_forms_and_queries(house: House, sale: Sale, admin: Visitor, name: str):
    value = ODD[name]
    kind = {"Content-Type": "application/x-www-form-urlencoded", **PAGE}
    async with house.visitor() as stranger:
        for who in (admin, stranger):
            for method, path in some(routes(house, sale), name):
                if method in SAFE:
                    query = form_of(value[:200]).decode()
                    await ask(who, method, f"{path}?{query}", name, headers=PAGE)
                else:
                    await ask(who, method, path, name, content=form_of(value), headers=kind)


@pytest.mark.parametrize("name", ODD)
async def test_one_field_of_a_good_form(house: House, sale: Sale, admin: Visitor, name: str):
    """What is otherwise good gets further."""
    good = {
        "/profile/tokens": "name=a&abilities=read&expires_in_days=7",
        "/signin": "email=a%40example.com&password=12345678&next=%2F",
        "/register": "name=Ann&email=a%40example.com&password=one+of+mine&next=%2F",
        "/profile/name": "name=Ann",
        "/profile/email": "email=b%40example.com&current_password=x",
        "/profile/password": "current_password=x&password=one+of+mine",
        "/forgot": "email=a%40example.com",
        "/reset": "token=x&password=one+of+mine",
        f"/events/{sale.slug}/book": f"type={sale.type_ids[0]}&quantity=1&units=1&seat={sale.type_ids[0]}.1",
    }
    kind = {"Content-Type": "application/x-www-form-urlencoded", **PAGE}
    for path, form in good.items():
        for field in form.split("&"):
            changed = form.replace(field, f"{field.partition('=')[0]}={ODD[name]}")
            await ask(admin, "POST", path, name, content=changed.encode(), headers=kind)


def bodies(house: House, example: dict[str, Any], odd: str) -> Iterable[str]:
    """The body with each field odd in turn, with an odd field more, and odd as a whole."""
    for field in [*example, "current_password", "more"]:
        rest = {name: value for name, value in example.items() if name != field}
        yield json.dumps({**rest, field: "ODD"}).replace('"ODD"', odd)
    yield odd


@pytest.mark.parametrize("name", ["half a character", "NUL", "5,000 digits", "no object", "the last moment"])
async def test_bodies(house: House, sale: Sale, admin: Visitor, name: str):
    """With a session and with a token, which reads the body before anybody else does."""
    a_token = {"name": "a", "abilities": ["read", "book", "organise"], "current_password": PASSWORD}
    made = await admin.post("/api/tokens", json=a_token)
    token = {"Authorization": f"Bearer {made.json()['token']}"}
    document = (await admin.get("/openapi.json")).json()
    kind, asked = {"Content-Type": "application/json"}, 0
    async with house.visitor() as program:
        for path, calls in document["paths"].items():
            where = re.sub(r"\{(event|room)_id\}", str(sale.event_id), path)
            where = re.sub(r"\{[^}]*\}", "1", where)
            for method, call in calls.items():
                if "requestBody" not in call or any(word in path for word in STAYS_IN):
                    continue
                content = call["requestBody"]["content"]["application/json"]
                odd_bodies = bodies(house, content.get("example") or {}, ODD_JSON[name])
                for body in some(odd_bodies, name + path):
                    asked += 1
                    for who, more in ((admin, {}), (program, token)):
                        given = {"content": body.encode(), "headers": {**kind, **more}}
                        await ask(who, method.upper(), where, name, **given)
    assert asked > 20


SOME = ("/", "/api/events", "/signin", "/nothing", "/static/site.css", "/profile")


@pytest.mark.parametrize("name", HEADERS)
async def test_headers(house: House, sale: Sale, admin: Visitor, name: str):
    page, api = f"/events/{sale.slug}", f"/api/events/{sale.event_id}"
    calls = [("GET", path) for path in (*SOME, page, f"{page}/artwork.svg", f"{api}/seats", f"{api}/queue")]
    calls += [("POST", path) for path in ("/signin", "/profile/name", "/nothing", f"{page}/book")]
    calls += [("POST", path) for path in ("/api/login", "/api/bookings", f"{api}/queue", f"{api}/holds")]
    calls += [("POST", "/api/payments/webhook"), ("PATCH", "/api/me")]
    for value in HEADERS[name]:
        header = [(name.encode(), value.encode("latin-1" if "\xff" in value else "utf-8"))]
        for method, path in some(calls, value):
            wanted = b"application/json" if path.startswith("/api/") else b"text/html"
            accept = [] if name == "Accept" else [(b"Accept", wanted)]
            origin = [(b"Origin", b"null")] if name == "Referer" else []
            body = {} if method == "GET" else {"content": b"a=1"}
            await ask(admin, method, path, value[:20], headers=[*header, *accept, *origin], **body)


@pytest.mark.parametrize("value", COOKIES)
async def test_cookies(house: House, sale: Sale, value: str):
    event = sale.event_id
    names = ("session", "device", f"queue_{event}", f"queue_{event}_shown", f"pass_{event}", f"queue_{LONG}")
    raw = value.encode("latin-1" if "\xff" in value else "utf-8")
    cookies = b"; ".join(name.encode() + b"=" + raw for name in names)
    async with house.visitor() as stranger:
        for method, path in some(routes(house, sale), value):
            given: dict[str, Any] = {} if method in SAFE else {"json": {}}
            accept = b"application/json" if path.startswith("/api/") else b"text/html"
            headers = [(b"Cookie", cookies), (b"Accept", accept)]
            await ask(stranger, method, path, value[:20], headers=headers, **given)


@pytest.mark.parametrize("name", ["superscript", "NUL", "half a character", "no UTF-8", "bad percent"])
async def test_addresses(house: House, sale: Sale, admin: Visitor, name: str):
    for method, path in some(routes(house, sale, odd=ODD[name]), name):
        given: dict[str, Any] = {} if method in SAFE else {"json": {}}
        with suppress(httpx.InvalidURL):
            await ask(admin, method, path, name, headers=PAGE, **given)


ZEROS = "0" * 5000


async def test_an_event_of_5_000_digits_is_no_event(house: House, sale: Sale, admin: Visitor):
    desk = "/organiser/mail"
    assert (await admin.get(f"{desk}?event={ZEROS}")).status_code == 404
    assert (await admin.post(f"{desk}/retry", data={"event": ZEROS})).status_code == 404
    assert house.app is not None
    with pytest.raises(WebsocketResponseError) as refused:
        async with house.app.test_client().websocket(
            f"/ws{desk}?event={ZEROS}", headers={"Cookie": cookies_of(admin)}
        ) as socket:
            await socket.receive()
    assert refused.value.response.status_code == 404


BIG = b'{"x": "' + b"x" * 1_100_000 + b'"}'


async def test_what_is_said_of_a_body_too_large_is_told_of(house: House, sale: Sale, admin: Visitor):
    """Of calls that take no body, too; and a token that nobody knows, where none is asked for."""
    document = (await admin.get("/openapi.json")).json()
    kind, refused = {"Content-Type": "application/json"}, 0
    async with house.visitor() as program:
        program.headers["Authorization"] = "Bearer tf_nope"
        for path, calls in document["paths"].items():
            where = re.sub(r"\{(event|room)_id\}", str(sale.event_id), path)
            where = re.sub(r"\{[^}]*\}", "1", where)
            for method, call in calls.items():
                answers = [await program.request(method, where)]
                if method.upper() not in SAFE and not any(word in path for word in STAYS_IN):
                    answers += [await admin.request(method, where, content=BIG, headers=kind)]
                for answer in answers:
                    assert str(answer.status_code) in call["responses"], (method, path, answer.text)
                    refused += answer.status_code == 413
    assert refused > 10


COMMANDS = ("join", "leave", "claim", "hold", "release", "extend", "book", "cancel", "seats", "fly")


@pytest.mark.parametrize("name", ODD_JSON)
async def test_messages(house: House, sale: Sale, admin: Visitor, name: str):
    odd = ODD_JSON[name]
    async with desk_line(house, sale, admin) as line:
        for do in COMMANDS:
            for field in ("ticket", "ticket_type_id", "quantity", "units", "hold_id", "key", "payment", "x"):
                reply = await line.say(f'{{"id": 1, "do": "{do}", "{field}": {odd}}}')
                assert reply["status"] < 500, (do, field, reply)
        for whole in (odd, f'{{"id": {odd}, "do": "join"}}', f'{{"id": 1, "do": {odd}}}'):
            assert (await line.say(whole))["status"] < 500


@pytest.mark.parametrize("name", ["Authorization", "Cookie", "Host", "Origin", "X-Forwarded-For"])
async def test_sockets(house: House, sale: Sale, admin: Visitor, name: str):
    assert house.app is not None
    for kind in ("events", "desk", "organiser"):
        for value in HEADERS[name]:
            headers = {"Cookie": cookies_of(admin), name: value}
            status = 101
            try:
                async with house.app.test_client().websocket(
                    f"/ws/{kind}/{sale.event_id}?ticket=%ED%A0%80&after={LONG}", headers=headers
                ) as socket:
                    await socket.receive()
            except WebsocketResponseError as refused:
                status = refused.response.status_code
            assert status < 500, (kind, value[:20])

"""Attacks that need no account: forms of other sites, another Host, JSON that goes too deep, line breaks."""

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from quart.testing.connections import WebsocketResponseError

from tests.api.support import check_problem, cookies_of, desk_line, is_problem, open_sale, state_of
from tests.house import House, Sale, Visitor
from ticketflow.web import guard
from ticketflow.web.guard import SAFE

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    # None of this gets as far as a database.
    pytest.mark.parametrize("house", ["sqlite"], indirect=True),
]

FOREIGN: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "https://evil.example", "Authorization": "Bearer x"},
    {"Sec-Fetch-Site": "cross-site", "Authorization": "Bearer x"},
]


def unsafe_routes(house: House, sale: Sale) -> list[tuple[str, str]]:
    """Each route that changes something."""
    assert house.app is not None
    found = []
    for rule in house.app.url_map.iter_rules():
        path = re.sub(r"<int:(event|room)_id>", str(sale.event_id), rule.rule).replace("<slug>", sale.slug)
        path = re.sub(r"<[^>]*>", "x", path)
        found += [(method, path) for method in sorted((rule.methods or set()) - SAFE) if not rule.websocket]
    assert len(found) > 20
    return found


async def all_refused(house: House, sale: Sale, fan: Visitor) -> None:
    before = await state_of(house, sale)
    cookies = cookies_of(fan)
    for method, path in unsafe_routes(house, sale):
        for headers in FOREIGN:
            answer = await fan.request(
                method, path, headers={**headers, "Accept": "application/json"}, json={}
            )
            # A token is looked at first, and then nobody is who they say: no cookie of theirs counts.
            refused = "bad_token" if "Authorization" in headers else "cross_site"
            assert is_problem(answer, {401, 403})["code"] == refused, (method, path, headers)
            assert "Set-Cookie" not in answer.headers
    assert await state_of(house, sale) == before
    assert cookies_of(fan) == cookies
    assert (await fan.get("/api/me")).status_code == 200


async def test_no_other_site_changes_anything(house: House, sale: Sale, fan: Visitor):
    await all_refused(house, sale, fan)


async def test_control_without_the_guard_another_site_does_something(
    house: House, sale: Sale, fan: Visitor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(guard, "_same_site", lambda _: True)
    with pytest.raises(AssertionError):
        await all_refused(house, sale, fan)


async def test_a_program_with_cookies_says_neither_and_is_heard(house: House, sale: Sale, fan: Visitor):
    """Every browser says one of both with what changes something: without them nobody is led by the nose."""
    assert (await fan.hold(sale)).status_code == 201


async def test_a_bearer_without_cookies_may_come_from_anywhere(house: House):
    async with house.visitor() as partner:
        headers = {"Origin": "https://partner.example", "Authorization": "Bearer nobody's"}
        assert is_problem(await partner.post("/api/bookings", headers=headers, json={}), {401, 422})


HOSTS = [
    "evil.example",
    "evil.example:80",
    "localhost.evil.example",
    "localhost@evil.example",
    "",
    "[::1]",
    "10.0.0.9",
]


@pytest.mark.parametrize("host", HOSTS)
async def test_nobody_elses_name_is_taken(house: House, sale: Sale, host: str):
    async with house.visitor() as visitor:
        for path in ("/", "/api/events", f"/events/{sale.slug}", "/nothing", "/static/site.css"):
            answer = await visitor.get(path, headers={"Host": host, "Accept": "application/json"})
            problem = is_problem(answer, 400, "bad_host")
            assert "evil" not in answer.text
            assert house.settings.public_url in problem["detail"]
        page = await visitor.get("/", headers={"Host": host, "Accept": "text/html"})
        assert page.status_code == 400
        assert "evil" not in page.text
        # Who watches over us asks by an address.
        for path in ("/healthz", "/readyz"):
            assert (await visitor.get(path, headers={"Host": host})).status_code == 200
    assert house.app is not None
    for kind in ("events", "desk", "organiser"):
        with pytest.raises(WebsocketResponseError) as refused:
            async with house.app.test_client().websocket(
                f"/ws/{kind}/{sale.event_id}", headers={"Host": host}
            ):
                pass
        assert refused.value.response.status_code == 400


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:4321"])
async def test_our_names_are_taken_with_any_port(house: House, host: str):
    async with house.visitor() as visitor:
        assert (await visitor.get("/api/events", headers={"Host": host})).status_code == 200


async def test_forwarded_names_are_not_believed(house: House):
    forged = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "X-Host": "evil.example"}
    async with house.visitor() as visitor:
        for path in ("/", "/signin", "/tickets", "/api/events"):
            answer = await visitor.get(path, headers=forged)
            assert "evil.example" not in answer.text + str(answer.headers)


def levels(count: int) -> str:
    return '{"a":' * (count - 1) + "[" + "]" + "}" * (count - 1)


@pytest.mark.parametrize("path", ["/api/login", "/api/register", "/api/bookings"])
async def test_a_hundred_levels_of_json_are_too_many(house: House, sale: Sale, fan: Visitor, path: str):
    before = await state_of(house, sale)
    kind = {"Content-Type": "application/json"}
    for text in (levels(100), levels(33), "[" * 400_000, '{"a":1,"a":2}', '{"a":NaN}', '[{"b":-Infinity}]'):
        is_problem(await fan.post(path, content=text, headers=kind), 400, "malformed_json")
    # As deep as may be, and a text full of brackets, are read; what they say is another question.
    for text in (levels(32), json.dumps({"a": "[" * 1000}), json.dumps({"a": '"' + "[{" * 100})):
        is_problem(await fan.post(path, content=text, headers=kind), 422, "invalid_request")
    async with desk_line(house, sale, fan) as line:
        for text in (levels(100), levels(33), '{"id":1,"do":"join","do":"leave"}', '{"id":1,"do":NaN}'):
            reply = await line.say(text)
            check_problem(reply["body"], 400, "malformed_json")
    assert await state_of(house, sale) == before


BREAKS = ["\r\nSet-Cookie: evil=1", "%0d%0aSet-Cookie:%20evil=1", "\nX-Evil: 1", "\u2028Set-Cookie: evil=1"]


@pytest.mark.parametrize("broken", BREAKS)
async def test_line_breaks_make_no_header(house: House, sale: Sale, broken: str):
    async with house.visitor() as fan:
        await fan.register()
        form = {"email": fan.email, "password": "a password for tests", "next": f"/{broken}"}
        answers = [
            await fan.post("/signin", data=form),
            await fan.get("/signin", params={"next": f"/{broken}"}),
            await fan.get("/tickets", params={"x": broken}),
            await fan.get(f"/events/{quote(broken)}", headers={"Accept": "text/html"}),
            await fan.post(
                "/api/register", json={"name": f"A{broken}", "email": "x@example.com", "password": "y"}
            ),
        ]
        for answer in answers:
            assert "X-Evil" not in answer.headers
            assert "evil" not in {cookie.name for cookie in answer.cookies.jar}
            for value in answer.headers.values():
                assert "\n" not in value
                assert "\r" not in value


OUT_OF_THE_FOLDER = [
    "/static/../pyproject.toml",
    "/static/..%2fpyproject.toml",
    "/static/%2e%2e/%2e%2e/etc/passwd",
    "/static/....//etc/passwd",
    "/static//etc/passwd",
    "/static/js/..%5c..%5cpyproject.toml",
    "/static/%00",
    "/mailbox/..%2f..%2fsecret",
    "/mailbox/%2e%2e",
    "/mailbox/.%2e%2fsecret/html",
]


@pytest.mark.parametrize("path", OUT_OF_THE_FOLDER)
async def test_no_address_leads_out_of_a_folder(house: House, path: str):
    async with house.visitor() as visitor:
        answer = await visitor.get(path, headers={"Accept": "application/json"})
        is_problem(answer, 404, "not_found")


async def test_an_address_used_in_another_way_says_which_are_known(house: House, sale: Sale):
    async with house.visitor() as visitor:
        for method, path, known in (
            ("DELETE", "/api/events", {"GET", "HEAD", "OPTIONS"}),
            ("GET", "/api/login", {"POST", "OPTIONS"}),
            ("DELETE", "/signin", {"GET", "HEAD", "POST", "OPTIONS"}),
        ):
            answer = await visitor.request(method, path)
            assert answer.status_code == 405
            assert set(answer.headers["Allow"].split(", ")) == known


async def test_mail_says_our_name_whoever_asked(house: House):
    """Links are made of the public URL; the request's own host is never asked for."""
    from ticketflow.mail import message

    assert "request" not in vars(message)
    sale = await open_sale(house)
    async with house.visitor() as visitor:
        page = await visitor.get(f"/events/{sale.slug}", headers={"Host": "127.0.0.1"})
        shared: list[Any] = re.findall(r'property="og:[^"]*" content="(http[^"]*)"', page.text)
        assert shared
        assert all(address.startswith(house.settings.public_url) for address in shared)

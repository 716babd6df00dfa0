"""What goes with every answer: how it may be shown, what it may load, how long it is kept; our cookies."""

import re
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie

import httpx
import pytest
import pytest_asyncio
from quart.testing.connections import WebsocketResponseError

from tests.api.own_house import own_house
from tests.api.support import desk_line, is_problem, open_sale
from tests.house import PASSWORD, House, Sale
from ticketflow.web import headers

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALWAYS = {
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "referrer-policy": "same-origin",
}
AS_JSON = {"Content-Type": "application/json"}
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
INLINE = re.compile(r"<script(?![^>]*\bsrc=)([^>]*)>")
"""The attributes of each script that stands in a page."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("https")
    async with own_house(redis_url, folder, public_url="https://tickets.example") as running:
        running.url = "https://tickets.example"
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sale(house: House) -> Sale:
    return await open_sale(house, queue_needs_account=True)


async def test_every_answer_says_how_it_may_be_used(house: House, sale: Sale):
    async with house.visitor() as visitor:
        answers = [
            await visitor.get(path)
            for path in ("/", "/signin", f"/events/{sale.slug}", "/nothing", "/static/site.css", "/mailbox")
        ] + [
            await visitor.get(path)
            for path in ("/api/events", "/api/nothing", "/api/me", "/healthz", "/readyz", "/openapi.json")
        ]
        answers += [
            await visitor.delete("/"),
            await visitor.post("/api/login", content=b"{", headers=AS_JSON),
        ]
        assert {answer.status_code for answer in answers} >= {200, 400, 401, 404, 405}
        for answer in answers:
            for name, value in ALWAYS.items():
                assert answer.headers[name] == value, (answer.url, name)
            assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-Id"])
            policy = answer.headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert "Server" not in answer.headers
            page = answer.headers["Content-Type"].startswith("text/html")
            assert (policy == NOTHING) is not page, answer.url
            assert ("Permissions-Policy" in answer.headers) is page
            assert (answer.headers.get("Cross-Origin-Opener-Policy") == "same-origin") is page
        assert len({answer.headers["X-Request-Id"] for answer in answers}) == len(answers)
        permissions = answers[0].headers["Permissions-Policy"]
        assert "camera=()" in permissions
        assert "fullscreen=(self)" in permissions


async def test_a_script_in_a_page_carries_a_number_of_this_answer_only(house: House):
    async with house.visitor() as visitor:
        pages = [await visitor.get("/signin") for _ in range(2)] + [await visitor.get("/nothing")]
    numbers = [re.search(r"'nonce-([\w-]{22})'", page.headers["Content-Security-Policy"]) for page in pages]
    assert len({number and number[1] for number in numbers}) == 3
    for page, number in zip(pages, numbers, strict=True):
        assert number is not None
        scripts = [kind for kind in INLINE.findall(page.text) if "json" not in kind]
        assert len(scripts) == 3
        assert all(f'nonce="{number[1]}"' in script for script in scripts)
        assert "sha256" not in page.headers["Content-Security-Policy"]


async def test_what_belongs_to_a_person_is_kept_nowhere(house: House, sale: Sale):
    async with house.visitor() as fan:
        await fan.register()
        for path in ("/api/me", "/api/bookings", "/profile", "/tickets", f"/events/{sale.slug}/book"):
            assert "no-store" in (await fan.get(path)).headers["Cache-Control"], path
        # What says itself how long it may be kept is heard.
        assert "immutable" not in (await fan.get("/static/site.css")).headers["Cache-Control"]


async def test_a_page_whose_address_has_a_token_tells_it_nobody(house: House):
    async with house.visitor() as visitor:
        answer = await visitor.get("/signin?token=abc")
        assert answer.headers["Referrer-Policy"] == "strict-origin"


async def test_a_handshake_that_is_refused_has_them_too(house: House, sale: Sale):
    assert house.app is not None
    where = {"Host": "tickets.example", "Origin": "https://evil.example"}
    with pytest.raises(WebsocketResponseError) as refused:
        async with house.app.test_client().websocket(f"/ws/desk/{sale.event_id}", headers=where):
            pass
    found = refused.value.response.headers
    assert (found["X-Frame-Options"], found["Content-Security-Policy"]) == ("DENY", NOTHING)
    assert re.fullmatch(r"[0-9a-f]{32}", found["X-Request-Id"])


async def all_cookies(house: House, sale: Sale) -> list[str]:
    """Every Set-Cookie of a fan's way through each door."""
    lines: list[str] = []

    def keep(answer: httpx.Response) -> None:
        lines.extend(answer.headers.get_list("Set-Cookie"))

    async with house.visitor() as fan:
        keep(await fan.register("everywhere"))
        keep(await fan.join(sale))
        for path in ("queue", "book", "draw"):
            keep(await fan.get(f"/events/{sale.slug}/{path}"))
        keep(await fan.post(f"/events/{sale.slug}/queue/leave"))
        keep(await fan.post(f"/events/{sale.slug}/queue"))
        keep(await fan.claim(sale))
        keep(await fan.delete(f"/api/events/{sale.event_id}/queue"))
        keep(await fan.join(sale))
        keep(await fan.post("/signout"))
        keep(await fan.post("/signin", data={"email": fan.email, "password": PASSWORD}))
        keep(await fan.post("/api/logout"))
    return lines


async def test_every_cookie_can_be_set_by_this_host_over_https_only(house: House, sale: Sale):
    lines = await all_cookies(house, sale)
    names = set()
    for line in lines:
        ((name, cookie),) = SimpleCookie(line).items()
        names.add(name)
        assert cookie["secure"] is True, line
        assert cookie["path"] == "/", line
        assert cookie["domain"] == "", line
        assert cookie["samesite"] == "Lax", line
        # The place last shown is the page's own, and worth nothing to anybody else.
        if not name.endswith("_shown"):
            assert name.startswith("__Host-"), line
            assert cookie["httponly"] is True, line
    assert names >= {"__Host-session", f"__Host-queue_{sale.event_id}"}
    assert {line for line in lines if "Max-Age=0" in line or "1970" in line}, "none was taken back"


async def test_the_place_in_the_cookie_is_found_at_every_door(house: House, sale: Sale):
    async with house.visitor() as fan:
        await fan.register()
        ticket = (await fan.join(sale)).json()["ticket"]
        assert (await fan.join(sale)).json()["ticket"] == ticket
        assert (await fan.claim(sale)).status_code == 200
        assert (await fan.get(f"/events/{sale.slug}/queue")).status_code in (200, 302, 303)
        hold = (await fan.hold(sale)).json()
        jar = "; ".join(f"{cookie.name}={cookie.value}" for cookie in fan.cookies.jar)
        async with desk_line(house, sale, None, Host="tickets.example", Cookie=jar) as line:
            assert (await line.ask("join"))["status"] == 200
        assert (await fan.book(hold["id"])).status_code == 201


async def test_a_cookie_of_the_short_name_is_nobodys(house: House, sale: Sale):
    """A neighbour under the same domain could put it there."""
    async with house.visitor() as fan, house.visitor() as other:
        await fan.register()
        await fan.join(sale)
        held = {cookie.name: cookie.value for cookie in fan.cookies.jar}
        tossed = (
            f"session={held['__Host-session']}; queue_{sale.event_id}={held[f'__Host-queue_{sale.event_id}']}"
        )
        is_problem(await other.get("/api/me", headers={"Cookie": tossed}), 401, "not_signed_in")
        here = f"/api/events/{sale.event_id}/queue"
        is_problem(await other.get(here, headers={"Cookie": tossed}), 404, "no_place")


async def test_control_without_our_headers_the_browser_is_told_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(headers.Headers, "complete", lambda _, given: given)
    async with house.visitor() as visitor:
        answer = await visitor.get("/api/events")
    assert not ALWAYS.keys() & {name.lower() for name in answer.headers}


async def test_over_http_the_names_are_short_and_nothing_is_said_of_https(
    redis_url: str, tmp_path_factory: pytest.TempPathFactory
):
    async with own_house(redis_url, tmp_path_factory.mktemp("http")) as plain, plain.visitor() as fan:
        sale = await open_sale(plain)
        await fan.register()
        await fan.join(sale)
        assert {cookie.name for cookie in fan.cookies.jar} == {"session", "device", f"queue_{sale.event_id}"}
        assert "Strict-Transport-Security" not in (await fan.get("/")).headers

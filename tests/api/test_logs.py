"""What the log says of each request, and what it never says, however a request fails."""

import io
import json
import logging
import re
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pymysql.err import IntegrityError
from quart import request
from quart.testing.connections import WebsocketResponseError

from tests.api.own_house import own_house
from tests.api.support import desk_line, is_problem, open_sale
from tests.house import House, Sale
from ticketflow import logs, redaction
from ticketflow.booking.desk import Desk
from ticketflow.passwords import Passwords
from ticketflow.web import limits
from ticketflow.web import logs as web_logs

pytestmark = pytest.mark.asyncio(loop_scope="module")

CANARY = "tweety bird"
"""A word that no pattern knows: only who was given it can tell that it is a secret."""
CARD = "4242424242424242"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with own_house(redis_url, tmp_path_factory.mktemp("logs"), proxy_hops=1) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sale(house: House) -> Sale:
    return await open_sale(house)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """All that `ticketflow serve` would write, to the last detail."""
    root, access = logging.getLogger(), logging.getLogger(logs.ACCESS)
    before = root.handlers[:], root.level, access.handlers[:], access.propagate
    root.handlers = []
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.set_up(plain=False, level=logging.DEBUG)
    yield stream
    root.handlers, root.level, access.handlers, access.propagate = before


def lines_of(written: io.StringIO, event: str | None = None) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    return [line for line in lines if event in (None, line["event"])]


async def test_each_request_has_one_line_with_its_route_and_no_address(
    house: House, sale: Sale, written: io.StringIO
):
    async with house.visitor() as fan:
        registered = await fan.register()
        where = {"X-Forwarded-For": "2001:db8:1:2:3::4", "X-Request-Id": "proxy-0123456789"}
        looked = await fan.get(f"/events/{sale.slug}?token={CANARY}", headers=where)
        await fan.get("/static/site.css")
        await fan.get("/healthz")
        await fan.get("/nothing/here")
    assert looked.headers["X-Request-Id"] == "proxy-0123456789"
    first, second, third = lines_of(written, "request")
    assert first["request_id"] == registered.headers["X-Request-Id"]
    assert (first["method"], first["route"], first["status"]) == ("POST", "/api/register", 201)
    assert (second["route"], second["network"]) == ("/events/<slug>", "2001:db8:1:2::/64")
    assert second["account"] == registered.json()["id"]
    assert second["ms"] > 0
    assert (third["route"], third["status"]) == (None, 404)
    assert CANARY not in written.getvalue()


@pytest.mark.parametrize(
    "given", ["short", "with space in it", "line\u2028break", "x" * 129, "<script>alert(1)"]
)
async def test_a_number_that_looks_wrong_is_not_taken(house: House, given: str):
    async with house.visitor() as visitor:
        answer = await visitor.get("/api/events", headers=[(b"X-Request-Id", given.encode())])
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-Id"])


async def test_without_a_proxy_nobody_names_their_request(house: House, monkeypatch: pytest.MonkeyPatch):
    assert house.app is not None
    monkeypatch.setitem(house.app.config, "PROXY_HOPS", 0)
    async with house.visitor() as visitor:
        answer = await visitor.get("/api/events", headers={"X-Request-Id": "mine-0123456789"})
        assert answer.headers["X-Request-Id"] != "mine-0123456789"


async def test_the_access_log_can_be_switched_off(
    house: House, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
):
    assert house.app is not None
    monkeypatch.setitem(house.app.config, "ACCESS_LOG", False)
    async with house.visitor() as visitor:
        await visitor.get("/api/events")
    assert not lines_of(written, "request")


async def test_a_500_is_found_by_its_number(
    house: House, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object) -> None:
        raise RuntimeError("not foreseen at all")

    monkeypatch.setattr(limits, "family_of", broken)
    async with house.visitor() as visitor:
        by_api = is_problem(await visitor.get("/api/events"), 500, "internal")
        page = await visitor.get("/", headers={"Accept": "text/html"})
    errors = [line for line in lines_of(written) if "not foreseen at all" in line.get("exception", "")]
    assert errors[0]["request_id"] == by_api["request_id"]
    assert errors[1]["request_id"] in page.text
    assert errors[1]["request_id"] == page.headers["X-Request-Id"]


async def fail_at_every_door(house: House, sale: Sale, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors that repeat what they were given: passwords, payments, headers, forms, databases."""

    async def with_password(_: object, *given: str) -> None:
        raise ValueError(f"cannot hash {given!r}")

    async def with_everything(_: object, *given: object, **named: object) -> None:
        raise RuntimeError(f"cannot book {given!r} {named!r}")

    def with_headers(*_: object) -> None:
        raise RuntimeError(f"cannot read {dict(request.headers)!r} {dict(request.cookies)!r} {request.url}")

    async with house.visitor() as fan, house.visitor() as other:
        await fan.register()
        await fan.come_in(sale)
        hold = (await fan.hold(sale)).json()
        with monkeypatch.context() as patch:
            patch.setattr(Passwords, "hash", with_password)
            patch.setattr(Passwords, "verify", with_password)
            account = {"name": "A fan", "email": "a@example.com", "password": CANARY}
            for where in ("/api/register", "/api/login"):
                is_problem(await other.post(where, json=account), {500, 422})
            for where in ("/register", "/signin"):
                assert (await other.post(where, data=account)).status_code in (500, 401)
        with monkeypatch.context() as patch:
            patch.setattr(Desk, "book", with_everything)
            await fan.book(hold["id"], method=f"pm_{CANARY.replace(' ', '')}")
            await fan.book(hold["id"], method=CARD)
            async with desk_line(house, sale, fan) as line:
                await line.ask("book", hold_id=hold["id"], payment={"method": CARD})
        given = {
            "Authorization": f"Bearer {CANARY}",
            "Cookie": f'session="{CANARY}"; queue_{sale.event_id}={CANARY}',
            "Queue-Ticket": CANARY,
            "Queue-Pass": CANARY,
        }
        await fail_in_reading(house, sale, monkeypatch, given)
        with monkeypatch.context() as patch:
            patch.setattr(limits, "family_of", with_headers)
            await other.get(f"/reset?token={CANARY}", headers=given)
            await other.post("/api/login", json=account, headers=given)
        await fail_in_the_database(other, account, monkeypatch)


async def fail_in_reading(
    house: House, sale: Sale, monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    """Bad tickets and passes over HTTP and at the socket's door."""
    assert house.app is not None
    async with house.visitor() as other:
        await other.get(f"/api/events/{sale.event_id}/queue", headers=given)
    with pytest.raises(WebsocketResponseError):
        async with house.app.test_client().websocket(f"/ws/desk/{sale.event_id}", headers=given):
            pass


async def fail_in_the_database(
    other: httpx.AsyncClient, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As MySQL's driver would tell it."""

    async def duplicate(*_: object, **__: object) -> None:
        raise IntegrityError(1062, f"Duplicate entry '{CANARY}' for key 'users.email'")

    with monkeypatch.context() as patch:
        patch.setattr("databases.Database.fetch_one", duplicate)
        patch.setattr("databases.Database.execute", duplicate)
        await other.post("/api/login", json=account)
        await other.post("/api/register", json={**account, "email": "b@example.com"})


def check_nothing_is_betrayed(written: io.StringIO) -> None:
    said = written.getvalue()
    assert len([line for line in lines_of(written) if "exception" in line]) >= 7, "too little has failed"
    for secret in (CANARY, CANARY.replace(" ", ""), CARD):
        assert secret not in said, re.findall(f".*{secret}.*", said)[:1]


async def test_no_failure_betrays_a_secret(
    house: House, sale: Sale, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
):
    await fail_at_every_door(house, sale, monkeypatch)
    check_nothing_is_betrayed(written)


@pytest.mark.parametrize("guard", ["redacted", "known_secrets"])
async def test_control_without_the_guard_they_are_betrayed(
    house: House, sale: Sale, written: io.StringIO, monkeypatch: pytest.MonkeyPatch, guard: str
):
    if guard == "redacted":
        monkeypatch.setattr(redaction, "redacted", lambda text: text)
    else:
        monkeypatch.setattr(web_logs, "_secrets_of", lambda _: [])
    await fail_at_every_door(house, sale, monkeypatch)
    with pytest.raises(AssertionError, match="tweety"):
        check_nothing_is_betrayed(written)


async def test_what_somebody_tried_is_told_by_name(house: House, sale: Sale, written: io.StringIO):
    async with house.visitor() as fan:
        await fan.post("/api/login", json={"email": "nobody@example.com", "password": "wrong"})
        await fan.post("/api/logout", headers={"Origin": "https://evil.example"})
        await fan.get(f"/api/events/{sale.event_id}/queue", headers={"Queue-Ticket": "forged"})
        await fan.register()
        await fan.get("/api/organiser/events/1/room")
        await fan.get("/", headers={"Host": "evil.example"})
        await fan.post("/api/logout")
    told = [line["event"] for line in lines_of(written) if line["logger"] == "ticketflow.security"]
    assert told == [
        "sign_in_failed",
        "cross_site_refused",
        "bad_token",
        "signed_in",
        "forbidden",
        "bad_host",
        "signed_out",
    ]
    assert all(line["request_id"] for line in lines_of(written) if line["logger"] == "ticketflow.security")

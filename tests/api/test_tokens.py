"""Tokens of programs: made once, found by their hash, limited to what they may, over at once."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from quart.testing.connections import WebsocketResponseError
from sqlalchemy import select, update
from sqlalchemy.sql.selectable import Select
from werkzeug.datastructures import Headers

from tests.api.support import is_problem, open_sale, services
from tests.house import PASSWORD, House, Sale, Visitor, eventually
from ticketflow.accounts.tokens import MOST_TOKENS, hash_of
from ticketflow.domain import ORGANISE, Refusal, User, now
from ticketflow.store import tokens as records
from ticketflow.store import users as user_store
from ticketflow.store import violations
from ticketflow.store.tables import api_tokens, audit, users
from ticketflow.web import bearer

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def made(owner: Visitor, **given: Any) -> dict[str, Any]:
    """A token of who is signed in."""
    body = {"name": "A phone", "current_password": PASSWORD, **given}
    answer = await owner.post("/api/tokens", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


@asynccontextmanager
async def bearer_of(house: House, token: str) -> AsyncIterator[Visitor]:
    """A program with that token, and no cookies of anybody's."""
    async with house.visitor() as program:
        program.headers["Authorization"] = f"Bearer {token}"
        yield program


async def account_of(house: House, visitor: Visitor) -> User:
    user = await user_store.by_id(house.database, (await visitor.get("/api/me")).json()["id"])
    assert user is not None
    return user


@pytest_asyncio.fixture(loop_scope="package")
async def owner(house: House) -> AsyncIterator[Visitor]:
    """Somebody signed in."""
    async with house.visitor() as visitor:
        await visitor.register()
        yield visitor


async def test_a_program_buys_a_ticket_with_nothing_but_a_token(house: House, sale: Sale):
    """Made without a session, by address and password; the queue is known by headers."""
    async with house.visitor() as person, house.visitor() as program:
        await person.register()
        body = {"name": "A phone", "email": person.email, "password": PASSWORD}
        answer = await program.post("/api/tokens", json=body)
        assert answer.status_code == 201, answer.text
        assert "Set-Cookie" not in answer.headers
        program.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        place = (await program.join(sale)).json()["ticket"]
        program.cookies.clear()
        is_problem(await program.claim(sale), 404, "no_place")
        program.headers["Queue-Ticket"] = place
        assert (await program.claim(sale)).status_code == 200
        booking = await program.book((await program.hold(sale)).json()["id"])
        assert booking.status_code == 201, booking.text
        assert [b["id"] for b in (await person.get("/api/bookings")).json()] == [booking.json()["id"]]
        wrong = await program.post("/api/tokens", json={**body, "password": "not the password"})
        assert wrong.status_code == 403  # with a token of its own, it is asked nothing else
        del program.headers["Authorization"]
        is_problem(
            await program.post("/api/tokens", json={**body, "password": "not the password"}),
            401,
            "wrong_credentials",
        )


async def test_a_token_is_told_once_and_kept_as_a_hash(house: House, owner: Visitor):
    token = await made(owner, name="A till", abilities=["read"], expires_in_days=3)
    assert (token["name"], token["abilities"]) == ("A till", ["read"])
    row = await house.database.fetch_one(select(api_tokens).where(api_tokens.c.id == token["id"]))
    assert row is not None
    assert row["token_hash"] == hash_of(token["token"])
    assert token["token"] not in str(dict(row._mapping))
    assert timedelta(days=2) < row["expires_at"] - now() <= timedelta(days=3)
    listed = (await owner.get("/api/tokens")).json()
    assert listed == [{name: value for name, value in token.items() if name != "token"}]
    usual = await made(owner)
    assert usual["abilities"] == ["book", "read"]
    assert usual["token"].startswith("tf_")
    assert len(usual["token"]) == 46


BAD_ASKS: list[dict[str, Any]] = [
    {},
    {"name": ""},
    {"name": "x" * 121},
    {"name": "a\nb"},
    {"name": "x", "abilities": []},
    {"name": "x", "abilities": ["admin"]},
    {"name": "x", "abilities": "read"},
    {"name": "x", "expires_in_days": 0},
    {"name": "x", "expires_in_days": 366},
    {"name": "x", "expires_in_days": None},
    {"name": "x", "expires_in_days": "9"},
    {"name": "x", "current_password": None},
    {"name": "x", "current_password": ""},
    {"name": "x", "email": "ann@example.com"},
    {"name": "x", "password": PASSWORD},
    {"name": "x", "role": "admin"},
]


@pytest.mark.parametrize("bad", BAD_ASKS)
async def test_a_bad_token_is_not_made(owner: Visitor, bad: dict[str, Any]):
    sent = {"current_password": PASSWORD, **bad}
    is_problem(await owner.post("/api/tokens", json=sent), 422, "invalid_request")
    assert (await owner.get("/api/tokens")).json() == []


async def test_a_fans_token_cannot_organise(owner: Visitor):
    asked = {"name": "x", "abilities": ["organise"], "current_password": PASSWORD}
    is_problem(await owner.post("/api/tokens", json=asked), 403, "forbidden")


async def test_an_account_has_so_many_tokens_however_fast_they_are_made(house: House, owner: Visitor):
    tokens, me = services(house).tokens, await account_of(house, owner)
    asked = [tokens.create(me, f"No. {n}") for n in range(MOST_TOKENS + 5)]
    ends = await asyncio.gather(*asked, return_exceptions=True)
    refused = [end.code for end in ends if isinstance(end, Refusal)]
    assert refused == ["too_many_tokens"] * 5
    body = {"name": "x", "current_password": PASSWORD}
    is_problem(await owner.post("/api/tokens", json=body), 409, "too_many_tokens")
    one = next(end[0] for end in ends if isinstance(end, tuple))
    await house.database.execute(update(api_tokens).where(api_tokens.c.id == one.id).values(expires_at=now()))
    await made(owner)  # one that has expired makes room


BAD = ["", "x", "tf_", "tf_" + "x" * 43, "tf_" + "é" * 43, "x" * 5000]


@pytest.mark.parametrize("bad", BAD)
async def test_a_bad_token_is_nobodys_even_with_a_good_cookie(
    house: House, sale: Sale, owner: Visitor, bad: str
):
    headers = [(b"Authorization", b"Bearer " + bad.encode())]
    for path in ("/api/me", "/api/events", "/", "/nowhere"):
        answer = await owner.get(path, headers=headers)
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    is_problem(await owner.get("/api/me", headers=headers), 401, "bad_token")
    assert (await owner.get("/api/me")).status_code == 200
    assert house.app is not None
    given = {"Authorization": f"Bearer {bad}", "Cookie": f"session={owner.cookies['session']}"}
    if bad.isascii():
        with pytest.raises(WebsocketResponseError) as refused:
            async with house.app.test_client().websocket(f"/ws/desk/{sale.event_id}", headers=given) as line:
                await line.receive()
        assert refused.value.response.status_code == 401


async def test_cookies_lend_a_bearer_neither_an_account_nor_a_place(house: House, sale: Sale, fan: Visitor):
    assert (await fan.get(f"/api/events/{sale.event_id}/queue")).status_code == 200
    async with house.visitor() as other:
        mine = (await other.register()).json()
        token = (await made(other))["token"]
    fan.headers["Authorization"] = f"Bearer {token}"
    assert (await fan.get("/api/me")).json()["id"] == mine["id"]
    is_problem(await fan.get(f"/api/events/{sale.event_id}/queue"), 404, "no_place")
    is_problem(await fan.hold(sale), 403, "not_admitted")
    assert (
        await fan.get("/tickets")
    ).status_code == 302  # no page is signed in by a token, nor by the cookie


async def test_revoked_is_over_at_once_also_where_it_was_remembered(house: House, sale: Sale, owner: Visitor):
    token = await made(owner)
    async with bearer_of(house, token["token"]) as program, house.visitor() as thief:
        assert (await program.get("/api/me")).status_code == 200
        await thief.register()
        is_problem(await thief.delete(f"/api/tokens/{token['id']}"), 404, "not_found")
        assert (await program.get("/api/me")).status_code == 200
        assert house.app is not None
        headers = {"Authorization": f"Bearer {token['token']}"}
        async with house.app.test_client().websocket(f"/ws/desk/{sale.event_id}", headers=headers) as line:
            assert (await owner.delete(f"/api/tokens/{token['id']}")).status_code == 204
            while '"reconnect"' not in await line.receive():
                pass
        is_problem(await program.get("/api/me"), 401, "bad_token")
        is_problem(await owner.delete(f"/api/tokens/{token['id']}"), 404, "not_found")
    assert (await owner.get("/api/me")).status_code == 200


async def test_revoked_elsewhere_is_over_here_when_it_is_told(house: House, owner: Visitor):
    """What another process does: the row goes, and the channel says so."""
    token = await made(owner)
    found = services(house)
    async with bearer_of(house, token["token"]) as program:
        me = (await program.get("/api/me")).json()["id"]
        await house.database.execute(api_tokens.delete().where(api_tokens.c.id == token["id"]))
        assert (await program.get("/api/me")).status_code == 200  # remembered: this is what the word is for
        over = json.dumps({"account": me, "session": f"{me}.0.token:{token['id']}:0"})
        await found.redis.publish(f"{house.settings.redis_prefix}:sessions", over)

        async def refused() -> bool:
            return (await program.get("/api/me")).status_code == 401

        await eventually(refused)


async def test_a_token_that_is_revoked_while_it_is_read_is_not_remembered(
    house: House, owner: Visitor, monkeypatch: pytest.MonkeyPatch
):
    token = await made(owner)
    tokens, me = services(house).tokens, (await owner.get("/api/me")).json()["id"]
    read = tokens._read.find

    async def slow(hashed: str) -> Any:
        found = await read(hashed)
        await house.database.execute(api_tokens.delete().where(api_tokens.c.id == token["id"]))
        tokens.forget(me)
        return found

    monkeypatch.setattr(tokens._read, "find", slow)
    await tokens.find(token["token"])
    monkeypatch.undo()
    assert await tokens.find(token["token"]) is None


async def test_over_by_the_clock(house: House, sale: Sale, owner: Visitor):
    token = await made(owner)
    found = services(house)
    this = update(api_tokens).where(api_tokens.c.id == token["id"])
    async with bearer_of(house, token["token"]) as program:
        assert (await program.get("/api/me")).status_code == 200
        await house.database.execute(this.values(expires_at=now() + timedelta(seconds=0.5)))
        found.tokens.forget((await program.get("/api/me")).json()["id"])
        assert house.app is not None
        headers = {"Authorization": f"Bearer {token['token']}"}
        async with house.app.test_client().websocket(f"/ws/events/{sale.event_id}", headers=headers) as line:
            while '"reconnect"' not in await line.receive():
                pass
        is_problem(await program.get("/api/me"), 401, "bad_token")


async def test_of_a_closed_account_none_works(house: House, owner: Visitor):
    token = await made(owner)
    me = (await owner.get("/api/me")).json()["id"]
    async with bearer_of(house, token["token"]) as program:
        assert (await program.get("/api/me")).status_code == 200
        await house.database.execute(update(users).where(users.c.id == me).values(closed_at=now()))
        await services(house).hub.sessions.role_changed(me)
        is_problem(await program.get("/api/me"), 401, "bad_token")


async def test_last_used_is_noted_off_the_path_and_once_a_minute(house: House, owner: Visitor):
    token = [await made(owner) for _ in range(2)][1]  # SQLite gives a revoked one's number again

    async def used() -> Any:
        return (await owner.get("/api/tokens")).json()[0]["last_used_at"]

    assert await used() is None
    async with bearer_of(house, token["token"]) as program:
        await program.get("/api/me")
        noted = await eventually(used)
        services(house).tokens._noted.clear()  # as another process, which does not know of that
        await program.get("/api/me")
        await records.note_used(house.database, [token["id"]], timedelta(minutes=1))
        assert await used() == noted
        await records.note_used(house.database, [token["id"]], timedelta(0))
        assert await used() > noted


LEAST = {
    "GET /api/me": "read",
    "GET /api/events": "read",
    "GET /api/events/{event}": "read",
    "POST /api/events/{event}/queue": "book",
    "POST /api/bookings": "book",
    "DELETE /api/holds/x": "book",
    "GET /api/organiser/events/{event}/room": "organise",
    "PATCH /api/organiser/events/{event}/room": "organise",
}


async def test_each_ability_opens_its_own(house: House):
    sale = await open_sale(house)
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        tokens = {
            name: (await made(organiser, abilities=[name]))["token"] for name in ("read", "book", "organise")
        }
    for ability, token in tokens.items():
        async with bearer_of(house, token) as program:
            for route, wanted in LEAST.items():
                method, path = route.format(event=sale.event_id).split()
                answer = await program.request(method, path)
                missing = answer.status_code == 403 and answer.json()["code"] == "ability_missing"
                assert missing == (ability != wanted), (ability, route, answer.text)


async def test_a_token_does_not_stand_for_the_person(house: House, owner: Visitor):
    token = await made(owner)
    async with bearer_of(house, token["token"]) as program:
        for method, path in (
            ("POST", "/api/tokens"),
            ("GET", "/api/tokens"),
            ("DELETE", f"/api/tokens/{token['id']}"),
            ("POST", "/api/logout"),
        ):
            answer = await program.request(method, path, json={"name": "Another"})
            is_problem(answer, 403, "ability_missing")


async def test_with_the_password_a_token_changes_the_account(house: House, owner: Visitor):
    token = await made(owner)
    async with bearer_of(house, token["token"]) as program:
        change = {"name": "Ann"}
        is_problem(await program.patch("/api/me", json=change), 403, "ability_missing")
        wrong = {**change, "current_password": "not the password"}
        is_problem(await program.patch("/api/me", json=wrong), 403, "wrong_password")
        assert (await owner.get("/api/me")).json()["name"] != "Ann"
        done = await program.patch("/api/me", json={**change, "current_password": PASSWORD})
        assert (done.status_code, done.json()["name"]) == (200, "Ann")


async def test_control_cookies_left_in_the_request_lend_a_place(
    house: House, sale: Sale, fan: Visitor, monkeypatch: pytest.MonkeyPatch
):
    async with house.visitor() as other:
        await other.register()
        token = (await made(other))["token"]
    monkeypatch.setattr(Headers, "remove", lambda self, name: None)
    fan.headers["Authorization"] = f"Bearer {token}"
    assert (await fan.get(f"/api/events/{sale.event_id}/queue")).status_code == 200


async def test_every_route_of_the_api_says_what_it_wants_of_a_token(house: House):
    assert house.app is not None
    routes = {
        f"{method} {rule.rule}"
        for rule in house.app.url_map.iter_rules()
        if rule.rule.startswith(("/api/", "/ws/"))
        for method in (["WS"] if rule.websocket else (rule.methods or set()) - {"HEAD", "OPTIONS"})
    }
    assert routes - set(bearer.NEEDS) == set()


async def test_tokens_that_organise_are_audited(house: House):
    sale = await open_sale(house)
    async with house.visitor() as organiser:
        me = (await organiser.sign_in(sale.organiser_email)).json()["id"]
        await made(organiser, abilities=["read"])
        token = await made(organiser, abilities=["organise"])
        await organiser.delete(f"/api/tokens/{token['id']}")
    rows = await house.database.fetch_all(
        select(audit.c.action).where(audit.c.actor_id == me).order_by(audit.c.id)
    )
    assert [row["action"] for row in rows] == ["token.create", "token.revoke"]


@pytest.mark.parametrize("locked", [True, False])
async def test_the_last_token_is_made_once(
    house: House, owner: Visitor, locked: bool, monkeypatch: pytest.MonkeyPatch
):
    """Two at the same time, with room for one. Without the lock both count before either has written."""
    if not locked and "sqlite" in house.settings.database_url:
        pytest.skip("its transactions are one after the other in any case")
    me = await account_of(house, owner)
    inside, both_inside = [], asyncio.Event()

    async def together(*given: Any, **said: Any) -> None:
        inside.append(given)
        if len(inside) == 2:
            both_inside.set()
        if not locked:
            await asyncio.wait_for(both_inside.wait(), 20)

    monkeypatch.setattr(records, "_audit", together)
    if not locked:
        monkeypatch.setattr(Select, "with_for_update", lambda self, **given: self)
    both = (
        records.create(house.database, me, "x", hash_of(str((me.id, n))), {ORGANISE}, timedelta(days=1), 1)
        for n in range(2)
    )
    ends = await asyncio.gather(*both, return_exceptions=True)
    refused = [end.code for end in ends if isinstance(end, Refusal)]
    assert refused == (["too_many_tokens"] if locked else [])
    assert len(inside) == (1 if locked else 2)
    gave_way = [end for end in ends if isinstance(end, violations.BROKEN)]  # to the other, in a deadlock
    assert len((await owner.get("/api/tokens")).json()) == 2 - len(refused) - len(gave_way)

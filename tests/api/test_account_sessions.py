"""Sessions: a new one at each sign-in, and none that outlives what it began under."""

import asyncio
from typing import Any

import pytest
from quart_auth import QuartAuth

from tests.api.letters import newest_token
from tests.api.support import desk_line, is_problem, services
from tests.house import PASSWORD, House, Sale, Visitor
from ticketflow.domain import Role, User
from ticketflow.live.ended import Ended
from ticketflow.live.open_sockets import OpenSockets
from ticketflow.store import users
from ticketflow.store.mail_links import Purpose
from ticketflow.web.session import Users

pytestmark = pytest.mark.asyncio(loop_scope="package")
NEW = "a new password for tests"


def as_signed(house: House, name: str) -> str:
    """A session's cookie of that name, signed by this house."""
    assert house.app is not None
    (extension,) = house.app.extensions["QUART_AUTH"]
    assert isinstance(extension, QuartAuth)
    return str(extension.dump_token(name, house.app))


async def as_session(visitor: Visitor, value: str) -> int:
    """How a visitor with that cookie and no other is answered."""
    return (await visitor.get("/api/me", headers=[(b"Cookie", f"session={value}".encode())])).status_code


async def test_each_sign_in_begins_a_session_of_its_own(house: House):
    """A session that somebody put into the browser before is not the one that is signed in; it ends."""
    async with house.visitor() as fan, house.visitor() as stranger:
        await fan.register()
        first = fan.cookies["session"]
        await fan.sign_in(fan.email)
        assert fan.cookies["session"] != first
        await stranger.register()
        planted = stranger.cookies["session"]
        fan.cookies.delete("session")
        fan.cookies.set("session", planted, domain="localhost.local")
        await fan.sign_in(fan.email)
        assert fan.cookies["session"] != planted
        is_problem(await stranger.get("/api/me"), 401, "not_signed_in")


async def test_a_session_is_an_account_a_number_and_a_nonce(house: House):
    async with house.visitor() as fan:
        account = (await fan.register()).json()["id"]
        assert await as_session(fan, as_signed(house, f"{account}.0.x")) == 200
        for old in (f"{account}.x", f"{account}", f"{account}.1.x", f"{account}.0.x.y"):
            assert await as_session(fan, as_signed(house, old)) == 401, old


async def change_password(fan: Visitor) -> None:
    body = {"password": NEW, "current_password": PASSWORD}
    assert (await fan.patch("/api/me", json=body)).status_code == 200


async def sign_out_everywhere(fan: Visitor) -> None:
    assert (await fan.delete("/api/me/sessions")).status_code == 204


async def close(fan: Visitor) -> None:
    assert (await fan.request("DELETE", "/api/me", json={"current_password": PASSWORD})).status_code == 204


async def reset(fan: Visitor, house: House) -> None:
    await fan.post("/api/password/forgotten", json={"email": fan.email})
    token = await newest_token(house, Purpose.RESET, fan.email)
    assert (await fan.post("/api/password/reset", json={"token": token, "password": NEW})).status_code == 200


ENDS: dict[str, tuple[Any, int]] = {
    "another password": (change_password, 200),
    "signed out everywhere": (sign_out_everywhere, 401),
    "closed": (close, 401),
    "a reset": (reset, 200),
}
"""What ends all sessions, and how the browser that asked for it is answered after it."""


async def check_all_others_end(house: House, sale: Sale, end: Any, here: int, seconds: float = 10) -> None:
    async with house.visitor() as fan, house.visitor() as phone:
        await fan.register()
        await phone.sign_in(fan.email)
        before = fan.cookies["session"]
        async with desk_line(house, sale, phone) as line:
            await line.next("stock")
            await (end(fan, house) if end is reset else end(fan))
            async with asyncio.timeout(seconds):
                assert (await line.next("reconnect"))["after"] is not None
        is_problem(await phone.get("/api/me"), 401, "not_signed_in")
        assert await as_session(phone, before) == 401
        assert (await fan.get("/api/me")).status_code == here


@pytest.mark.parametrize("how", ENDS)
async def test_all_other_sessions_end_with_their_sockets(house: House, sale: Sale, how: str):
    await check_all_others_end(house, sale, *ENDS[how])


async def test_control_what_has_ended_must_be_known_or_what_is_remembered_forgotten(
    house: House, sale: Sale, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Ended, "add", lambda *_: False)
    monkeypatch.setattr(services(house).hub.sessions, "listeners", [])
    with pytest.raises(AssertionError):
        await check_all_others_end(house, sale, sign_out_everywhere, 401)


async def test_control_sockets_must_be_let_go(house: House, sale: Sale, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(OpenSockets, "end_older_sessions", lambda *_: None)
    with pytest.raises(TimeoutError):
        await check_all_others_end(house, sale, sign_out_everywhere, 401, seconds=0.5)


def numbered(epoch: int) -> User:
    return User(1, "Ann", "ann@example.com", Role.FAN, session_epoch=epoch)


async def test_what_is_read_while_it_changes_is_not_remembered(monkeypatch: pytest.MonkeyPatch):
    """An answer of the database from before the change may come after word of it."""
    remembered, asked, answered = Users(None), asyncio.Event(), asyncio.Event()  # type: ignore[arg-type]
    accounts = {1: numbered(0)}

    async def slow(_database: Any, _ids: Any) -> dict[int, User]:
        found = dict(accounts)
        asked.set()
        await answered.wait()
        return found

    monkeypatch.setattr(users, "by_ids", slow)
    reading = asyncio.create_task(remembered.find(1))
    await asked.wait()
    accounts[1] = numbered(1)
    remembered.forget(1)
    answered.set()
    assert await reading == numbered(0)
    assert await remembered.find(1) == numbered(1)


async def test_a_session_newer_than_what_is_remembered_has_it_read_anew(monkeypatch: pytest.MonkeyPatch):
    """The browser that changed its password may ask a process that has not heard of it."""
    remembered, accounts = Users(None), {1: numbered(0)}  # type: ignore[arg-type]

    async def now_there(_database: Any, _ids: Any) -> dict[int, User]:
        return dict(accounts)

    monkeypatch.setattr(users, "by_ids", now_there)
    await remembered.find(1)
    accounts[1] = numbered(1)
    assert await remembered.find(1) == numbered(0)
    assert await remembered.find(1, epoch=1) == numbered(1)


async def test_the_cookies_of_a_sign_in_are_closed_to_scripts_and_other_sites(house: House):
    async with house.visitor() as fan:
        made = await fan.register()
        cookies = made.headers.get_list("set-cookie")
        assert sorted(cookie.partition("=")[0] for cookie in cookies) == ["device", "session"]
        assert all("HttpOnly" in c and "SameSite=Lax" in c and "Path=/" in c for c in cookies)

"""A session or token that has ended is nobody's: whatever was copied, whoever is asked, without Redis too."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from quart.testing.connections import WebsocketResponseError
from sqlalchemy import delete, func, select, update

from tests.api.own_house import own_house
from tests.api.support import desk_line, is_problem, open_sale, services
from tests.api.test_account_sessions import ENDS, reset
from tests.house import PASSWORD, House, Sale, Visitor, in_process
from ticketflow.domain import Refusal, User, now
from ticketflow.live import open_sockets
from ticketflow.live.ended import Ended, Session, session_of
from ticketflow.live.open_sockets import OpenSockets
from ticketflow.live.session_ends import SessionEnds
from ticketflow.store import session_ends as records
from ticketflow.store import tokens as token_store
from ticketflow.store import users as user_store
from ticketflow.store.session_ends import KEPT
from ticketflow.store.tables import session_ends

pytestmark = pytest.mark.asyncio(loop_scope="package")


@asynccontextmanager
async def copy_of_one_signed_out(house: House, way_out: str = "/api/logout") -> AsyncIterator[Visitor]:
    """Somebody with a copy of the cookies of a session that was signed out then."""
    async with house.visitor() as fan, house.visitor() as thief:
        await fan.register()
        thief.cookies.update(fan.cookies)
        thief.email = fan.email
        assert (await thief.get("/api/me")).status_code == 200
        assert (await fan.post(way_out)).status_code < 400
        yield thief


async def check_a_copy_is_nobodys(house: House, way_out: str = "/api/logout") -> None:
    sale = await open_sale(house, queue_needs_account=True)
    async with copy_of_one_signed_out(house, way_out) as thief:
        is_problem(await thief.get("/api/me"), 401, "not_signed_in")
        is_problem(await thief.join(sale), 401, "not_signed_in")
        with pytest.raises(WebsocketResponseError) as refused:
            async with desk_line(house, sale, thief) as line:
                await line.next("stock")
        assert refused.value.response.status_code == 401


@pytest.mark.parametrize("way_out", ["/api/logout", "/signout"])
async def test_a_copy_of_a_cookie_is_nobodys_after_signing_out(house: House, way_out: str):
    await check_a_copy_is_nobodys(house, way_out)


async def test_control_unless_its_end_is_known(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Ended, "add", lambda *_: False)
    with pytest.raises(AssertionError):
        await check_a_copy_is_nobodys(house)


async def check_an_ended_session_queues_for_nobody(house: House) -> None:
    """Signed out everywhere on another device: the phone's cookie has the old number."""
    sale = await open_sale(house, queue_needs_account=True)
    async with house.visitor() as laptop, house.visitor() as phone:
        await laptop.register()
        await phone.sign_in(laptop.email)
        assert (await laptop.delete("/api/me/sessions")).status_code == 204
        is_problem(await phone.join(sale), 401, "not_signed_in")
        page = await phone.post(f"/events/{sale.slug}/queue")
        assert page.headers["Location"] == f"/events/{sale.slug}/queue", "the door, not a place"


async def test_an_ended_session_queues_for_nobody(house: House):
    await check_an_ended_session_queues_for_nobody(house)


async def test_control_by_its_signature_alone_it_would(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Ended, "at", lambda *_: None)
    with pytest.raises(AssertionError):
        await check_an_ended_session_queues_for_nobody(house)


async def test_an_ended_session_takes_up_none_of_the_accounts_sockets(
    house: House, sale: Sale, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(open_sockets, "ENDED_KEPT", timedelta(0))
    async with copy_of_one_signed_out(house) as thief, desk_line(house, sale, thief) as line:
        await line.next("stock")
        account = session_of_cookie(house, thief).account
        assert account not in services(house).open_sockets._by_account


def session_of_cookie(house: House, visitor: Visitor) -> Session:
    assert house.app is not None
    (extension,) = house.app.extensions["QUART_AUTH"]
    session = session_of(extension.load_token(visitor.cookies["session"], house.app))
    assert session is not None
    return session


@contextmanager
def counting_by_account(house: House) -> Iterator[list[str]]:
    """The names under which requests are counted."""
    assert house.app is not None
    limiter = house.app.extensions["limits"]
    names: list[str] = []
    take, before = limiter.counts.take, limiter._settings

    def noted(name: str, most: int) -> Any:
        names.append(name)
        return take(name, most)

    limiter.counts.take = noted
    limiter._settings = replace(before, requests_per_account=1000, requests_per_address=1000)
    try:
        yield names
    finally:
        del limiter.counts.take
        limiter._settings = before


async def test_an_ended_session_uses_up_none_of_what_its_account_may_ask(house: House):
    async with house.visitor() as fan, copy_of_one_signed_out(house) as thief:
        await fan.register()
        with counting_by_account(house) as names:
            await fan.get("/api/events")
            await thief.get("/api/events")
    mine, theirs = names
    assert (mine.split(":")[1], theirs.split(":")[1]) == ("account", "address")


async def status_of_a_copy_where_all_of_redis_is_lost(redis_url: str, folder: Path) -> int:
    async with own_house(redis_url, folder) as house, copy_of_one_signed_out(house) as thief:
        lost = replace(house.settings, redis_prefix=f"{house.settings.redis_prefix}-new")
        async with in_process(lost) as another, another.visitor() as there:
            there.cookies.update(thief.cookies)
            return (await there.get("/api/me")).status_code


async def test_it_stays_ended_in_a_process_that_begins_when_all_of_redis_is_lost(
    redis_url: str, tmp_path: Path
):
    assert await status_of_a_copy_where_all_of_redis_is_lost(redis_url, tmp_path) == 401


async def test_control_unless_it_is_written_down(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def nothing(*_: Any) -> None:
        pass

    monkeypatch.setattr(records, "note", nothing)
    assert await status_of_a_copy_where_all_of_redis_is_lost(redis_url, tmp_path) == 200


async def check_sockets_of_a_token_end(house: House, sale: Sale, how: str, seconds: float = 10) -> None:
    assert house.app is not None
    end = ENDS[how][0]
    async with house.visitor() as fan, house.visitor() as program:
        await fan.register()
        made = await fan.post("/api/tokens", json={"name": "A till", "current_password": PASSWORD})
        bearer = {"Authorization": f"Bearer {made.json()['token']}"}
        assert (await program.get("/api/me", headers=bearer)).status_code == 200
        async with desk_line(house, sale, Authorization=bearer["Authorization"]) as line:
            await line.next("stock")
            await (end(fan, house) if end is reset else end(fan))
            async with asyncio.timeout(seconds):
                assert (await line.next("reconnect"))["after"] is not None
        is_problem(await program.get("/api/me", headers=bearer), 401, "bad_token")


@pytest.mark.parametrize("how", ENDS)
async def test_what_ends_all_sessions_ends_all_tokens_and_their_sockets(house: House, sale: Sale, how: str):
    await check_sockets_of_a_token_end(house, sale, how)


async def test_control_sockets_of_tokens_must_be_let_go(
    house: House, sale: Sale, monkeypatch: pytest.MonkeyPatch
):
    end_older = OpenSockets.end_older_sessions

    def but_tokens(self: OpenSockets, account: int, epoch: int) -> None:
        tokens = {s for s, name in self._by_account.get(account, {}).items() if "token" in str(name)}
        kept = {socket: self._by_account[account].pop(socket) for socket in tokens}
        end_older(self, account, epoch)
        self._by_account[account].update(kept)

    monkeypatch.setattr(OpenSockets, "end_older_sessions", but_tokens)
    with pytest.raises(TimeoutError):
        await check_sockets_of_a_token_end(house, sale, "a reset", seconds=0.5)


async def test_a_token_whose_row_was_left_ends_by_its_number(house: House, monkeypatch: pytest.MonkeyPatch):
    async def nothing(*_: Any) -> None:
        pass

    monkeypatch.setattr(user_store, "drop_tokens", nothing)
    async with house.visitor() as fan, house.visitor() as program:
        await fan.register()
        made = await fan.post("/api/tokens", json={"name": "A till", "current_password": PASSWORD})
        await fan.delete("/api/me/sessions")
        bearer = {"Authorization": f"Bearer {made.json()['token']}"}
        is_problem(await program.get("/api/me", headers=bearer), 401, "bad_token")


async def test_a_token_that_was_being_made_when_all_sessions_ended_is_not_made(house: House):
    """Whoever had the old password when it was changed must not come out of it with a token."""
    found = services(house)
    async with house.visitor() as fan:
        account = (await fan.register()).json()["id"]
        before = await user_store.by_id(house.database, account)
        assert isinstance(before, User)
        await fan.delete("/api/me/sessions")
        asked = (before, "x", "0" * 64, frozenset[Any](), timedelta(days=1), 20)
        with pytest.raises(Refusal) as refused:
            await token_store.create(house.database, *asked)
        assert refused.value.code == "not_signed_in"
        assert await found.tokens.of(before) == []


async def test_a_token_is_made_with_the_password_only(house: House):
    async with house.visitor() as fan:
        await fan.register()
        asked = {"name": "A till"}
        is_problem(await fan.post("/api/tokens", json=asked), 422, "invalid_request")
        wrong = {**asked, "current_password": "not the password"}
        is_problem(await fan.post("/api/tokens", json=wrong), 403, "wrong_password")
        assert (await fan.get("/api/tokens")).json() == []
        right = {**asked, "current_password": PASSWORD}
        assert (await fan.post("/api/tokens", json=right)).status_code == 201


async def test_what_is_too_old_to_matter_is_forgotten_in_the_database_and_in_memory(house: House):
    async with copy_of_one_signed_out(house) as thief:
        session = session_of_cookie(house, thief)
    this = session_ends.c.session == session.name
    count = select(func.count()).select_from(session_ends).where(this)
    await records.prune(house.database)
    assert await house.database.fetch_val(count) == 1
    ended = Ended()
    (end,) = [e for e in await records.since(house.database, now() - KEPT) if e.session == session.name]
    assert (ended.add(end), ended.add(end)) == (True, False)
    ended.prune()
    assert ended.at(session) == end.ended_at
    old = now() - KEPT - timedelta(seconds=1)
    await house.database.execute(update(session_ends).where(this).values(ended_at=old))
    await records.prune(house.database)
    assert await house.database.fetch_val(count) == 0
    ended = Ended()
    ended.add(replace(end, ended_at=old))
    ended.prune()
    assert ended.at(session) is None


async def test_what_was_written_down_is_acted_on_once(house: House):
    """It is read again for a minute, and must not make a process forget an account each second."""
    found = services(house)
    async with copy_of_one_signed_out(house) as thief:
        session = session_of_cookie(house, thief)
    ends = SessionEnds(found.redis, house.database, "nobody-hears", Ended(), found.open_sockets)
    forgotten: list[int] = []
    ends.listeners.append(forgotten.append)
    await ends.read()
    await ends.read()
    assert forgotten.count(session.account) == 1
    await house.database.execute(delete(session_ends).where(session_ends.c.session == session.name))

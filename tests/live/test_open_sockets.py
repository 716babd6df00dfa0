"""How many sockets an address and an account may have, over real connections; and who is let go."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.api.support import cookies_of, services
from tests.house import PASSWORD, House, Sale, eventually, make_sale, settings_for
from tests.live.served import desk_url, served, stock_url
from ticketflow.domain import Refusal, now
from ticketflow.live import open_sockets
from ticketflow.live.ended import Ended
from ticketflow.live.open_sockets import ELSEWHERE, ENDED_KEPT, RESTART, SIGNED_OUT, OpenSockets
from ticketflow.live.slot import Closed
from ticketflow.settings import Settings
from ticketflow.store.session_ends import End
from ticketflow.web.limits import counted

PROXIES = 1
"""Each connection says itself, as a proxy would, where it comes from."""


@pytest.fixture
def settings(sqlite_url: str, redis_url: str, smtp, prefix: str) -> Settings:
    given = {"database_url": sqlite_url, "redis_url": redis_url, "smtp_url": smtp.url, "prefix": prefix}
    return settings_for(**given, proxy_hops=PROXIES, sockets_per_address=3, sockets_per_account=2)


@pytest.fixture
async def line(settings: Settings) -> AsyncIterator["Line"]:
    sale = await make_sale(settings)
    async with served(settings) as house, AsyncExitStack() as stack:
        yield Line(house, sale, stack)


class Line:
    """Opens sockets of a house for addresses and accounts."""

    def __init__(self, house: House, sale: Sale, stack: AsyncExitStack) -> None:
        self.house, self.sale, self._stack = house, sale, stack

    async def open(
        self, address: str, *, cookie: str = "", token: str = "", desk: bool = False
    ) -> ClientConnection:
        """A socket that has had its first frame."""
        headers = {"X-Forwarded-For": address} | ({"Cookie": cookie} if cookie else {})
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        url = (desk_url if desk else stock_url)(self.house, self.sale.event_id)
        socket = await self._stack.enter_async_context(connect(url, additional_headers=headers))
        assert json.loads(await socket.recv())["type"] == "stock"
        return socket

    async def count(self, expected: int) -> None:
        """Return once so many are open."""

        async def so() -> bool:
            return len(services(self.house).open_sockets) == expected

        await eventually(so)


async def check_an_address_is_held_to_its_limit(line: Line) -> None:
    mine = [await line.open("203.0.113.7", desk=number == 0) for number in range(3)]
    with pytest.raises(InvalidStatus) as refused:
        await line.open("203.0.113.7")
    answer = refused.value.response
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "30"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body is not None
    assert json.loads(answer.body)["code"] == "too_many_sockets"
    await line.open("203.0.113.8")
    await mine[0].close()
    await line.count(3)
    await line.open("203.0.113.7")
    # What a network can make up by itself is one address.
    for number in range(3):
        await line.open(f"2001:db8::{number}")
    with pytest.raises(InvalidStatus):
        await line.open("2001:db8::ffff")
    async with line.house.visitor() as polling:
        polled = await polling.get(
            f"/api/events/{line.sale.event_id}", headers={"X-Forwarded-For": "203.0.113.7"}
        )
        assert polled.status_code == 200, "who has no socket may still look"


async def test_an_address_is_held_to_its_limit(line: Line):
    await check_an_address_is_held_to_its_limit(line)


async def test_control_without_the_limit_a_fourth_comes_in(line: Line):
    services(line.house).open_sockets._per_address = 0
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await check_an_address_is_held_to_its_limit(line)


async def check_the_newest_page_of_an_account_wins(line: Line, seconds: float = 10) -> None:
    async with line.house.visitor() as fan, line.house.visitor() as other:
        await fan.register()
        await other.register()
        first = await line.open("203.0.113.1", cookie=cookies_of(fan), desk=True)
        await line.open("203.0.113.2", cookie=cookies_of(fan))
        await line.open("203.0.113.3", cookie=cookies_of(other))
        await line.open("203.0.113.4", cookie=cookies_of(fan))
        assert await let_go(first, seconds) == (None, ELSEWHERE)
        await line.count(3)


async def test_the_newest_page_of_an_account_wins(line: Line):
    await check_the_newest_page_of_an_account_wins(line)


async def test_control_without_the_limit_the_oldest_stays(line: Line, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(OpenSockets, "_make_room", lambda *_: None)
    with pytest.raises(TimeoutError):
        await check_the_newest_page_of_an_account_wins(line, seconds=0.5)


async def let_go(socket: ClientConnection, seconds: float = 10) -> tuple[float | None, int]:
    """After how many seconds a socket is to come back, and the code it was closed with."""
    async with asyncio.timeout(seconds):
        while (said := json.loads(await socket.recv()))["type"] != "reconnect":
            pass
        with pytest.raises(ConnectionClosed) as ended:
            await socket.recv()
    assert ended.value.rcvd is not None
    return said["after"], ended.value.rcvd.code


@pytest.fixture
async def elsewhere(line: Line) -> AsyncIterator[Line]:
    """Another process of the same house."""
    async with served(line.house.settings) as house, AsyncExitStack() as stack:
        yield Line(house, line.sale, stack)


async def check_pages_come_back_as_who_is_signed_in_now(
    line: Line, elsewhere: Line, seconds: float = 10
) -> None:
    async with line.house.visitor() as laptop, line.house.visitor() as phone:
        await laptop.register()
        await phone.sign_in(laptop.email)
        alices = cookies_of(laptop)
        here = await line.open("203.0.113.1", cookie=alices, desk=True)
        there = await elsewhere.open("203.0.113.1", cookie=alices, desk=True)
        kept = await line.open("203.0.113.2", cookie=cookies_of(phone), desk=True)
        await laptop.post("/signout")
        for socket in (here, there):
            after, code = await let_go(socket, seconds)
            assert after is not None
            assert (after < 1, code) == (True, SIGNED_OUT)
        # The answer that takes the cookie away may be slower than the page, which then asks again.
        for process in (line, elsewhere):
            with pytest.raises(InvalidStatus) as refused:
                await process.open("203.0.113.1", cookie=alices)
            assert refused.value.response.status_code == 401
        await laptop.register()
        await line.open("203.0.113.1", cookie=cookies_of(laptop), desk=True)
        await kept.send(json.dumps({"id": 1, "do": "seats"}))
        async with asyncio.timeout(seconds):
            while json.loads(await kept.recv())["type"] != "reply":
                pass


async def test_pages_come_back_as_who_is_signed_in_now(line: Line, elsewhere: Line):
    await check_pages_come_back_as_who_is_signed_in_now(line, elsewhere)


async def test_control_without_word_from_the_others_a_process_keeps_its_pages(
    line: Line, elsewhere: Line, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(services(elsewhere.house).open_sockets, "end_session", lambda *_: None)
    with pytest.raises(TimeoutError):
        await check_pages_come_back_as_who_is_signed_in_now(line, elsewhere, seconds=0.5)


async def test_control_without_the_memory_of_its_end_a_session_comes_back(
    line: Line, elsewhere: Line, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(OpenSockets, "_has_just_ended", lambda *_: False)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await check_pages_come_back_as_who_is_signed_in_now(line, elsewhere)


def deaf(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a process hear no word of ended sessions."""
    monkeypatch.setattr(services(line.house).hub.sessions, "hear", lambda _: None)


def blind(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a process not read what was written down of them."""

    async def nothing() -> None:
        pass

    monkeypatch.setattr(services(line.house).hub.sessions, "read", nothing)


async def check_all_pages_of_an_account_go(line: Line, elsewhere: Line, seconds: float = 10) -> None:
    async with line.house.visitor() as laptop, elsewhere.house.visitor() as phone:
        await laptop.register()
        await phone.sign_in(laptop.email)
        before = cookies_of(phone)
        there = await elsewhere.open("203.0.113.1", cookie=before, desk=True)
        asked = {"name": "A till", "current_password": PASSWORD}
        token = (await laptop.post("/api/tokens", json=asked)).json()["token"]
        till = await elsewhere.open("203.0.113.3", token=token, desk=True)
        change = {"password": "another password", "current_password": PASSWORD}
        assert (await laptop.patch("/api/me", json=change)).status_code == 200
        after, code = await let_go(there, seconds)
        assert (after is not None, code) == (True, SIGNED_OUT)
        assert (await let_go(till, seconds))[1] == SIGNED_OUT
        assert (await phone.get("/api/me")).status_code == 401
        with pytest.raises(InvalidStatus):
            await elsewhere.open("203.0.113.1", cookie=before)
        await elsewhere.open("203.0.113.1", cookie=cookies_of(laptop), desk=True)
        laptop.base_url = phone.base_url
        assert (await laptop.get("/api/me")).status_code == 200


async def test_another_password_is_known_in_all_processes(line: Line, elsewhere: Line):
    await check_all_pages_of_an_account_go(line, elsewhere)


async def test_a_process_that_was_cut_off_reads_of_it(
    line: Line, elsewhere: Line, monkeypatch: pytest.MonkeyPatch
):
    deaf(elsewhere, monkeypatch)
    await check_all_pages_of_an_account_go(line, elsewhere)


async def test_control_a_process_that_neither_hears_nor_reads_of_it_keeps_its_pages(
    line: Line, elsewhere: Line, monkeypatch: pytest.MonkeyPatch
):
    deaf(elsewhere, monkeypatch)
    blind(elsewhere, monkeypatch)
    with pytest.raises(TimeoutError):
        await check_all_pages_of_an_account_go(line, elsewhere, seconds=0.5)


async def test_a_session_that_ended_is_remembered_for_a_minute(monkeypatch: pytest.MonkeyPatch):
    ended, at = Ended(), now()
    monkeypatch.setattr(open_sockets, "now", lambda: at)
    sockets = OpenSockets(ended, per_address=0, per_account=0)
    ended.add(End(7, "7.0.a", None, at))
    with pytest.raises(Refusal) as refused, sockets.enter(address=None, account=None, session="7.0.a"):
        pass
    assert refused.value.code == "not_signed_in"
    with sockets.enter(address=None, account=7, session="7.0.b"):
        pass
    at += ENDED_KEPT
    with sockets.enter(address=None, account=None, session="7.0.a"):
        pass


def test_an_embedded_crowd_on_loopback_is_counted_for_nobody(settings: Settings):
    assert counted(settings, "127.0.0.1") == "127.0.0.1"
    assert counted(settings, "unknown") is None
    embedded = replace(settings, embedded=True)
    assert counted(embedded, "127.0.0.1") is counted(embedded, "::1") is None
    assert counted(embedded, "203.0.113.7") == "203.0.113.7"


async def test_who_has_left_is_forgotten():
    sockets = OpenSockets(Ended(), per_address=2, per_account=2)
    for _ in range(5):
        with sockets.enter(address="203.0.113.7", account=7):
            assert len(sockets) == 1
    assert (len(sockets), sockets._by_address, sockets._by_account) == (0, {}, {})


async def test_who_comes_while_it_drains_is_asked_to_go_elsewhere():
    sockets = OpenSockets(Ended(), per_address=0, per_account=0)
    with sockets.enter(address=None, account=None) as socket:
        sockets.drain()
        with pytest.raises(Refusal) as refused, sockets.enter(address=None, account=None):
            pass
        assert refused.value.code == "not_ready"
        sent: list[str] = []

        async def send(text: str) -> None:
            sent.append(text)

        with pytest.raises(Closed):
            await socket.slot.pump(send, 20)
    assert [json.loads(text)["type"] for text in sent] == ["reconnect"]
    assert socket.close_code == RESTART

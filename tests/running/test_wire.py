"""What strangers send down the wire to a real Hypercorn: too much, too slowly, or in two meanings."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from tests.api.own_house import own_house
from tests.api.support import open_sale
from tests.house import House, Sale
from tests.live.served import desk_url, served
from ticketflow.web import guard, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE = 20
"""Seconds in which an answer must come that needs none: the machine may be busy."""
SLOW_SECONDS = 0.4


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A served house that gives slow bodies and slow heads less time than the real one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "KEEP_ALIVE_SECONDS", SLOW_SECONDS)
        patch.setattr(guard, "BODY_SECONDS", SLOW_SECONDS)
        async with own_house(redis_url, tmp_path_factory.mktemp("wire"), run=served) as running:
            yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sale(house: House) -> Sale:
    return await open_sale(house)


class Wire:
    """A connection on which anything may be said."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, *lines: str, body: bytes = b"") -> None:
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await self._writer.drain()

    async def drip(self, first: bytes, drop: bytes) -> bytes:
        """Send `drop` again and again until the other end has answered or hung up; gives all it said."""
        self._writer.write(first)
        hearing = asyncio.create_task(self.rest())
        while not hearing.done():
            await asyncio.wait({hearing}, timeout=SLOW_SECONDS / 20)
            self._writer.write(drop)
        return await hearing

    async def rest(self) -> bytes:
        """All that comes until the other end closes."""
        said = b""
        async with asyncio.timeout(PATIENCE):
            try:
                while part := await self._reader.read(65_536):
                    said += part
            except ConnectionError:
                pass
        return said

    def close(self) -> None:
        self._writer.close()


async def wire(house: House) -> Wire:
    return Wire(*await asyncio.open_connection("127.0.0.1", house.settings.port))


async def said_to(house: House, *lines: str, body: bytes = b"") -> bytes:
    """All that is answered until the server closes; the last of several requests asks it to."""
    line = await wire(house)
    await line.say(*lines, body=body)
    said = await line.rest()
    line.close()
    return said


def statuses(said: bytes) -> list[int]:
    return [int(part[:3]) for part in said.split(b"HTTP/1.1 ")[1:]]


def problem_in(said: bytes) -> str:
    assert b"application/problem+json" in said.lower()
    return str(json.loads(said.partition(b"\r\n\r\n")[2])["code"])


LOGIN = ("POST /api/login HTTP/1.1", "Host: localhost", "Content-Type: application/json")


async def test_ten_megabytes_are_refused_before_they_are_sent(house: House):
    """Neither is a byte of them waited for, nor is the client told to go on."""
    for route in (LOGIN, ("POST /api/logout HTTP/1.1", "Host: localhost")):
        line = await wire(house)
        await line.say(*route, "Content-Length: 10000000")
        said = await line.rest()
        line.close()
        assert statuses(said) == [413]
        assert problem_in(said) == "body_too_large"


async def test_ten_megabytes_in_pieces_of_unsaid_length_are_cut_off(house: House):
    line = await wire(house)
    await line.say(*LOGIN, "Transfer-Encoding: chunked")
    piece = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    hearing = asyncio.create_task(line.rest())
    sent = 0
    while not hearing.done() and sent < 10_000_000:
        line._writer.write(piece)
        sent += 65_536
        try:
            await line._writer.drain()
        except ConnectionError:
            break
        await asyncio.sleep(0)
    assert statuses(await hearing) == [413]
    line.close()


async def test_a_client_that_asks_first_is_told_to_go_on(house: House):
    line = await wire(house)
    body = json.dumps({"email": "nobody@example.com", "password": "wrong"}).encode()
    await line.say(*LOGIN, "Expect: 100-continue", "Connection: close", f"Content-Length: {len(body)}")
    assert await line._reader.readuntil(b"\r\n\r\n")
    line._writer.write(body)
    assert statuses(await line.rest()) == [401]
    line.close()


async def test_a_body_that_drips_is_given_up(house: House):
    line = await wire(house)
    head = "\r\n".join([*LOGIN, "Content-Length: 1000", "", ""]).encode()
    said = await line.drip(head + b"{", b" ")
    line.close()
    assert statuses(said) == [408]
    assert problem_in(said) == "too_slow"


async def test_a_head_that_drips_is_given_up(house: House):
    """Each byte in time, and the whole never: the connection is closed all the same."""
    line = await wire(house)
    said = await line.drip(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"a")
    line.close()
    assert said == b""


async def test_a_head_that_is_too_large_is_refused(house: House):
    said = await said_to(house, "GET / HTTP/1.1", "Host: localhost", f"X-Large: {'a' * 20_000}")
    assert statuses(said) == [431]
    assert problem_in(said) == "headers_too_large"


SMUGGLED = b"GET /api/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "lengths",
    [
        ("Content-Length: 0", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", f"Content-Length: {len(SMUGGLED) + 5}"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5, 6",),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Content-Length: +5",),
        ("Content-Length : 5",),
    ],
)
async def test_a_body_with_two_lengths_is_refused_and_nothing_after_it_heard(
    house: House, lengths: tuple[str]
):
    said = await said_to(house, *LOGIN, *lengths, body=b"0\r\n\r\n" + SMUGGLED)
    assert statuses(said) in ([400], [501])
    assert b"HTTP/1.1 200" not in said


@pytest.mark.parametrize(
    "lines",
    [
        ("GET / HTTP/1.1",),
        ("GET / HTTP/1.1", "Host: localhost", "Host: evil.example"),
        ("GET / HTTP/1.1", "Host: localhost", "X-Bad: a\x00b"),
        ("GET /a b HTTP/1.1", "Host: localhost"),
    ],
)
async def test_a_head_with_two_meanings_is_refused(house: House, lines: tuple[str]):
    said = await said_to(house, *lines)
    assert statuses(said) == [400]
    assert problem_in(said) == "bad_request"


async def test_no_connection_becomes_another_protocol(house: House):
    """What came after an upgrade to HTTP/2 a proxy would pass on unread."""
    upgrade = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
    line = await wire(house)
    await line.say("GET /healthz HTTP/1.1", "Host: localhost", *upgrade)
    head = await line._reader.readuntil(b"\r\n\r\n")
    line.close()
    assert statuses(head) == [200]
    line = await wire(house)
    line._writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
    said = await line.rest()
    line.close()
    assert not said.startswith(b"\x00")
    assert set(statuses(said)) == {400}


async def test_a_socket_message_that_is_too_large_closes_it(house: House, sale: Sale):
    async with connect(desk_url(house, sale.event_id)) as socket:
        await socket.send(json.dumps({"id": 1, "do": "join", "ticket": "x" * 100_000}))
        async with asyncio.timeout(PATIENCE):
            await socket.wait_closed()
    assert socket.close_code == 1009


async def test_a_socket_has_a_number_in_the_log(house: House, sale: Sale):
    async with connect(desk_url(house, sale.event_id)) as socket:
        assert socket.response is not None
        assert len(socket.response.headers["X-Request-Id"]) == 32

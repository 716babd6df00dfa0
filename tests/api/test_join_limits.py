"""New places an address and an account may take in a minute, at both doors and on the pages."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from quart import Quart
from werkzeug.datastructures import Headers

from tests.api.support import cookies_of, desk_line, is_problem, services
from tests.house import House, Sale, in_process, make_sale
from ticketflow.settings import Settings
from ticketflow.web.limits import client_address, join_sources, network_of

HERE, THERE = {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "198.51.100.4"}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Joining asks no database."""
    return sqlite_url


@pytest.fixture
def limited(settings: Settings) -> Settings:
    """Three places an address, two an account; one proxy says who is asking."""
    return replace(settings, joins_per_address=3, joins_per_account=2, proxy_hops=1)


@pytest.fixture
async def sale(limited: Settings) -> Sale:
    return await make_sale(limited, rate_per_minute=0)


@pytest.fixture
async def house(limited: Settings, sale: Sale) -> AsyncIterator[House]:
    async with in_process(limited) as running:
        yield running


async def joins(house: House, sale: Sale, where: dict[str, str], **headers: str) -> httpx.Response:
    """The answer to somebody new."""
    async with house.visitor() as visitor:
        return await visitor.post(f"/api/events/{sale.event_id}/queue", headers={**where, **headers})


async def joins_by_page(house: House, sale: Sale, where: dict[str, str]) -> httpx.Response:
    async with house.visitor() as browser:
        return await browser.post(f"/events/{sale.slug}/queue", headers=where)


async def joins_by_socket(house: House, sale: Sale, where: dict[str, str], **fields: Any) -> dict[str, Any]:
    async with desk_line(house, sale, None, **where) as line:
        return await line.ask("join", **fields)


async def waiting(house: House, sale: Sale) -> int:
    found = services(house)
    return int(await found.redis.zcard((await found.rooms.of(sale.event_id)).keys.waiting))


async def test_an_address_has_as_many_places_a_minute_by_both_doors_together(house: House, sale: Sale):
    assert (await joins(house, sale, HERE)).status_code == 201
    by_socket = await joins_by_socket(house, sale, HERE)
    assert by_socket["status"] == 201
    third = await joins(house, sale, HERE)
    assert third.status_code == 201
    refused = await joins(house, sale, HERE)
    problem = is_problem(refused, 429, "too_many_joins")
    assert 60 <= problem["retry_after"] <= 70
    assert refused.headers["Retry-After"] == str(problem["retry_after"])
    assert f"from your address. Try again in {problem['retry_after']} seconds" in problem["detail"]
    assert "Set-Cookie" not in refused.headers
    reply = await joins_by_socket(house, sale, HERE)
    assert (reply["status"], reply["body"]["code"]) == (429, "too_many_joins")
    assert 60 <= reply["body"]["retry_after"] <= 70
    # Who has a place finds it, by ticket and by cookie, at both doors.
    ticket = third.json()["ticket"]
    assert (await joins(house, sale, HERE, **{"Queue-Ticket": ticket})).status_code == 200
    assert (await joins(house, sale, HERE, Cookie=f"queue_{sale.event_id}={ticket}")).status_code == 200
    assert (await joins_by_socket(house, sale, HERE, ticket=ticket))["status"] == 200
    assert (await joins(house, sale, THERE)).status_code == 201
    assert await waiting(house, sale) == 4


async def test_of_a_crowd_by_all_doors_exactly_as_many_get_in(house: House, sale: Sale):
    by_http = [joins(house, sale, HERE) for _ in range(20)]
    by_page = [joins_by_page(house, sale, HERE) for _ in range(20)]
    by_socket = [joins_by_socket(house, sale, HERE) for _ in range(20)]
    replies, *answers = await asyncio.gather(asyncio.gather(*by_socket), *by_http, *by_page)
    statuses = [answer.status_code for answer in answers] + [reply["status"] for reply in replies]
    assert statuses.count(429) == 57
    assert await waiting(house, sale) == 3


async def test_an_account_has_as_many_wherever_it_comes_from(house: House, sale: Sale):
    async with house.visitor() as fan:
        await fan.register()
        session = f"session={fan.cookies['session']}"
        for number, status in enumerate([201, 201, 429]):
            answer = await joins(house, sale, {"X-Forwarded-For": f"203.0.113.{number}"}, Cookie=session)
            assert answer.status_code == status
        assert "from your account" in answer.json()["detail"]
        async with desk_line(house, sale, fan, **THERE) as line:
            reply = await line.ask("join")
            assert (reply["status"], reply["body"]["code"]) == (429, "too_many_joins")
    async with house.visitor() as other:
        await other.register()
        assert (await joins(house, sale, HERE, Cookie=cookies_of(other))).status_code == 201


async def test_the_page_says_when_it_will_try_again(house: House, sale: Sale):
    for _ in range(3):
        await joins(house, sale, HERE)
    page = await joins_by_page(house, sale, HERE)
    assert page.status_code == 429
    seconds = page.headers["Retry-After"]
    assert f'data-join-in="{seconds}"' in page.text
    assert f"Try again in {seconds} seconds; nothing is lost." in page.text
    assert "Set-Cookie" not in page.headers


async def test_without_limits_all_get_in(settings: Settings):
    """The control: the house's answers above come from the settings."""
    settings = replace(settings, proxy_hops=1)
    sale = await make_sale(settings, rate_per_minute=0)
    async with in_process(settings) as house:
        statuses = [(await joins(house, sale, HERE)).status_code for _ in range(10)]
    assert statuses == [201] * 10


FORWARDED = [
    # The proxy appends to the client's line, or writes a line of its own behind it.
    (["8.9.0.1, 203.0.113.5"], "203.0.113.5"),
    (["8.9.0.1", "203.0.113.5"], "203.0.113.5"),
    (["203.0.113.5:4001"], "203.0.113.5"),
    (["2001:db8::5"], "2001:db8::5"),
    (["[2001:db8::5]:4001"], "2001:db8::5"),
    (["[2001:db8::5]"], "2001:db8::5"),
    (["unknown"], "192.0.2.1"),
    (["8.9.0.1", "junk:1:2"], "192.0.2.1"),
    ([" , "], "192.0.2.1"),
    ([], "192.0.2.1"),
]


@pytest.mark.parametrize(("lines", "address"), FORWARDED)
async def test_the_last_proxy_says_who_asks_and_else_the_peer_is_counted(lines: list[str], address: str):
    headers = Headers([("X-Forwarded-For", line) for line in lines])
    headers["Remote-Addr"] = "192.0.2.1"  # as Quart tells the peer
    async with Quart(__name__).test_request_context("/", headers=headers):
        assert client_address(1) == address
        assert client_address(0) == "192.0.2.1"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("unknown", None),
        ("<local>", None),
        ("", None),
    ],
)
def test_what_counts_as_one_address(address: str, network: str | None):
    assert network_of(address) == network


def test_which_sources_are_counted():
    given = Settings(joins_per_address=300, joins_per_account=20)
    assert join_sources(given, 17, "2001:db8::1") == {"address:2001:db8::/64": 300, "account:17": 20}
    assert join_sources(given, None, "127.0.0.1") == {"address:127.0.0.1": 300}
    assert join_sources(given, None, "unknown") == {}
    off = replace(given, joins_per_address=0, joins_per_account=0)
    assert join_sources(off, 17, "203.0.113.7") == {}
    # An embedded crowd comes by loopback; from anywhere else the limit holds there too.
    embedded = replace(given, embedded=True)
    assert join_sources(embedded, 17, "127.0.0.1") == join_sources(embedded, 17, "::1") == {"account:17": 20}
    assert "address:203.0.113.7" in join_sources(embedded, None, "203.0.113.7")

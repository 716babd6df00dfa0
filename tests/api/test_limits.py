"""Every route has a limit: by account, else by address, shared by all processes, told in headers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
import pytest_asyncio
from quart.testing.connections import WebsocketResponseError
from redis.exceptions import ConnectionError as RedisAway

from tests.api.own_house import own_house
from tests.api.support import desk_line, is_problem, open_sale, services
from tests.house import House, Sale, in_process
from ticketflow.app import open_web
from ticketflow.web import limits
from ticketflow.web.allowances import Counts
from ticketflow.web.guard import SAFE

HERE, THERE = {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "198.51.100.4"}
MOST = 20
A_NOON = 1_800_000_000 // 60 * 60.0


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house with low limits, behind one proxy."""
    async with own_house(
        redis_url,
        tmp_path_factory.mktemp("limits"),
        requests_per_address=MOST,
        requests_per_account=MOST,
        sign_ins_per_minute=3,
        messages_per_second=2,
        proxy_hops=1,
    ) as running:
        yield running


@pytest.fixture
def house(shared: House) -> House:
    """The house with nothing counted, in one minute for the whole test: none may begin under its hands."""
    counts = counts_of(shared)
    counts._clock = lambda: A_NOON
    counts._minute = 0
    return shared


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sale(shared: House) -> Sale:
    return await open_sale(shared)


def counts_of(house: House) -> Counts:
    assert house.app is not None
    return limits.counts_of(house.app)


def check_every_route_is_in_the_table(house: House) -> None:
    assert house.app is not None
    used = set()
    for rule in house.app.url_map.iter_rules():
        line = rule.endpoint if rule.endpoint in limits.LIMITS else rule.endpoint.partition(".")[0]
        assert line in limits.LIMITS, f"{rule.rule} has no limit"
        used.add(line)
        for method in rule.methods or {"GET"}:
            assert limits.family_of(rule.endpoint, method).share > 0
    assert set(limits.LIMITS) == used, "a line of the table is of no route"


async def test_every_route_has_a_limit(house: House, monkeypatch: pytest.MonkeyPatch):
    check_every_route_is_in_the_table(house)
    monkeypatch.delitem(limits.LIMITS, "seats")
    with pytest.raises(AssertionError, match="seats/plan has no limit"):
        check_every_route_is_in_the_table(house)


def requests_of(house: House, sale: Sale) -> list[tuple[str, str]]:
    """Each HTTP route, as it would be asked for."""
    assert house.app is not None
    found = []
    for rule in house.app.url_map.iter_rules():
        path = rule.rule
        for converter, value in (
            ("<int:event_id>", str(sale.event_id)),
            ("<int:room_id>", str(sale.event_id)),
            ("<slug>", sale.slug),
            ("<path:filename>", "no.js"),
        ):
            path = path.replace(converter, value)
        if not rule.websocket:
            methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            found += [(method, path.replace("<", "").replace(">", "")) for method in sorted(methods)]
    return found


async def test_no_route_answers_who_has_asked_too_much(house: House, sale: Sale):
    """By the routes themselves, not by the table."""
    assert house.app is not None
    counts = counts_of(house)
    for family in ("read", "write", "static", "gateway", "health", "socket", "check"):
        while counts.take(f"{family}:address:203.0.113.7", MOST * 10)[1]:
            pass
    async with house.visitor() as visitor:
        for method, path in requests_of(house, sale):
            answer = await visitor.request(method, path, headers=HERE)
            assert answer.status_code == 429, (method, path, answer.status_code)
            assert 0 < int(answer.headers["Retry-After"]) <= 60
            assert answer.headers["RateLimit-Remaining"] == "0"
        assert (await visitor.get("/api/events", headers=THERE)).status_code == 200
    for kind in ("events", "desk", "organiser"):
        with pytest.raises(WebsocketResponseError) as refused:
            async with house.app.test_client().websocket(f"/ws/{kind}/{sale.event_id}", headers=HERE):
                pass
        assert refused.value.response.status_code == 429
        assert "Retry-After" in refused.value.response.headers


async def test_what_is_left_is_told_and_then_there_is_none(house: House):
    async with house.visitor() as visitor:
        for asked in range(MOST):
            answer = await visitor.get("/api/events", headers=HERE)
            assert answer.status_code == 200
            told = [answer.headers[f"RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")]
            assert told == [str(MOST), str(MOST - 1 - asked), "60"]
        refused = await visitor.get("/api/events", headers=HERE)
        assert is_problem(refused, 429, "too_many_requests")["retry_after"] == 60
        assert refused.headers["Retry-After"] == "60"
        # What is read and what is written are counted apart, and a page is told kindly.
        assert (await visitor.post("/api/logout", headers=HERE)).status_code == 204
        page = await visitor.get("/", headers={**HERE, "Accept": "text/html"})
        assert (page.status_code, "One moment, please" in page.text) == (429, True)
        counts_of(house)._clock = lambda: A_NOON + 60
        assert (await visitor.get("/api/events", headers=HERE)).status_code == 200


async def test_an_account_is_counted_wherever_it_comes_from_and_nobody_else_by_it(house: House):
    async with house.visitor() as fan, house.visitor() as neighbour:
        await fan.register()
        for number in range(MOST):
            where = {"X-Forwarded-For": f"203.0.113.{number}"}
            assert (await fan.get("/api/me", headers=where)).status_code == 200
        is_problem(await fan.get("/api/me", headers=THERE), 429, "too_many_requests")
        assert (await neighbour.get("/api/events", headers=HERE)).status_code == 200


async def test_of_a_burst_at_a_strict_route_exactly_as_many_pass(house: House):
    async def attempt() -> httpx.Response:
        async with house.visitor() as visitor:
            body = {"email": "nobody@example.com", "password": "wrong"}
            return await visitor.post("/api/login", json=body, headers=HERE)

    answers = await asyncio.gather(*(attempt() for _ in range(MOST)))
    assert [answer.status_code for answer in answers].count(401) == 3
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == MOST - 3
    for answer in refused:
        assert 0 < int(answer.headers["Retry-After"]) <= 20
        assert (answer.headers["RateLimit-Limit"], answer.headers["RateLimit-Remaining"]) == ("3", "0")


async def test_every_key_in_redis_ends_by_itself(house: House):
    redis = services(house).redis
    async with house.visitor() as visitor:
        await visitor.get("/api/events", headers=HERE)
        await visitor.post("/api/login", json={"email": "nobody@example.com", "password": "x"}, headers=THERE)
    await counts_of(house).share()
    prefix = house.settings.redis_prefix
    keys = [key async for key in redis.scan_iter(f"{prefix}:*") if ":asked:" in key or ":limit:" in key]
    assert len(keys) >= 4
    for key in keys:
        assert 0 < await redis.ttl(key) <= 120, key


async def test_two_processes_share_a_limit(house: House, prefix: str):
    redis = services(house).redis
    first, second = (Counts(redis, prefix, lambda: A_NOON) for _ in range(2))
    for _ in range(6):
        assert first.take("read:address:x", 10)[1]
    assert second.take("read:address:x", 10)[0].left == 9
    await first.share()
    await second.share()
    assert [second.take("read:address:x", 10)[1] for _ in range(4)] == [True, True, True, False]
    await second.share()
    await first.share()
    # What the other has asked since comes back with what one tells oneself.
    assert first.take("read:address:x", 10)[0].left <= 3


async def test_without_redis_each_counts_for_itself(
    house: House, prefix: str, monkeypatch: pytest.MonkeyPatch
):
    async def away(*_: object, **__: object) -> None:
        raise RedisAway

    redis = services(house).redis
    counts = Counts(redis, prefix, lambda: A_NOON)
    monkeypatch.setattr("redis.asyncio.client.Pipeline.execute", away)
    for _ in range(10):
        assert counts.take("x", 10)[1]
        with pytest.raises(RedisAway):
            await counts.share()
    assert not counts.take("x", 10)[1]


async def test_who_asks_seldom_costs_redis_nothing(house: House, prefix: str):
    redis = services(house).redis
    counts = Counts(redis, prefix, lambda: A_NOON)
    for _ in range(5):
        counts.take("x", 600)
    await counts.share()
    assert not await redis.exists(f"{prefix}:asked:{int(A_NOON // 60)}:x")
    counts.take("x", 600)
    await counts.share()
    assert await redis.get(f"{prefix}:asked:{int(A_NOON // 60)}:x") == "6"


async def test_a_crowd_at_home_is_free_by_address_and_an_account_is_not(house: House):
    at_home = replace(house.settings, embedded=True, proxy_hops=0)
    async with open_web(at_home) as app:
        home = House(at_home, "http://localhost", app.extensions["ticketflow"].database, app)
        counts_of(home)._clock = lambda: A_NOON
        async with home.visitor() as visitor, home.visitor() as fan:
            for _ in range(MOST + 5):
                assert (await visitor.get("/api/events")).status_code == 200
            await fan.register()
            statuses = [(await fan.get("/api/me")).status_code for _ in range(MOST + 1)]
            assert statuses == [200] * MOST + [429]


async def test_without_numbers_there_are_no_limits(house: House):
    """The control: what is refused above is refused for the settings' sake."""
    free = replace(house.settings, requests_per_address=0, requests_per_account=0)
    async with in_process(free) as without, without.visitor() as visitor:
        statuses = {(await visitor.get("/api/events", headers=HERE)).status_code for _ in range(2 * MOST)}
    assert statuses == {200}


async def test_who_floods_a_socket_is_refused_and_then_let_go(house: House, sale: Sale):
    """Two a second and four at once; ten seconds' worth of refusals, and it is closed."""
    async with house.visitor() as fan:
        await fan.register()
        async with desk_line(house, sale, fan) as line:
            statuses = [(await line.ask("fly"))["status"] for _ in range(8)]
            assert statuses[:4] == [422] * 4
            assert 429 in statuses
            for _ in range(40):
                await line._socket.send('{"id":1,"do":"fly"}')
            assert (await line.next("reconnect"))["after"] == 30


async def test_reading_and_writing_are_told_apart():
    assert {limits.family_of("bookings.every", method).name for method in SAFE} == {"read"}
    assert limits.family_of("bookings.book", "POST").name == "write"
    assert limits.family_of(None, "POST").name == "write"
    assert limits.family_of(None, "BREW").name == "write"

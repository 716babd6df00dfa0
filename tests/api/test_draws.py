"""The draw over HTTP: nothing of it before the doors open, all of it after."""

import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import select

from tests.api.support import cookies_of, desk_line, is_problem, made_sale, open_sale, services
from tests.api.test_routes import routes
from tests.house import House, Sale, Visitor, eventually
from tests.leaks import tells_number, tells_secret
from ticketflow.domain import iso, now
from ticketflow.store import rooms as records
from ticketflow.store.tables import metadata
from waiting_room.__main__ import main as verify
from waiting_room.draw import commitment, draw_number

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(loop_scope="package")
async def organiser(house: House, sale: Sale) -> AsyncIterator[Visitor]:
    async with house.visitor() as visitor:
        await visitor.sign_in(sale.organiser_email)
        yield visitor


@pytest_asyncio.fixture(loop_scope="package")
async def lobby(organiser: Visitor) -> Sale:
    """A sale whose lobby is open, and whose doors open in an hour."""
    return await made_sale(organiser, lobby_opens_at=iso(now() - timedelta(minutes=1)))


async def seed_of(house: House, sale: Sale) -> bytes:
    record = await records.by_event(house.database, sale.event_id)
    assert record is not None
    return record.seed


async def turn(organiser: Visitor, sale: Sale, mode: str) -> None:
    """Steer the room; this process has heard of it when the answer comes."""
    levers = {"mode": mode, "rate_per_minute": 0}
    answer = await organiser.patch(f"/api/organiser/events/{sale.event_id}/room", json=levers)
    assert answer.status_code == 200, answer.text


async def facts(visitor: Visitor, sale: Sale) -> dict[str, Any]:
    answer = await visitor.get(f"/api/events/{sale.event_id}/draw")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def join(house: House, sale: Sale) -> tuple[str, str]:
    """A new fan's ticket, and their name in the draw."""
    async with house.visitor() as fan:
        ticket = (await fan.join(sale)).json()["ticket"]
    room = await services(house).rooms.of(sale.event_id)
    return ticket, room.read_ticket(ticket).visitor


async def told_over_http(house: House, sale: Sale, *visitors: Visitor) -> str:
    """All that every GET route of the house answers, headers too, to each of the visitors."""
    given = {"<int:event_id>": sale.event_id, "<int:room_id>": sale.event_id, "<slug>": sale.slug}
    told = []
    for route in routes(house):
        method, path = route.split(" ")
        if method != "GET" or "<path:" in path:
            continue
        for name, value in given.items():
            path = path.replace(name, str(value))
        for visitor in visitors:
            answer = await visitor.get(path)
            told.append(f"{path} {answer.status_code} {dict(answer.headers)} {answer.text}")
    assert len(told) > 20 * len(visitors)
    return "\n".join(told)


@asynccontextmanager
async def control_room(house: House, sale: Sale, organiser: Visitor) -> AsyncIterator[Any]:
    assert house.app is not None
    headers = {"Cookie": cookies_of(organiser)}
    async with house.app.test_client().websocket(f"/ws/organiser/{sale.event_id}", headers=headers) as socket:
        yield socket


async def told_over_sockets(house: House, sale: Sale, fan: Visitor, organiser: Visitor) -> str:
    async with desk_line(house, sale, fan) as line, control_room(house, sale, organiser) as desk:
        told = [
            await line.ask("join"),
            await line.next("place"),
            await line.ask("claim"),
            await desk.receive(),
        ]
    return json.dumps(told)


async def kept_in_redis(house: House) -> str:
    """Everything this house has in Redis, as Python writes the bytes."""
    redis: Any
    async with Redis.from_url(house.settings.redis_url) as redis:
        read = {b"hash": redis.hgetall, b"set": redis.smembers, b"stream": redis.xrange, b"string": redis.get}
        read[b"list"] = lambda key: redis.lrange(key, 0, -1)
        read[b"zset"] = lambda key: redis.zrange(key, 0, -1, withscores=True)
        keys = [key async for key in redis.scan_iter(f"{house.settings.redis_prefix}:*")]
        found = {key: await read[await redis.type(key)](key) for key in keys}
    assert any(key.endswith(b":draw") for key in found)
    return repr(found)


async def kept_in_other_tables(house: House) -> str:
    tables = [table for name, table in metadata.tables.items() if name != "rooms"]
    return repr([[tuple(row) for row in await house.database.fetch_all(select(t))] for t in tables])


async def test_before_the_doors_open_the_seed_and_the_number_are_nowhere(
    house: House, lobby: Sale, organiser: Visitor, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    seed = await seed_of(house, lobby)
    async with house.visitor() as fan:
        await fan.register()
        joined = await fan.join(lobby)
        ticket = joined.json()["ticket"]
        visitor = (await services(house).rooms.of(lobby.event_id)).read_ticket(ticket).visitor
        told = [f"{dict(joined.headers)} {joined.text}", await told_over_http(house, lobby, fan, organiser)]
        told.append(await told_over_sockets(house, lobby, fan, organiser))
        assert commitment(seed) in told[1]
        assert not any(tells_number(text, draw_number(seed, visitor)) for text in told)
        inside = [await kept_in_redis(house), await kept_in_other_tables(house), caplog.text]
        inside.append(repr(await records.by_event(house.database, lobby.event_id)))
        assert not any(tells_secret(text, seed) for text in (*told, *inside))
        # The same search finds both as soon as they may be told.
        await turn(organiser, lobby, "open")
        after = await told_over_http(house, lobby, fan)
        assert tells_secret(after, seed)
        assert tells_number(after, draw_number(seed, visitor))


async def test_the_call_tells_the_commitment_first_and_the_rest_after(
    house: House, lobby: Sale, organiser: Visitor
):
    seed = await seed_of(house, lobby)
    await join(house, lobby)
    before: dict[str, Any] = {"commitment": commitment(seed), "opened": False}
    before |= dict.fromkeys(["seed", "entrants", "digest"])
    assert await facts(organiser, lobby) == before
    is_problem(await organiser.get(f"/api/events/{lobby.event_id + 1_000_000}/draw"), 404, "not_found")
    await turn(organiser, lobby, "open")
    after = {"commitment": commitment(seed), "seed": seed.hex(), "entrants": 1, "opened": True}
    said = await facts(organiser, lobby)
    digest = said.pop("digest")
    assert said == after
    assert digest in (await organiser.get(f"/events/{lobby.slug}/draw")).text
    assert f"\ndigest {digest}\n" in (await organiser.get(f"/events/{lobby.slug}/draw/list.txt")).text


async def test_the_list_is_refused_before_and_can_be_verified_after(
    house: House, lobby: Sale, organiser: Visitor, tmp_path: Any, capsys: pytest.CaptureFixture[str]
):
    fans = [(await join(house, lobby))[1] for _ in range(12)]
    where = f"/events/{lobby.slug}/draw/list.txt"
    refused = await organiser.get(where, headers={"Accept": "application/json"})
    is_problem(refused, 409, "not_drawn")
    await turn(organiser, lobby, "open")
    late = (await join(house, lobby))[1]
    answer = await organiser.get(where)
    assert (answer.status_code, int(answer.headers["Content-Length"])) == (200, len(answer.content))
    path = tmp_path / "list.txt"
    path.write_bytes(answer.content)
    committed = (await facts(organiser, lobby))["commitment"]
    assert verify(["verify", str(path), "--commitment", committed, f"--visitor={fans[0]}"]) == 0
    assert "12 entrants, all numbers and the order are right." in capsys.readouterr().out
    assert late not in answer.text


async def test_the_page_tells_a_fan_their_number_and_place(house: House, lobby: Sale, organiser: Visitor):
    seed, where = await seed_of(house, lobby), f"/events/{lobby.slug}/draw"
    fans = [await join(house, lobby) for _ in range(5)]
    by_number = sorted((visitor for _, visitor in fans), key=lambda visitor: draw_number(seed, visitor))
    async with house.visitor() as fan, house.visitor() as late:
        fan.cookies.set(f"queue_{lobby.event_id}", fans[0][0])
        page = (await fan.get(where)).text
        assert ("You are in the draw" in page, fans[0][1] in page) == (True, True)
        await turn(organiser, lobby, "open")
        page = (await fan.get(where)).text
        place = by_number.index(fans[0][1]) + 1
        assert f'data-test="drawn-place" data-digits="1">{place}<' in page
        assert f">{draw_number(seed, fans[0][1])}<" in page
        another = (await late.get(where, params={"visitor": by_number[2]})).text
        assert 'data-test="drawn-place" data-digits="1">3<' in another
        await late.join(lobby)
        assert "You came after the opening" in (await late.get(where)).text


async def test_what_a_link_asks_for_gets_into_no_command_and_no_markup(lobby: Sale, organiser: Visitor):
    await turn(organiser, lobby, "open")
    for bad in ("<b>x</b>", "x'; reboot '", "$(reboot)", "`reboot`", "\x00", "é" * 500):
        page = (await organiser.get(f"/events/{lobby.slug}/draw", params={"visitor": bad})).text
        assert "Not in the draw" in page
        assert "<b>x" not in page
        assert "--visitor=ENTRANT<" in page
    page = (await organiser.get(f"/events/{lobby.slug}/draw", params={"visitor": "-a_B9"})).text
    assert "--visitor=-a_B9<" in page


async def test_a_sale_without_a_lobby_has_no_draw(house: House, sale: Sale):
    async with house.visitor() as anybody:
        is_problem(await anybody.get(f"/api/events/{sale.event_id}/draw"), 404, "no_draw")
        page = await anybody.get(f"/events/{sale.slug}/draw")
        assert (page.status_code, "who comes first is served first" in page.text) == (404, True)
        assert f"/events/{sale.slug}/draw" not in (await anybody.get(f"/events/{sale.slug}")).text


async def test_a_lobby_that_was_opened_by_hand_has_one(house: House):
    sale = await open_sale(house, sale_starts_in=timedelta(hours=-1), mode="paused", opened=False)
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        is_problem(await organiser.get(f"/api/events/{sale.event_id}/draw"), 404, "no_draw")
        await turn(organiser, sale, "lobby")
        assert not (await facts(organiser, sale))["opened"]


async def test_a_seed_that_was_told_stays_told_in_a_lobby_and_after_a_loss(
    house: House, lobby: Sale, organiser: Visitor
):
    ticket, visitor = await join(house, lobby)
    await turn(organiser, lobby, "open")
    told = await facts(organiser, lobby)
    await turn(organiser, lobby, "lobby")
    assert await facts(organiser, lobby) == told
    room = await services(house).rooms.of(lobby.event_id)
    await services(house).redis.delete(*room.keys.touched)
    assert (await facts(organiser, lobby))["seed"] == told["seed"]

    async def is_back() -> bool:
        return bool(await services(house).redis.exists(room.keys.room))

    await eventually(is_back)
    _, newcomer = await join(house, lobby)
    assert (await room.look(ticket)).order == draw_number(bytes.fromhex(told["seed"]), visitor)
    assert [entrant async for entrant in room.entrants()] == [visitor]
    assert newcomer != visitor


async def test_no_seed_is_told_while_the_opening_cannot_be_kept(
    house: House, lobby: Sale, organiser: Visitor, monkeypatch: pytest.MonkeyPatch
):
    """Were it told first, a crash could bring the room back as a lobby that draws with a seed all know."""

    async def broken(*_: object) -> None:
        raise OSError("no database")

    await turn(organiser, lobby, "open")
    seed = await seed_of(house, lobby)
    monkeypatch.setattr(records, "note_opened", broken)
    for path in (f"/api/events/{lobby.event_id}/draw", f"/events/{lobby.slug}/draw"):
        answer = await organiser.get(path)
        assert (answer.status_code >= 500, tells_secret(answer.text, seed)) == (True, False)
    monkeypatch.undo()
    assert (await facts(organiser, lobby))["seed"] == seed.hex()
    record = await records.by_event(house.database, lobby.event_id)
    assert record is not None
    assert record.frontier >= 1


async def test_the_list_grows_with_those_who_come_back(
    house: House, lobby: Sale, organiser: Visitor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ticketflow.live.draws.REST_SECONDS", 0.0)
    fans = [await join(house, lobby) for _ in range(3)]
    await turn(organiser, lobby, "open")
    assert (await facts(organiser, lobby))["entrants"] == 3
    room = await services(house).rooms.of(lobby.event_id)
    redis = services(house).redis
    await redis.delete(room.keys.draw)
    assert (await facts(organiser, lobby))["entrants"] == 0
    await redis.zrem(room.keys.waiting, fans[0][1])
    await room.look(fans[0][0])
    assert (await facts(organiser, lobby))["entrants"] == 1


async def test_a_page_does_not_wait_for_a_long_list(
    house: House, lobby: Sale, organiser: Visitor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ticketflow.web.draws.PATIENCE_SECONDS", 0.0)
    _, visitor = await join(house, lobby)
    await turn(organiser, lobby, "open")
    told = await facts(organiser, lobby)
    assert (told["opened"], told["entrants"]) == (True, None)
    page = (await organiser.get(f"/events/{lobby.slug}/draw", params={"visitor": visitor})).text
    assert "The list is being written just now" in page
    assert f">{draw_number(bytes.fromhex(told['seed']), visitor)}<" in page
    assert visitor in (await organiser.get(f"/events/{lobby.slug}/draw/list.txt")).text


async def page_of(visitor: Visitor, sale: Sale, name: str) -> str:
    """The words of a page of the sale that can be seen without JavaScript."""
    text = (await visitor.get(f"/events/{sale.slug}{name}")).text
    text = re.sub(r"<(\w+)[^>]* hidden>.*?</\1>", "", text, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


async def test_a_lobby_that_was_paused_still_draws_and_one_that_was_open_says_it_does_not(
    house: House, lobby: Sale, organiser: Visitor
):
    seed = await seed_of(house, lobby)
    async with house.visitor() as fan:
        assert (await fan.join(lobby)).json()["opens_at"]
        assert "drawn into one order at random" in await page_of(fan, lobby, "/queue")
        await turn(organiser, lobby, "paused")
        await turn(organiser, lobby, "lobby")
        assert not (await facts(organiser, lobby))["opened"]
        assert not tells_secret(await told_over_http(house, lobby, fan, organiser), seed)
        queue = await page_of(fan, lobby, "/queue")
        assert "drawn into one order at random" in queue
        # The event's page has both sentences, and shows the one that its mark says; the queue's hides one.
        assert 'data-by-hand="yes"' in (await fan.get(f"/events/{lobby.slug}")).text
        for page in (queue, await page_of(fan, lobby, "/draw")):
            assert ("opens the sale by hand" in page, "The sale starts " in page) == (True, False)
        await turn(organiser, lobby, "open")
        await turn(organiser, lobby, "lobby")
        assert 'data-opened="yes"' in (await fan.get(f"/events/{lobby.slug}")).text
        for name in ("/queue", "/draw"):
            page = await page_of(fan, lobby, name)
            assert ("nothing" in page, "first come, first served" in page) == (True, True)
            assert "drawn into one order at random" not in page
            assert "drawn into a fair order" not in page
        assert f"/events/{lobby.slug}/queue" in (await fan.get(f"/events/{lobby.slug}/draw")).text


async def test_pressing_lobby_in_a_lobby_keeps_its_time(house: House, lobby: Sale, organiser: Visitor):
    await turn(organiser, lobby, "lobby")
    record = await records.by_event(house.database, lobby.event_id)
    assert record is not None
    assert not record.manual
    assert (await (await services(house).rooms.of(lobby.event_id)).policy()).opens_at
    await turn(organiser, lobby, "paused")
    record = await records.by_event(house.database, lobby.event_id)
    assert record is not None
    assert record.manual

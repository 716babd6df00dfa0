"""The queue page as the server writes it: all there is to know, for who has no script."""

import re
import time
from dataclasses import replace
from typing import Any

import pytest

from tests.api.support import open_sale, services
from tests.house import House, Sale, Visitor
from tests.waiting_room.support import miss_turn
from ticketflow.web.waiting import share_done, view
from waiting_room import Mode, RoomPolicy, Standing, State
from waiting_room.promise import Promise, Slower, Window

pytestmark = pytest.mark.asyncio(loop_scope="package")
RATE = '{% import "_parts.html" as parts %}{{ parts.rate(standing) }}'
POLICY = RoomPolicy(Mode.OPEN, 60, 100)


async def page_of(visitor: Visitor, sale: Sale) -> str:
    """The page of somebody's place, from its title on."""
    page = await visitor.get(f"/events/{sale.slug}/queue")
    assert page.status_code == 200
    return page.text[page.text.index("<title>") :]


def said_now(page: str) -> str:
    """The one sentence, of those in the page, that its style sheet shows."""
    (name,) = re.findall(r'data-now="(\w+)"', page)
    (words,) = re.findall(rf'<p data-if="{name}">(.*?)</p>', page)
    return re.sub(r"<[^>]+>", "", words)


def looks_again(page: str) -> int | None:
    """After how many seconds a page without a script does."""
    found = re.search(r'<noscript><meta http-equiv="refresh" content="(\d+)"></noscript>', page)
    return int(found[1]) if found else None


def waiting(low: float, high: float, **given: object) -> Standing:
    """A place whose turn is said to come between so many seconds from now."""
    standing = Standing(
        state=State.WAITING,
        visitor="fan",
        order=1,
        epoch=1,
        ticket="ticket",
        place=9,
        ahead=8,
        waiting=20,
        promise=Promise(0, Window(low, high)),
        rate_per_minute=60,
        claim_by=None,
        expires_at=None,
        message="",
        mode=Mode.OPEN,
        new=False,
    )
    return replace(standing, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(("low", "seconds"), [(0, 3), (45, 4), (200, 20), (4_000, 30)])
async def test_the_nearer_the_turn_the_sooner_the_page_looks_again(low: int, seconds: int):
    assert view(waiting(low, low + 30), POLICY, first=9)["look_again"] == seconds


@pytest.mark.parametrize("state", [State.ACTIVE, State.DONE, State.LEFT])
async def test_a_page_that_only_the_fan_moves_on_stays_as_it_is(state: State):
    assert view(waiting(5, 6, state=state), POLICY, first=9)["look_again"] is None


async def test_the_wait_is_told_as_times_of_day_too():
    told = view(waiting(100, 200), POLICY, first=9)
    assert [round((at - told["at"]).total_seconds()) for at in told["turn_between"]] == [100, 260]
    assert view(waiting(100, 200, promise=None), POLICY, first=9)["turn_between"] is None


@pytest.mark.parametrize(
    ("first", "place", "percent"),
    [(None, None, 0), (1, 1, 100), (9, 9, 0), (9, 5, 50), (9, 2, 87), (9, 1, 100), (1_000_000, 999_999, 0)],
)
async def test_the_share_of_the_way_that_is_done(first: int | None, place: int | None, percent: int):
    assert share_done(first, place) == percent


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "Up to 1,234 people a minute are let in"),
        (
            {"slower": Slower.DESK_FULL},
            "Up to 1,234 people a minute are let in; now one comes in as one goes out",
        ),
        ({"window": None}, "Nobody is let in at the moment"),
    ],
)
async def test_the_rate_is_told_as_the_limit_that_it_is(house: House, told: dict[str, Any], words: str):
    promise = Promise(**{"at": 0, "window": Window(60, 300), **told})
    standing = view(waiting(60, 300, promise=promise, rate_per_minute=1_234), POLICY, first=9)
    assert house.app is not None
    template = house.app.jinja_env.from_string(RATE)
    written = await template.render_async(standing=standing)
    assert re.sub(r"<[^>]+>", "", written) == words


async def test_the_way_done_is_kept_from_one_load_to_the_next(house: House):
    sale = await open_sale(house, mode="paused")
    async with house.visitor() as one, house.visitor() as two, house.visitor() as fan:
        for visitor in (one, two, fan):
            await visitor.join(sale)
        page = await page_of(fan, sale)
        assert "<title>Place 3: " in page
        assert "data-done>0<" in page
        for visitor, place, percent in ((one, 2, 50), (two, 1, 100)):
            await visitor.delete(f"/api/events/{sale.event_id}/queue")
            page = await page_of(fan, sale)
            assert f"<title>Place {place}: " in page
            assert f'aria-valuenow="{percent}"' in page
            assert f"data-done>{percent}<" in page


async def test_each_state_says_itself_by_title_and_words(house: House):
    sale = await open_sale(house, mode="paused")
    found = services(house)
    room = await found.rooms.of(sale.event_id)
    async with house.visitor() as fan, house.visitor() as called:
        ticket = (await fan.join(sale)).json()["ticket"]
        visitor = room.read_ticket(ticket).visitor
        await miss_turn(found.redis, room, visitor)
        page = await page_of(fan, sale)
        assert "<title>Your place is kept: " in page
        assert " data-lapsed>" not in page
        # Over since a second: of what is over for a day the room's next tick would know nothing any more.
        await found.redis.zadd(room.keys.missed, {visitor: int((time.time() - 1) * 1e6)})
        page = await page_of(fan, sale)
        assert " data-lapsed>" in page
        assert "Nothing was booked and nothing was charged." in page
        await room.leave(ticket)
        page = await page_of(fan, sale)
        assert "<title>The line: " in page
        assert looks_again(page) is None
        await room.steer(mode=Mode.OPEN)
        await called.join(sale)
        page = await page_of(called, sale)
        assert "<title>Your turn: " in page
        assert re.search(r"Come in by <time [^>]*>\d\d:\d\d UTC<", page)
        assert looks_again(page) == 15


async def test_what_is_left_and_what_may_come_back(house: House):
    sale = await open_sale(house, per_user_limit=20)
    room = await services(house).rooms.of(sale.event_id)
    async with house.visitor() as buyer, house.visitor() as fan:
        await buyer.register()
        await buyer.come_in(sale)
        await room.steer(mode=Mode.PAUSED)
        await fan.join(sale)
        assert said_now(await page_of(fan, sale)).startswith("Nobody is let in")
        hold = (await buyer.hold(sale, 20)).json()["id"]
        await services(house).hub.refresh()
        page = await page_of(fan, sale)
        assert (
            said_now(page)
            == "No ticket is free just now. 20 held by others may come back; this page says so at once."
        )
        assert 'data-told="none"' in page
        shown = (await fan.get(f"/api/events/{sale.event_id}")).json()["ticket_types"][0]
        assert (shown["remaining"], shown["held"]) == (0, 20)
        assert (await buyer.book(hold)).status_code == 201
        await services(house).hub.refresh()
        assert said_now(await page_of(fan, sale)).startswith("Every ticket is sold.")
        shown = (await fan.get(f"/api/events/{sale.event_id}")).json()["ticket_types"][0]
        assert (shown["remaining"], shown["held"]) == (0, 0)


async def test_enough_for_everybody_ahead_is_told(house: House):
    sale = await open_sale(house, mode="paused", per_user_limit=4)
    async with house.visitor() as ahead, house.visitor() as fan:
        for visitor in (ahead, fan):
            await visitor.join(sale)
        await services(house).hub.refresh()
        page = await page_of(fan, sale)
        assert 'data-told="sure"' in page
        assert "At least 16 will be left" in re.sub(r"<[^>]+>", "", page)

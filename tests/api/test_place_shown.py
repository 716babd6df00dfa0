"""What the queue page says of the place, from one load to the next, without its script."""

import re

import pytest

from tests.api.support import open_sale, services
from tests.house import House, Sale, Visitor
from tests.waiting_room.support import miss_turn
from ticketflow.web import pages

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def crowd(visitor: Visitor, sale: Sale) -> tuple[str, str, str]:
    """Place, how many are ahead and how many behind, as the page says them."""
    page = await visitor.get(f"/events/{sale.slug}/queue")
    assert page.status_code == 200
    count = r"<data [^>]*>(\d+)<"
    shown = rf"data-place>(.+?)<.*data-behind>{count}.*data-ahead>{count}"
    found = re.search(shown, page.text, re.DOTALL)
    assert found, page.text
    return found[1], found[3], found[2]


async def after_others_came_back(house: House, fan: Visitor, sale: Sale) -> tuple[str, str, str]:
    """The page of a fan who was first, until two came back to turns they had missed."""
    found = services(house)
    room = await found.rooms.of(sale.event_id)
    async with house.visitor() as one, house.visitor() as two, house.visitor() as last:
        tickets = [(await visitor.join(sale)).json()["ticket"] for visitor in (one, two)]
        await fan.join(sale)
        await last.join(sale)
        assert await crowd(fan, sale) == ("3", "2", "1")
        for ticket in tickets:
            await miss_turn(found.redis, room, room.read_ticket(ticket).visitor)
        assert await crowd(fan, sale) == ("1", "0", "1")
        for visitor in (one, two):
            assert (await visitor.join(sale)).json()["state"] == "waiting"
        return await crowd(fan, sale)


async def test_a_shown_place_does_not_rise_by_a_reload(house: House):
    sale = await open_sale(house, mode="paused")
    async with house.visitor() as fan:
        assert await after_others_came_back(house, fan, sale) == ("1", "0", "3")


async def test_control_without_its_memory_it_rises(house: House, monkeypatch):
    monkeypatch.setattr(pages, "as_shown", lambda standing, *of: standing)
    sale = await open_sale(house, mode="paused")
    async with house.visitor() as fan:
        assert await after_others_came_back(house, fan, sale) == ("3", "2", "1")


async def test_a_new_place_starts_anew(house: House):
    sale = await open_sale(house, mode="paused")
    async with house.visitor() as fan:
        await after_others_came_back(house, fan, sale)
        await fan.post(f"/events/{sale.slug}/queue/leave")
        await fan.post(f"/events/{sale.slug}/queue")
        # The last one, who was behind, is ahead now.
        assert await crowd(fan, sale) == ("4", "3", "0")


async def test_a_wait_after_a_missed_turn_is_another_one(house: House):
    sale = await open_sale(house, mode="paused")
    found = services(house)
    room = await found.rooms.of(sale.event_id)
    async with house.visitor() as fan, house.visitor() as other:
        tickets = [(await visitor.join(sale)).json()["ticket"] for visitor in (other, fan)]
        for ticket in tickets:
            await miss_turn(found.redis, room, room.read_ticket(ticket).visitor)
            await crowd(fan, sale)
        page = await fan.get(f"/events/{sale.slug}/queue")
        assert re.search(r"data-missed-until>until <time [^>]*>\d\d:\d\d UTC<", page.text)
        for visitor in (other, fan):
            await visitor.join(sale)
        assert (await crowd(fan, sale))[0] == "2"


@pytest.mark.parametrize(
    "rubbish",
    [
        "",
        "x",
        "{mark}",
        "{mark}.",
        "{mark}.0",
        "{mark}.-1",
        "{mark}.1e0",
        "{mark}.٣",
        "{mark}.1.",
        "{mark}.1.0",
        "{mark}.1.2.3",
        "{mark}." + "9" * 4000,
        "x.1",
    ],
)
async def test_rubbish_in_the_cookie_is_as_good_as_none(house: House, rubbish: str):
    sale = await open_sale(house, mode="paused")
    async with house.visitor() as ahead, house.visitor() as fan:
        await ahead.join(sale)
        ticket = (await fan.join(sale)).json()["ticket"]
        room = await services(house).rooms.of(sale.event_id)
        cookie = rubbish.format(mark=room.mark(await room.look(ticket)))
        sent = f"queue_{sale.event_id}={ticket}; queue_{sale.event_id}_shown={cookie}"
        page = await fan.get(f"/events/{sale.slug}/queue", headers={b"Cookie": sent.encode()})
        assert page.status_code == 200
        assert "data-place>2<" in page.text


async def test_the_page_tells_no_order_and_its_script_may_write_the_cookie(house: House):
    sale = await open_sale(house, mode="paused")
    async with house.visitor() as fan:
        ticket = (await fan.join(sale)).json()["ticket"]
        standing = await (room := await services(house).rooms.of(sale.event_id)).look(ticket)
        page = await fan.get(f"/events/{sale.slug}/queue")
        kept = next(c for c in page.headers.get_list("Set-Cookie") if "_shown=" in c)
        assert kept.startswith(f"queue_{sale.event_id}_shown={room.mark(standing)}.1.1;")
        assert "HttpOnly" not in kept
        assert "SameSite=Lax" in kept
        assert "Path=/" in kept
        assert str(standing.order) not in page.text + kept

"""A fan's place belongs to the fan: a refresh, a second tab or a lost connection does not change it."""

import re
from pathlib import Path
from urllib.parse import quote

from playwright.async_api import Browser, Page, WebSocketRoute, expect
from redis.asyncio import Redis

from tests.browser.stage import hook, seen, take_place, two_processes
from tests.house import House, Sale, make_sale
from tests.waiting_room.support import miss_turn
from ticketflow.settings import Settings
from waiting_room import WaitingRoom


async def test_refresh_second_tab_and_leaving(settings: Settings, browser: Browser, tmp_path: Path):
    sale = await make_sale(settings, mode="paused")
    async with two_processes(settings, tmp_path, sale, browser) as (house, stage):
        fan = await stage.person()
        await take_place(fan, sale)
        await somebody_joins(house, sale)
        await first_of_two(fan)
        await fan.reload()
        await first_of_two(fan)
        tab = await fan.context.new_page()
        await tab.goto(f"/events/{sale.slug}")
        await tab.get_by_role("link", name="Back to your place").click()
        await first_of_two(tab)
        await fan.close()
        await somebody_joins(house, sale)
        await expect(tab.get_by_text("2 behind you")).to_be_visible()
        await expect(hook(tab, "place")).to_have_text("1")
        await leaving_is_asked_about_and_then_done(tab, sale)


async def test_a_shown_place_does_not_rise_by_a_reload(
    settings: Settings, browser: Browser, tmp_path: Path, redis: Redis
):
    sale = await make_sale(settings, mode="paused")
    async with two_processes(settings, tmp_path, sale, browser) as (house, stage), house.visitor() as ahead:
        ticket = (await ahead.join(sale)).json()["ticket"]
        fan = await stage.person()
        await take_place(fan, sale)
        await expect(hook(fan, "place")).to_have_text("2")
        room = WaitingRoom(
            redis, f"event:{sale.event_id}", secrets=settings.secret_keys, prefix=settings.redis_prefix
        )
        # The page has no other way to hear of it than its socket: what it keeps, its script has kept.
        await miss_turn(redis, room, room.read_ticket(ticket).visitor)
        await expect(hook(fan, "place")).to_have_text("1")
        assert (await ahead.join(sale)).json()["place"] == 1
        # A frame from before they came back would say 1 after the reload, too.
        await first_of_two(fan)
        await first_after_a_reload(house, sale, fan)
        cookie = f"queue_{sale.event_id}_shown"
        await fan.context.clear_cookies(name=cookie)
        await fan.reload()
        await expect(hook(fan, "place")).to_have_text("2")
        assert stage.complaints == []


async def first_after_a_reload(house: House, sale: Sale, fan: Page) -> None:
    """The place after a reload is 1, and still is when the page has heard of one who joins meanwhile."""
    await fan.reload()
    await first_of_two(fan)
    await somebody_joins(house, sale)
    await expect(fan.get_by_text("2 behind you")).to_be_visible()
    await expect(hook(fan, "place")).to_have_text("1")


SPOIL = """document.addEventListener("readystatechange", () => {
  const spoilt = new URLSearchParams(location.search).get("spoilt");
  if (spoilt) document.querySelector("[data-room]").dataset.wait = spoilt;
}, { once: true });"""


async def test_no_wait_in_the_page_however_absurd_stops_its_script(
    settings: Settings, browser: Browser, tmp_path: Path
):
    sale = await make_sale(settings, mode="paused")
    async with two_processes(settings, tmp_path, sale, browser) as (house, stage):
        fan = await stage.person()
        await take_place(fan, sale)
        await fan.add_init_script(SPOIL)
        for behind, wait in enumerate(["1e300 1e301", "NaN Infinity", "7", "soon at once", "60 9", "{"], 1):
            await fan.goto(f"/events/{sale.slug}/queue?spoilt={quote(wait)}")
            await somebody_joins(house, sale)
            await expect(fan.get_by_text(f"{behind} behind you")).to_be_visible()
        assert stage.complaints == []


async def somebody_joins(house: House, sale: Sale) -> None:
    async with house.visitor() as somebody:
        assert (await somebody.join(sale)).json()["state"] == "waiting"


async def first_of_two(page: Page) -> None:
    await expect(hook(page, "place")).to_have_text("1")
    await expect(page.get_by_text("1 behind you")).to_be_visible()


async def leaving_is_asked_about_and_then_done(page: Page, sale: Sale) -> None:
    await seen(page, "leave").click()
    await page.get_by_role("button", name="Stay").click()
    await expect(hook(page, "place")).to_have_text("1")
    await seen(page, "leave").click()
    await seen(page, "leave-confirm").click()
    await expect(page).to_have_url(f"/events/{sale.slug}")
    await take_place(page, sale)
    await expect(hook(page, "place")).to_have_text("3")


async def test_a_broken_connection_heals_by_itself(settings: Settings, browser: Browser, tmp_path: Path):
    sale = await make_sale(settings, mode="paused")
    async with two_processes(settings, tmp_path, sale, browser) as (house, stage), house.visitor() as ahead:
        fan = await stage.person()
        line = Line()
        await fan.context.route_web_socket("**/ws/**", line.connect)
        await fan.clock.install()
        await ahead.join(sale)
        await take_place(fan, sale)
        await expect(hook(fan, "place")).to_have_text("2")
        await expect(fan.locator("[data-room]")).not_to_have_attribute("data-stale", "")
        await expect(fan.get_by_text("At least 496 will be left at your turn")).to_be_visible()
        await line.cut()
        await fan.context.set_offline(True)
        await fan.evaluate(OFFLINE)
        await the_last_place_stands_greyed(fan)
        await ahead.delete(f"/api/events/{sale.event_id}/queue")
        line.repair()
        await fan.context.set_offline(False)
        await expect(hook(fan, "place")).to_have_text("1")
        await expect(fan.locator(".place-label")).to_have_text("Your place")
        await expect(fan.get_by_text("At least 500 will be left at your turn")).to_be_visible()
        await expect(fan.get_by_text("You are offline.")).to_be_hidden()
        await the_way_done_is_kept(fan)


OFFLINE = "new Promise((done) => navigator.onLine ? addEventListener('offline', () => done()) : done())"


async def the_last_place_stands_greyed(fan: Page) -> None:
    """Within two seconds of the page's own time, however long they take here."""
    await fan.clock.run_for(2_000)
    assert await fan.get_by_text("You are offline. Your place is kept.").is_visible()
    assert re.fullmatch(r"Your place, as of \d\d:\d\d", await fan.locator(".place-label").inner_text())
    assert await fan.locator("[data-room]").get_attribute("data-stale") == ""
    await expect(hook(fan, "place")).to_have_text("2")


async def the_way_done_is_kept(fan: Page) -> None:
    """From the second place to the first it is the whole way, after a reload as before it."""
    await expect(fan.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "100")
    await fan.reload()
    await expect(fan.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "100")
    await expect(fan.get_by_text("100% of the way")).to_be_visible()


class Line:
    """The way of sockets between a browser and the house, which can be cut and repaired."""

    def __init__(self) -> None:
        self._whole = True
        self._open: list[WebSocketRoute] = []

    async def connect(self, socket: WebSocketRoute) -> None:
        if not self._whole:
            await socket.close()
            return
        socket.connect_to_server()
        self._open.append(socket)

    async def cut(self) -> None:
        self._whole = False
        for socket in self._open:
            await socket.close()

    def repair(self) -> None:
        self._whole = True

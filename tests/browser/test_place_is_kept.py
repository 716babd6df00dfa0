"""A fan's place belongs to the fan: a refresh, a second tab or a lost connection does not change it."""

from pathlib import Path

from playwright.async_api import Browser, Page, WebSocketRoute, expect

from tests.browser.stage import hook, seen, take_place, two_processes
from tests.house import House, Sale, make_sale
from ticketflow.settings import Settings


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
    async with two_processes(settings, tmp_path, sale, browser) as (house, stage):
        fan = await stage.person()
        line = Line()
        await fan.context.route_web_socket("**/ws/**", line.connect)
        async with house.visitor() as ahead:
            await ahead.join(sale)
            await take_place(fan, sale)
            await expect(hook(fan, "place")).to_have_text("2")
            await fan.context.set_offline(True)
            await line.cut()
            await expect(fan.get_by_text("You are offline. Your place is kept.")).to_be_visible()
            await ahead.delete(f"/api/events/{sale.event_id}/queue")
        line.repair()
        await fan.context.set_offline(False)
        await expect(hook(fan, "place")).to_have_text("1")
        await expect(fan.get_by_text("You are offline.")).to_be_hidden()


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

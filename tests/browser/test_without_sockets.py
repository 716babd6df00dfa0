"""Where sockets are blocked the same journey goes by polling and HTTP."""

from pathlib import Path

from playwright.async_api import Browser, Page, WebSocketRoute, expect

from tests.browser.stage import Stage, hook, mark, seen, sign_in, take_place, two_processes, was_never_left
from tests.house import House, Sale, Visitor, make_sale
from ticketflow.settings import Settings


async def test_polling_carries_the_journey(settings: Settings, browser: Browser, tmp_path: Path):
    sale = await make_sale(settings, mode="paused")
    async with two_processes(settings, tmp_path, sale, browser) as (house, stage):
        fan = await without_sockets(stage)
        async with house.visitor() as ahead, house.visitor() as organiser:
            await ahead.join(sale)
            await with_an_account(fan, house)
            await take_place(fan, sale)
            await expect(fan.get_by_text("No live connection: looking every few seconds.")).to_be_visible()
            await mark(fan)
            await the_place_falls(fan, ahead, sale)
            await the_doors_open(fan, organiser, sale)
        await the_fan_books(fan)


async def without_sockets(stage: Stage) -> Page:
    async def refuse(socket: WebSocketRoute) -> None:
        await socket.close()

    fan = await stage.person()
    await fan.context.route_web_socket("**/ws/**", refuse)
    return fan


async def with_an_account(fan: Page, house: House) -> None:
    async with house.visitor() as account:
        await account.register()
        await sign_in(fan, account.email)
    await expect(fan.get_by_role("link", name="My tickets")).to_be_visible()


async def the_place_falls(fan: Page, ahead: Visitor, sale: Sale) -> None:
    await expect(hook(fan, "place")).to_have_text("2")
    await ahead.delete(f"/api/events/{sale.event_id}/queue")
    await expect(hook(fan, "place")).to_have_text("1")


async def the_doors_open(fan: Page, organiser: Visitor, sale: Sale) -> None:
    await organiser.sign_in(sale.organiser_email)
    opened = await organiser.patch(f"/api/organiser/events/{sale.event_id}/room", json={"mode": "open"})
    assert opened.status_code == 200
    await expect(seen(fan, "come-in")).to_be_visible()
    assert await was_never_left(fan)


async def the_fan_books(fan: Page) -> None:
    await seen(fan, "come-in").click()
    await seen(fan, "hold").click()
    await seen(fan, "pay").click()
    await expect(hook(fan, "booking-status")).to_have_text("Confirmed")
    await expect(hook(fan, "ticket")).to_have_count(1)

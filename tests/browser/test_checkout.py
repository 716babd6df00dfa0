"""The checkout with scripts: forth and back, more time once, and a ticket that tears off once."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

from playwright.async_api import Browser, Page, WebSocketRoute, expect

from tests.api.support import open_sale
from tests.browser.at_home import Home, at_home
from tests.browser.scales import Scales
from tests.browser.stage import (
    DESK,
    PHONE,
    Stage,
    hook,
    mark,
    seen,
    sign_in,
    two_processes,
    was_never_left,
)
from tests.house import House, Sale, make_sale
from ticketflow.settings import Settings
from ticketflow.store.events import NewTicketType

TYPES = (NewTicketType("Standing", 2500, 50), NewTicketType("Balcony", 4000, 2))
SHARE_LEFT = "(holes) => Number(getComputedStyle(holes).getPropertyValue('--left'))"


async def test_forth_and_back(settings: Settings, browser: Browser, tmp_path: Path):
    sale = await make_sale(settings, types=TYPES)
    async with two_processes(settings, tmp_path, sale, browser) as (house, stage):
        fan = await at_the_choice(house, stage, sale)
        await what_is_left_is_said(fan, sale)
        await the_way_back_gives_nothing_away(fan, sale)
        await more_time_is_given_once(fan)
        await what_is_given_back_is_chosen_again(fan, sale)
        await the_stub_tears_off_once(fan, sale)
        assert stage.complaints == []


FAST_CLOCK = """(() => {
  const { now } = Date;
  window.fast = 600_000;
  Date.now = () => now() + window.fast;
  const { timeOrigin } = performance;
  Object.defineProperty(performance, "timeOrigin", { get: () => timeOrigin + window.fast });
})();"""


async def test_the_time_is_the_desks_and_what_other_tabs_did_is_known(settings: Settings, browser: Browser):
    """A clock ten minutes fast; then, at zero, a hold extended in another tab, and then paid there."""
    settings = replace(settings, hold_seconds=420, hold_extension_seconds=240)
    async with at_home(settings, browser) as home:
        sale = await open_sale(home.house, types=TYPES)
        fan, other = await two_tabs(home, sale)
        await expect(fan.locator("[data-hold-clock]")).to_have_text(re.compile("^[67]:"))
        await expect(seen(fan, "pay")).to_be_visible()
        await seen(other, "more-time").click()
        await expect(other.get_by_text("With the extra time")).to_be_visible()
        await out_of_time(fan)
        await expect(fan.get_by_text("With the extra time")).to_be_visible()
        await expect(fan.locator("[data-hold-clock]")).to_have_text(re.compile("^1[01]:"))
        await expect(seen(fan, "pay")).to_be_visible()
        await seen(other, "pay").click()
        await expect(other).to_have_url(re.compile("/bookings/"))
        await seen(fan, "pay").click()
        await expect(fan).to_have_url(other.url)
        assert home.stage.complaints == []


async def test_a_late_refusal_moves_nothing(settings: Settings, browser: Browser):
    """The bank takes its time, and then says no: its words stand where others have waited for them."""
    async with at_home(settings, browser) as home:
        sale = await open_sale(home.house, types=TYPES)
        for window in (PHONE, DESK):
            fan = await home.stage.person(viewport=window)
            scales = await Scales.under(fan)
            the_bank_answers = await desk_held_back(fan)
            await at_the_pay_button(home.house, fan, sale)
            await fan.get_by_label("A card that is declined").check()
            await seen(fan, "pay").click()
            await expect(fan.get_by_text("Your bank is asked.")).to_be_visible()
            await fan.evaluate(LONG_AFTER_THE_PRESS)
            the_bank_answers.set()
            await expect(fan.get_by_text("Your tickets are still held")).to_be_in_viewport()
            await scales.note_shifts(fan)
            assert scales.weigh("declined").shift == 0, scales.story()
        assert home.stage.complaints == []


# What moves within half a second of a press counts as its effect: so Chromium, and so the scales.
LONG_AFTER_THE_PRESS = "new Promise((resume) => setTimeout(resume, 600))"


async def desk_held_back(page: Page) -> asyncio.Event:
    """Answers to the page's payment wait for the event that is given."""
    answered = asyncio.Event()

    def relay(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        paying = False

        def up(message: str | bytes) -> None:
            nonlocal paying
            paying = paying or '"do":"book"' in str(message)
            server.send(message)

        async def down(message: str | bytes) -> None:
            if paying:
                await answered.wait()
            socket.send(message)

        socket.on_message(up)
        server.on_message(down)

    await page.route_web_socket(re.compile("/ws/desk/"), relay)
    return answered


async def at_the_pay_button(house: House, fan: Page, sale: Sale) -> None:
    async with house.visitor() as account:
        await account.register()
        await account.come_in(sale)
        await sign_in(fan, account.email)
        await expect(fan).to_have_url("/")
        assert (await account.hold(sale)).status_code == 201
    await fan.goto(f"/events/{sale.slug}/checkout")
    await expect(seen(fan, "pay")).to_be_visible()


async def two_tabs(home: Home, sale: Sale) -> tuple[Page, Page]:
    """The checkout of one hold: on a clock that is fast, and beside it on one that is right."""
    fan = await home.stage.person()
    async with home.house.visitor() as account:
        await account.register()
        await account.come_in(sale)
        await sign_in(fan, account.email)
        await expect(fan.get_by_role("link", name="My tickets")).to_be_visible()
        assert (await account.hold(sale)).status_code == 201
    other = await fan.context.new_page()
    await fan.add_init_script(FAST_CLOCK)
    for tab in (fan, other):
        await tab.goto(f"/events/{sale.slug}/checkout")
    return fan, other


async def out_of_time(fan: Page) -> None:
    """The old end has come, as this page sees it: its clock is set on by another seven minutes."""
    await fan.evaluate("window.fast += 420_000")


async def at_the_choice(house: House, stage: Stage, sale: Sale) -> Page:
    fan = await stage.person(reduced_motion="no-preference")
    async with house.visitor() as account:
        await account.register()
    await sign_in(fan, account.email)
    await expect(fan.get_by_role("link", name="My tickets")).to_be_visible()
    await fan.goto(f"/events/{sale.slug}")
    await seen(fan, "join").click()
    await expect(seen(fan, "hold")).to_be_visible()
    return fan


async def what_is_left_is_said(fan: Page, sale: Sale) -> None:
    """No more can be asked for than are left, and the words are right for one and for many."""
    await expect(fan.get_by_text("up to 4 a person")).to_be_visible()
    await expect(seen(fan, "hold")).to_have_text("Hold this for me")
    await fan.get_by_label("Balcony").check()
    await expect(fan.get_by_text("only 2 are left")).to_be_visible()
    more = fan.get_by_role("button", name="One more")
    await more.click()
    await expect(hook(fan, "quantity")).to_have_value("2")
    await expect(more).to_have_attribute("aria-disabled", "true")
    await expect(seen(fan, "hold")).to_have_text("Hold the last 2")


async def the_way_back_gives_nothing_away(fan: Page, sale: Sale) -> None:
    await mark(fan)
    await seen(fan, "hold").click()
    await expect(fan).to_have_url(re.compile("/checkout$"))
    await expect(seen(fan, "pay")).to_have_text("Pay €80.00")
    await fan.go_back()
    await expect(fan.get_by_role("heading", name="You hold tickets already")).to_be_visible()
    await expect(fan.get_by_text("2 × Balcony are yours until")).to_be_visible()
    await fan.go_forward()
    await expect(seen(fan, "pay")).to_be_visible()
    assert await was_never_left(fan)


async def more_time_is_given_once(fan: Page) -> None:
    """The clock and its holes grow, a reload knows of it, and the holes tell the share of the whole time."""
    until = await seen(fan, "held-until").inner_text()
    await expect(fan.locator("[data-hold-clock]")).to_have_text(re.compile("^[67]:"))
    await seen(fan, "more-time").click()
    await expect(fan.locator("[data-hold-clock]")).to_have_text(re.compile("^1[01]:"))
    await expect(seen(fan, "held-until")).not_to_have_text(until)
    await expect(seen(fan, "more-time")).to_have_count(0)
    await fan.reload()
    await expect(fan.locator("[data-hold-clock]")).to_have_text(re.compile("^1[01]:"))
    await expect(seen(fan, "more-time")).to_have_count(0)
    assert 0.5 < await fan.locator("[data-perforation]").evaluate(SHARE_LEFT) < 1


async def what_is_given_back_is_chosen_again(fan: Page, sale: Sale) -> None:
    await seen(fan, "give-back").click()
    await expect(fan).to_have_url(re.compile(f"/book\\?type={sale.type_ids[1]}&quantity=2$"))
    await expect(hook(fan, "quantity")).to_have_value("2")
    await expect(fan.get_by_label("Balcony")).to_be_checked()
    await expect(seen(fan, "hold")).to_have_text("Hold the last 2")


async def the_stub_tears_off_once(fan: Page, sale: Sale) -> None:
    """At the first look at the ticket, and at no later one; from there no way leads back to paying."""
    await seen(fan, "hold").click()
    await seen(fan, "pay").click()
    await expect(hook(fan, "booking-status")).to_have_text("Confirmed")
    await expect(fan.locator(".ticket.tearing")).to_have_count(2)
    await expect(fan.get_by_role("button", name="Print")).to_be_visible()
    await fan.reload()
    await expect(fan.get_by_role("button", name="Print")).to_be_visible()
    await expect(fan.locator(".ticket.tearing")).to_have_count(0)
    await fan.go_back()
    await expect(fan).to_have_url(re.compile(f"/events/{sale.slug}/book"))
    await expect(fan.get_by_role("heading", name="You have been in")).to_be_visible()

"""The organiser's live desk in a browser: figures that move, charts that stay, and no barrier to either."""

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.api.support import open_sale, services
from tests.browser.at_home import Home, at_home
from tests.browser.inspector import Inspector, pictures_folder
from tests.browser.stage import DESK, hook, sign_in
from tests.house import Sale, eventually
from ticketflow.domain import Event
from ticketflow.settings import Settings

LINE = "[data-chart=line]"
SOME_ROWS = 5
"""More moments than a page has that has just come."""
AT = re.compile(r"^at \d\d:\d\d:\d\d$")

MARK_ALL = """() => {
  const all = ".desk :is(a[href], button, input, summary, [tabindex='0'])";
  for (const element of document.querySelectorAll(all)) {
    const chosen = element.type !== "radio" || element.checked;
    if (chosen && element.checkVisibility()) element.dataset.unreached = "yes";
  }
  addEventListener("focusin", ({ target }) => delete target.dataset.unreached);
}"""
UNREACHED = "() => [...document.querySelectorAll('[data-unreached]')].map((element) => element.outerHTML)"


async def test_the_desk(settings: Settings, browser: Browser, monkeypatch: pytest.MonkeyPatch):
    """One sale from its first fan to an organiser who has lost the line to the server."""
    inspector = Inspector(pictures_folder())
    async with at_home(settings, browser) as home:
        sale, page = await at_the_desk(home, inspector)
        await figures_move(home, sale, page)
        await the_chart_is_kept(page)
        await the_cursor_reads(page)
        await series_are_shown_and_hidden(page)
        await the_range_is_kept(page)
        await page.locator(f"{LINE} summary").press("Enter")
        await inspector.look_over(page, "control room")
        await the_keyboard_reaches_all(page)
        await what_deviates_is_told(page, monkeypatch, home)
        await what_is_old_is_told(page)
        assert inspector.faults == [], "\n".join(inspector.faults)
        assert [c for c in home.stage.complaints if "ERR_INTERNET_DISCONNECTED" not in c] == []


async def figures_move(home: Home, sale: Sale, page: Page) -> None:
    """Each step of a fan is on the desk with the next frame, in figures and in the funnel."""
    async with home.house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        await expect(hook(page, "admitted-last-minute")).to_have_text("1")
        held = (await fan.hold(sale)).json()["id"]
        await expect(metric(page, "held")).to_have_text("1")
        assert (await fan.book(held)).status_code == 201
    await expect(hook(page, "sold")).to_have_text("1")
    await expect(hook(page, "revenue")).to_have_text("€25")
    await expect(page.locator("[data-step=paid] [data-value]")).to_have_text("1")
    await expect(page.locator("[data-metric=sold] [data-note]")).to_have_text("19 free of 20")
    await expect(hook(page, "works")).to_have_text("All well")


async def the_chart_is_kept(page: Page) -> None:
    """What was drawn before a reload is drawn after it, though no frame of then comes again."""
    before = await rows(page)
    assert before > 2
    await reload(page)
    await expect(value(page, "stock", "sold")).to_have_text("1")
    assert await rows(page) >= before


async def test_control_without_the_records_a_reload_forgets(settings: Settings, browser: Browser):
    async with at_home(settings, browser) as home:
        _, page = await at_the_desk(home)

        async def some() -> int:
            found = await rows(page)
            return found if found > SOME_ROWS else 0

        before = await eventually(some)
        nothing = {"step_seconds": 1, "at": [], "series": {"joins": []}}
        await page.route("**/stats?*", lambda route: route.fulfill(json=nothing))
        await reload(page)
        await expect(value(page, "line", "waiting")).to_have_text("0")
        assert await rows(page) < before, before


async def the_cursor_reads(page: Page) -> None:
    """A pointer or the keys read a moment out of all charts at once; Escape gives the newest back."""
    plot = page.locator("[data-chart=stock] [data-plot]")
    await plot.hover()
    for chart in ("line", "pace", "stock", "money"):
        await expect(page.locator(f"[data-chart={chart}] [data-when]")).to_have_text(AT)
    await page.mouse.move(0, 0)
    await expect(page.locator(f"{LINE} [data-when]")).to_have_text("")
    await plot.focus()
    await plot.press("Home")
    await expect(plot).to_have_attribute("aria-valuetext", re.compile(r"^\d\d:\d\d:\d\d: Sold 0, Held 0$"))
    await expect(value(page, "stock", "sold")).to_have_text("0")
    await expect(value(page, "money", "revenue")).to_have_text("€0")
    await plot.press("End")
    await expect(plot).to_have_attribute("aria-valuetext", re.compile("Sold 1"))
    await plot.press("ArrowLeft")
    await expect(page.locator(f"{LINE} [data-when]")).to_have_text(AT)
    await plot.press("Escape")
    await expect(page.locator(f"{LINE} [data-when]")).to_have_text("")


async def series_are_shown_and_hidden(page: Page) -> None:
    """By the keyboard, from the legend."""
    free = page.locator("[data-chart=stock] [data-series=free]")
    line = page.locator("[data-chart=stock] [data-plot] .line-2")
    await expect(line).to_have_count(0)
    await free.press("Enter")
    await expect(line).to_have_count(1)
    await free.press("Enter")
    await expect(line).to_have_count(0)


async def the_range_is_kept(page: Page) -> None:
    """A longer span asks for what was recorded in it, and stands after a reload."""
    async with page.expect_response(re.compile("stats.minutes=60")):
        await page.get_by_label("1 hour").check()
    await reload(page)
    await expect(page.get_by_label("1 hour")).to_be_checked()
    async with page.expect_response("**/stats?*"):
        await page.get_by_label("3 min").check()


async def the_keyboard_reaches_all(page: Page) -> None:
    """Every link, lever and chart, one after the other: of a choice of one, the one that is chosen."""
    await page.locator(f"{LINE} summary").press("Enter")
    await page.evaluate(MARK_ALL)
    await page.locator(".bar a").first.focus()
    for _ in range(await page.evaluate("document.querySelectorAll('[data-unreached]').length") + 20):
        await page.keyboard.press("Tab")
    assert await page.evaluate(UNREACHED) == []


async def what_deviates_is_told(page: Page, patch: pytest.MonkeyPatch, home: Home) -> None:
    """Colour is for what is not as it should be; what could not be had is a dash, not nought."""
    await expect(page.locator("[data-metric][data-off=yes]")).to_have_count(0)
    room = services(home.house).control_room
    whole = room.frame

    async def frame(event: Event) -> dict[str, Any]:
        good = await whole(event)
        return {**good, "revenue": None, "mail": {**good["mail"], "failed": 3}}

    patch.setattr(room, "frame", frame)
    await expect(hook(page, "works")).to_have_text("1 fault")
    await expect(page.locator("[data-metric=works] [data-note]")).to_have_text("letters failed")
    await expect(page.locator("[data-metric][data-off=yes]")).to_have_count(2)
    await expect(hook(page, "revenue")).to_have_text("–")

    async def blind(event: Event) -> dict[str, Any]:
        return {**await whole(event), "health": None}

    patch.setattr(room, "frame", blind)
    await expect(page.locator("[data-metric=works] [data-note]")).to_have_text("no word of the processes")
    await expect(metric(page, "redis")).to_have_text("–")


async def what_is_old_is_told(page: Page) -> None:
    """Without frames the desk says since when, and fetches what it missed as soon as it is back."""
    await page.context.set_offline(True)
    await expect(page.get_by_text("No news since")).to_be_visible()
    async with page.expect_response("**/stats?*"):
        await page.context.set_offline(False)
    await expect(page.get_by_text("Live, a frame a second")).to_be_visible()


async def at_the_desk(home: Home, inspector: Inspector | None = None) -> tuple[Sale, Page]:
    """A new sale, and its organiser before its desk."""
    sale = await open_sale(home.house)
    page = await home.stage.person(viewport=DESK)
    if inspector:
        await inspector.watch(page)
    await sign_in(page, sale.organiser_email)
    await page.wait_for_url("**/")
    await page.goto(f"/organiser/{sale.slug}")
    await expect(page.get_by_text("Live, a frame a second")).to_be_visible()
    return sale, page


async def reload(page: Page) -> None:
    async with page.expect_response("**/stats?*"):
        await page.reload()
    await expect(page.get_by_text("Live, a frame a second")).to_be_visible()


async def rows(page: Page) -> int:
    """How many moments the table behind the line tells of."""
    table = page.locator(f"{LINE} summary")
    await table.press("Enter")
    await expect(page.locator(f"{LINE} caption")).to_contain_text("the newest first")
    found = await page.locator(f"{LINE} tbody tr").count()
    assert await page.locator(f"{LINE} thead th").all_inner_texts() == ["Time", "Waiting", "Inside", "Called"]
    await table.press("Enter")
    return found


def value(page: Page, chart: str, series: str) -> Locator:
    """What the legend says of a series: the newest value, or the one at the cursor."""
    return page.locator(f"[data-chart={chart}] [data-series={series}] [data-value]")


def metric(page: Page, name: str) -> Locator:
    return page.locator(f"[data-metric={name}] [data-value]")

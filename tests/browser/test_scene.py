"""Around the sale: its page follows it by the server's clock, the list is searched, codes are shown large."""

import re
from datetime import timedelta
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.api.support import sale_body
from tests.browser.stage import PHONE, Stage, hook, mark, seen, sign_in, two_processes, was_never_left
from tests.house import House, Sale, Visitor, make_sale
from ticketflow.settings import Settings
from ticketflow.web.pages import FEW_EVENTS

# A phone that is twenty minutes ahead of the world.
WRONG_CLOCK = "const right = Date.now; Date.now = () => right() + 1_200_000;"
# What the same countdown shows without the server's time.
UNCORRECTED = """async () => {
  const { countDown } = await import("/static/js/page.js");
  let shown;
  countDown(new Date(document.querySelector("[data-opens]").dataset.opens), (text) => (shown = text))();
  return shown;
}"""
# A page out of a cache says an old time: then the server is asked.
OUT_OF_A_CACHE = """async () => {
  const { clockAhead } = await import("/static/js/page.js");
  performance.getEntriesByType = () => [{ transferSize: 0, responseStart: 0 }];
  return await clockAhead("2001-01-01T00:00:00Z");
}"""
# A reader's own sheet for sharing, and the lock that keeps a screen awake, as a phone has them.
A_PHONE_S_OWN = """Object.assign(navigator, { share: async (what) => (window.shared = what) });
Object.defineProperty(navigator, "wakeLock", { value: { request: async (kind) => (window.lock = {
  kind, held: true, release: async () => (window.lock.held = false) }) } });"""


async def test_around_the_sale(settings: Settings, browser: Browser, tmp_path: Path):
    sale = await make_sale(settings, mode="lobby", sale_starts_in=timedelta(hours=1), opened=False)
    async with two_processes(settings, tmp_path, sale, browser) as (house, stage):
        async with house.visitor() as organiser:
            await organiser.sign_in(sale.organiser_email)
            fan = await stage.person()
            await fan.goto(f"/events/{sale.slug}")
            await the_link_is_shared(stage, fan, sale)
            await by_the_server_s_clock(stage, fan, sale)
            await the_page_follows_the_sale(fan, organiser, sale)
            await the_list_is_searched(stage, organiser)
            await the_code_is_shown_large(stage, house, sale)
        assert stage.complaints == []


async def by_the_server_s_clock(stage: Stage, fan: Page, sale: Sale) -> None:
    wrong = await stage.person()
    await wrong.add_init_script(WRONG_CLOCK)
    await wrong.goto(f"/events/{sale.slug}")
    in_an_hour = re.compile(r"^(1:00:00|5[4-9]:\d\d)$")
    for page in (fan, wrong):
        await expect(page.locator('[data-when="scheduled"] [data-opens]')).to_have_text(in_an_hour)
    assert re.match(r"3[4-9]:\d\d", await wrong.evaluate(UNCORRECTED)), "the control: so late without it"
    assert abs(await wrong.evaluate(OUT_OF_A_CACHE) + 1_200_000) < 5_000


async def the_page_follows_the_sale(fan: Page, organiser: Visitor, sale: Sale) -> None:
    """Through every state without a reload: each has its words and one way on."""
    door = fan.locator("[data-door]")
    await mark(fan)
    await expect(door).to_contain_text("The sale starts in")
    for mode, words in (
        ("paused", "The line stands still for a moment."),
        ("lobby", "The organiser opens the sale by hand, soon."),
        ("open", "You get a place at once. Up to 4 tickets each."),
        ("closed", "The sale is closed"),
        ("open", "You get a place at once."),
    ):
        room = f"/api/organiser/events/{sale.event_id}/room"
        assert (await organiser.patch(room, json={"mode": mode})).status_code == 200
        await expect(door.get_by_text(words).filter(visible=True)).to_be_visible()
        ways = door.locator(".button.next, .door-way > .button").filter(visible=True)
        assert await ways.count() == (0 if mode == "lobby" else 1), mode
        await expect(door.locator("[data-opens]").filter(visible=True)).to_have_count(0)
    assert await was_never_left(fan)


async def the_link_is_shared(stage: Stage, fan: Page, sale: Sale) -> None:
    """Where the device has a sheet for it, in that; else it is copied."""
    address = await fan.locator('link[rel="canonical"]').get_attribute("href")
    await fan.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await fan.evaluate("delete Navigator.prototype.share")
    await seen(fan, "share").click()
    await expect(fan.get_by_text("The link is copied.").first).to_be_attached()
    assert await fan.evaluate("navigator.clipboard.readText()") == address
    phone = await stage.person(viewport=PHONE)
    await phone.add_init_script(A_PHONE_S_OWN)
    await phone.goto(f"/events/{sale.slug}")
    await seen(phone, "share").click()
    assert (await phone.evaluate("window.shared"))["url"] == address


async def the_list_is_searched(stage: Stage, organiser: Visitor) -> None:
    """Few events need no search; among many it finds with each letter, without asking the server."""
    reader = await stage.person(viewport=PHONE)
    await reader.goto("/")
    await expect(reader.locator(".poster")).to_have_count(1)
    await expect(reader.get_by_label("Find an event")).to_have_count(0)
    for number in range(FEW_EVENTS):
        body = sale_body(name=f"Night number {number}", venue="Łódź" if number % 2 else "The hall")
        assert (await organiser.post("/api/organiser/events", json=body)).status_code == 201
    await reader.reload()
    await expect(reader.locator(".poster")).to_have_count(FEW_EVENTS + 1)
    asked = await reader.evaluate("performance.getEntriesByType('resource').length")
    assert asked < 11, "pictures that are far away are not asked for"
    await mark(reader)
    search = reader.get_by_label("Find an event")
    for words, found in (("NIGHT łódź", FEW_EVENTS // 2), ("night number 3", 1), ("nothing like it", 0)):
        await search.fill(words)
        await expect(reader.locator(".poster").filter(visible=True)).to_have_count(found)
        await expect(reader.locator("[data-found]")).to_have_text(f"{found} found")
    await reader.get_by_role("link", name="Show all events").click()
    await expect(reader.locator(".poster").filter(visible=True)).to_have_count(FEW_EVENTS + 1)
    assert await was_never_left(reader)
    unscripted = await stage.person(java_script_enabled=False)
    await unscripted.goto("/?q=number 3")
    await expect(unscripted.locator(".poster")).to_have_count(1)


async def the_code_is_shown_large(stage: Stage, house: House, sale: Sale) -> None:
    async with house.visitor() as account:
        await account.register()
        await account.come_in(sale)
        booked = await account.book((await account.hold(sale, 2)).json()["id"])
        codes = [ticket["code"] for ticket in booked.json()["tickets"]]
        fan = await stage.person(viewport=PHONE)
        await fan.add_init_script(A_PHONE_S_OWN)
        await sign_in(fan, account.email)
        await expect(fan).to_have_url(re.compile(r"/$"))
    await fan.goto("/tickets")
    await expect(hook(fan, "ticket")).to_have_count(1)
    await fan.get_by_role("link", name=re.compile(codes[1])).click()
    bright = fan.get_by_role("dialog")
    await expect(bright.get_by_text(codes[1])).to_be_visible()
    box = await bright.locator("svg").bounding_box()
    assert box is not None
    assert box["width"] > PHONE["width"] * 0.9
    assert await fan.evaluate("window.lock.kind") == "screen"
    await fan.keyboard.press("ArrowLeft")
    await expect(bright.get_by_text(codes[0])).to_be_visible()
    await bright.get_by_role("button", name="Done").click()
    await expect(bright).to_be_hidden()
    assert await fan.evaluate("window.lock.held") is False
    async with fan.expect_download() as download:
        await hook(fan, "calendar").click()
    assert codes[0] in (await (await download.value).path()).read_text().replace("\n ", "").replace("\r", "")

"""At the door: one look at the page says what to do; and the fan's code is one that any scanner reads."""

import asyncio
import io
import re
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.at_home import Home, at_home
from tests.browser.stage import PHONE, hook, mark, sign_in, was_never_left
from tests.house import House, Sale, make_sale, settings_for
from tests.servers import Mailbox
from ticketflow.settings import Settings
from ticketflow.store.events import NewTicketType
from ticketflow.ticket_codes import SignedTicket, TicketReader

MODULES, QUIET, LEAST_PIXELS = 41, 4, 6
# A camera that sees what the test puts before it, in a browser that reads codes by itself.
A_CAMERA = """
window.BarcodeDetector = class {
  static getSupportedFormats = async () => ["qr_code"];
  detect = async () => (window.before ? [{ rawValue: window.before }] : []);
};
navigator.mediaDevices.getUserMedia = async () => document.createElement("canvas").captureStream();
"""


@pytest.fixture
def settings(sqlite_url: str, redis_url: str, smtp: Mailbox, prefix: str) -> Settings:
    """What the database is makes no difference to a page."""
    return settings_for(database_url=sqlite_url, redis_url=redis_url, smtp_url=smtp.url, prefix=prefix)


async def sold(house: House, sale: Sale, quantity: int) -> tuple[str, list[dict[str, Any]]]:
    """A fan's address, and the tickets they have booked."""
    async with house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        booked = await fan.book((await fan.hold(sale, quantity)).json()["id"])
        assert booked.status_code == 201, booked.text
        return fan.email, booked.json()["tickets"]


async def at_the_door(home: Home, sale: Sale, **options: Any) -> Page:
    """The organiser, from the desk of the sale to its door."""
    page = await home.stage.person(viewport=PHONE, **options)
    await sign_in(page, sale.organiser_email)
    await expect(page).to_have_url(re.compile(r"/$"))
    await page.goto(f"/organiser/{sale.slug}")
    await hook(page, "door").click()
    await expect(page).to_have_url(re.compile(f"/organiser/door/{sale.slug}"))
    return page


async def types(page: Page, code: str) -> None:
    """As a scanner does that stands for a keyboard: wherever the focus is."""
    await page.keyboard.type(code)
    await page.keyboard.press("Enter")


async def says(page: Page, verdict: str, words: str, inside: str) -> None:
    await expect(hook(page, "verdict")).to_have_attribute("data-verdict", verdict)
    await expect(hook(page, "verdict")).to_contain_text(words)
    await expect(hook(page, "inside")).to_have_text(inside)


async def test_a_scanner_types_one_ticket_after_the_other(settings: Settings, browser: Browser):
    sale = await make_sale(settings)
    async with at_home(settings, browser) as home:
        _, tickets = await sold(home.house, sale, 3)
        page = await at_the_door(home, sale)
        await mark(page)
        await page.get_by_label("This door").fill("North")
        await page.locator("h1").click()
        await types(page, tickets[0]["signed"])
        await says(page, "valid", "Let in", "1")
        await expect(page.get_by_label("Code", exact=True)).to_be_focused()
        await types(page, tickets[0]["code"].lower())
        await says(page, "used", "Used before", "1")
        await expect(hook(page, "verdict")).to_contain_text("North")
        await types(page, "hello")
        await says(page, "unknown", "No ticket", "1")
        await the_next_is_typed_while_one_is_asked(page, tickets[1:])
        await nothing_is_lost_when_nobody_answers(page, tickets[0]["signed"])
        assert await was_never_left(page)
        assert [c for c in home.stage.complaints if "Failed to load resource" not in c] == []


async def the_next_is_typed_while_one_is_asked(page: Page, tickets: list[dict[str, Any]]) -> None:
    typed = asyncio.Event()

    async def waits(route: Route) -> None:
        await typed.wait()
        await route.continue_()

    await page.route("**/organiser/door/**", waits)
    for ticket in tickets:
        await types(page, ticket["signed"])
    typed.set()
    await says(page, "valid", "Let in", "3")
    await page.unroute("**/organiser/door/**")


async def nothing_is_lost_when_nobody_answers(page: Page, code: str) -> None:
    await page.route("**/organiser/door/**", lambda route: route.abort())
    await types(page, code)
    await says(page, "unreached", "Check this ticket again", "3")
    await page.unroute("**/organiser/door/**")
    await types(page, code)
    await says(page, "used", "Used before", "3")


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
async def test_on_a_small_phone_the_verdict_is_what_one_sees(
    settings: Settings, browser: Browser, motion: str
):
    sale = await make_sale(settings)
    async with at_home(settings, browser) as home:
        _, tickets = await sold(home.house, sale, 1)
        page = await at_the_door(home, sale, reduced_motion=motion, has_touch=True)
        await page.set_viewport_size({"width": 375, "height": 667})
        for verdict, words in (("valid", "Let in"), ("used", "Used before")):
            await page.get_by_label("Code", exact=True).fill(tickets[0]["code"])
            await hook(page, "check").tap()
            await says(page, verdict, words, "1")
            await page.wait_for_function(
                "() => { const { top } = document.querySelector('[data-verdict]').getBoundingClientRect();"
                " return top >= 0 && top < 120; }"
            )
            await expect(page.locator("[data-verdict-word]")).to_be_in_viewport(ratio=1)
            await expect(page.get_by_label("Code", exact=True)).to_be_focused()


async def test_a_door_without_scripts(settings: Settings, browser: Browser):
    sale = await make_sale(settings)
    async with at_home(settings, browser) as home:
        _, tickets = await sold(home.house, sale, 2)
        page = await at_the_door(home, sale, java_script_enabled=False)
        await page.get_by_label("This door").fill("South")
        for look, verdict, words in (
            (True, "valid", "Good ticket"),
            (False, "valid", "Let in"),
            (False, "used", "South"),
        ):
            await page.get_by_label("Only look").set_checked(look)
            await page.get_by_label("Code", exact=True).fill(tickets[0]["signed"])
            await hook(page, "check").click()
            await says(page, verdict, words, "0" if look else "1")
        await expect(page.get_by_label("This door")).to_have_value("South")
        assert home.stage.complaints == []


async def test_the_camera_reads_where_the_browser_can(settings: Settings, browser: Browser):
    sale = await make_sale(settings)
    async with at_home(settings, browser) as home:
        _, tickets = await sold(home.house, sale, 1)
        page = await at_the_door(home, sale)
        use = page.get_by_role("button", name="Use the camera")
        await expect(use).to_be_hidden()
        await page.add_init_script(A_CAMERA)
        await page.reload()
        await use.click()
        await page.evaluate("(code) => (window.before = code)", tickets[0]["signed"])
        await says(page, "valid", "Let in", "1")
        await page.evaluate("() => (window.before = 'something else')")
        await says(page, "unknown", "No ticket", "1")
        await page.get_by_role("button", name="Stop the camera").click()
        await expect(use).to_be_visible()
        assert home.stage.complaints == []


async def test_a_stranger_s_scanner_reads_the_fan_s_code(settings: Settings, browser: Browser):
    """From the screen in the dark look, from paper, and from a page without scripts; what it reads is checked
    with the published keys alone."""
    sale = await make_sale(settings, types=[NewTicketType("Standing", 2500, 10)])
    async with at_home(settings, browser) as home:
        email, tickets = await sold(home.house, sale, 2)
        async with home.house.visitor() as anybody:
            door = TicketReader.of_published((await anybody.get("/.well-known/ticket-keys.json")).json())
        wanted = {SignedTicket(sale.event_id, ticket["code"]) for ticket in tickets}
        fan = await home.stage.person(viewport=PHONE, color_scheme="dark")
        await sign_in(fan, email)
        await expect(fan).to_have_url(re.compile(r"/$"))
        await fan.goto("/tickets")
        await fan.get_by_role("link", name=re.compile(tickets[1]["code"])).click()
        assert await read_from(fan, door) == {SignedTicket(sale.event_id, tickets[1]["code"])}
        await is_large_and_white(fan)
        await fan.keyboard.press("Escape")
        await fan.get_by_role("link", name="Show booking").click()
        await hook(fan, "code").first.click()
        assert len(await read_from(fan, door)) == 1
        await is_large_and_white(fan)
        await fan.keyboard.press("Escape")
        assert await read_from(fan, door, full_page=True) == wanted
        sheets = await fan.pdf(format="A4")
        assert len(re.findall(rb"/Type\s*/Page\b", sheets)) == len(tickets)
        assert home.stage.complaints == []


async def read_from(page: Page, door: TicketReader, **how: Any) -> set[SignedTicket]:
    """The tickets that a decoder which is not ours finds on the page as it is painted."""
    painted = Image.open(io.BytesIO(await page.screenshot(**how)))
    return {door.read(found.text) for found in zxingcpp.read_barcodes(painted)}


async def is_large_and_white(page: Page) -> None:
    """Each module six pixels at least, the standard's white around, and a page that is white to its edge."""
    box = await page.get_by_role("dialog").locator("svg").bounding_box()
    assert box is not None
    assert box["width"] / (MODULES + 2 * QUIET) >= LEAST_PIXELS
    painted = Image.open(io.BytesIO(await page.screenshot())).convert("RGB")
    corners = [(1, 1), (PHONE["width"] - 2, PHONE["height"] - 2), (int(box["x"]) + 2, int(box["y"]) + 2)]
    assert {painted.getpixel(corner) for corner in corners} == {(255, 255, 255)}

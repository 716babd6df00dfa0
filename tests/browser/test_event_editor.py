"""An event from its first field to its copy: made with seats from a CSV, looked at, published, edited."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.at_home import Home, at_home
from tests.browser.inspector import Inspector, pictures_folder
from tests.browser.stage import hook, sign_in
from tests.house import make_sale
from ticketflow.settings import Settings

HALL = "section,row,number\n" + "".join(f"Stalls,{row},{n}\n" for row in "AB" for n in range(1, 9))
WRONG = HALL + "Stalls,B,8\nStalls,,9\n"


@pytest.fixture
async def home(settings: Settings, browser: Browser) -> AsyncIterator[Home]:
    async with at_home(settings, browser) as home:
        yield home
        assert [c for c in home.stage.complaints if "status of 4" not in c] == []


async def test_an_event_is_made_published_edited_and_copied(home: Home, settings: Settings):
    sale = await make_sale(settings)
    inspector = Inspector(pictures_folder())
    page = await inspector.watch(await home.stage.person(timezone_id="America/New_York"))
    await page.goto("/organiser/new")
    await sign_in(page, sale.organiser_email)
    await fill_in(page)
    await seats_from_a_csv(page)
    await hook(page, "make").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("A night in the stalls")
    edit = page.url
    await published(page, inspector)
    await edited(page, edit)
    await inspector.look_over(page, "event edit")
    await copied(page, inspector)
    await page.goto("/organiser")
    await expect(page.get_by_role("listitem").filter(has_text="(copy)")).to_contain_text("Not published")
    await inspector.look_over(page, "organiser events")
    assert inspector.faults == [], "\n".join(inspector.faults)


async def fill_in(page: Page) -> None:
    """The zone is the organiser's own. A sale that starts after its event is refused, and all is kept."""
    await expect(page.get_by_label("Time zone")).to_have_value("America/New_York")
    await page.get_by_label("Name", exact=True).first.fill("A night in the stalls")
    await page.get_by_label("Where", exact=True).fill("The old hall")
    await page.get_by_label("The event starts").fill("2031-02-01T19:30")
    await page.get_by_label("The sale starts").fill("2031-03-01T10:00")
    await page.locator("#types-0-name").fill("Stalls")
    await page.locator("#types-0-price").fill("25.50")
    await page.get_by_label("How many tickets").fill("20")
    await hook(page, "make").click()
    start = page.get_by_label("The sale starts")
    await expect(start).to_have_accessible_description("The sale must start before the event.")
    await expect(page.get_by_label("Where", exact=True)).to_have_value("The old hall")
    await start.fill("2031-01-01T10:00")


async def seats_from_a_csv(page: Page) -> None:
    """Drawn as they are typed; what is wrong is said by its line, and the text stays."""
    await page.get_by_label("Seats from a CSV").check()
    box = page.get_by_label("Seats, as a CSV file has them")
    await box.fill(WRONG)
    told = page.locator("#types-0-seating-problem")
    await expect(told).to_contain_text("Line 18: Stalls, row B, seat 8 stands in line 17 already.")
    await expect(told).to_contain_text("Line 19: the row is missing.")
    await expect(box).to_have_value(WRONG)
    await box.fill(HALL)
    await expect(hook(page, "plan-types-0")).to_have_text("16 seats.")
    await expect(told).to_have_text("")


async def published(page: Page, inspector: Inspector) -> None:
    """Nobody sees it before; the preview shows it as it will be, by the clocks where it is."""
    await hook(page, "preview").click()
    await expect(hook(page, "preview")).to_contain_text("Until then only you can")
    await expect(page.locator(".event-facts")).to_contain_text("19:30")
    await inspector.look_over(page, "event preview")
    public = page.url.replace("/organiser/", "/events/").removesuffix("/preview")
    answer = await page.request.get(public)
    assert answer.status == 404
    await page.get_by_role("link", name="Back to the editor").click()
    await hook(page, "publish").click()
    await expect(hook(page, "published")).to_have_text("Published")
    assert (await page.request.get(public)).status == 200


async def edited(page: Page, edit: str) -> None:
    """A type is added and made smaller. Who edits what was edited meanwhile is told what has changed."""
    other = await page.context.new_page()
    await other.goto(edit)
    await hook(page, "add-type").click()
    await page.locator("#types-0-name").fill("Standing")
    await page.locator("#types-0-price").fill("12")
    await page.get_by_label("How many tickets").fill("30")
    await hook(page, "add").click()
    standing = page.get_by_role("form", name="Standing")
    await standing.get_by_label("How many tickets").fill("10")
    await hook(page, "save-type").last.click()
    await expect(page.get_by_role("form", name="Standing")).to_contain_text("10 tickets")
    await other.get_by_label("Where", exact=True).fill("The new hall")
    await hook(other, "save").click()
    await expect(hook(other, "stale")).to_contain_text("Standing: capacity: was 30, is now 10")
    await expect(other.get_by_label("Where", exact=True)).to_have_value("The new hall")
    await hook(other, "save").click()
    await expect(other.get_by_text("Saved.")).to_be_visible()
    await other.close()
    await page.reload()
    await expect(page.get_by_label("Where", exact=True)).to_have_value("The new hall")


async def copied(page: Page, inspector: Inspector) -> None:
    """All but the times and the sale, seats included."""
    await hook(page, "duplicate").click()
    await expect(page.get_by_label("Name", exact=True).first).to_have_value("A night in the stalls (copy)")
    await expect(page.get_by_label("The event starts")).to_have_value("")
    await expect(page.locator("#types-0-seating")).to_have_value(
        "section,row,seats\nStalls,A,8\nStalls,B,8\n"
    )
    await inspector.look_over(page, "event new")
    await page.get_by_label("The event starts").fill("2032-02-01T19:30")
    await page.get_by_label("The sale starts").fill("2032-01-01T10:00")
    await hook(page, "make").click()
    await expect(hook(page, "published")).to_have_text("Not published")

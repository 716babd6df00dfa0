"""The desk's levers in a browser: two organisers, one key that pauses, and what fans see of each."""

import re
import secrets
from dataclasses import dataclass
from typing import Any, cast

from playwright.async_api import Browser, Locator, Page, expect

from tests import servers
from tests.api.support import open_sale
from tests.browser.at_home import Home, at_home
from tests.browser.inspector import Inspector
from tests.browser.stage import DESK, hook, take_place
from tests.house import PASSWORD, Sale, Visitor, settings_for
from ticketflow.domain import Role
from ticketflow.passwords import Passwords
from ticketflow.store import users

LEVERS = {
    *(
        "emergency",
        "pause-key",
        "open",
        "pause",
        "drain",
        "lobby",
        "close",
        "rate-slider",
        "rate",
        "rate-apply",
    ),
    *("cap", "cap-apply", "minutes", "extend", "message", "message-apply", "audit"),
}
MOST_TABS = 80


@dataclass
class People:
    """Who is there: the organiser, an admin called Bea, a fan inside with a hold, and one who waits."""

    organiser: Page
    bea: Page
    inside: Page
    waits: Page


async def test_the_levers(
    sqlite_url: str, redis_url: str, smtp: servers.Mailbox, prefix: str, browser: Browser
):
    settings = settings_for(database_url=sqlite_url, redis_url=redis_url, smtp_url=smtp.url, prefix=prefix)
    inspector = Inspector()
    async with at_home(settings, browser) as home:
        sale = await open_sale(home.house, rate_per_minute=600, max_active=1)
        people = await come(home, sale)
        await the_keyboard_reaches_every_lever(people.organiser)
        await a_stale_edit_is_refused(people, inspector)
        await one_key_pauses_and_undoes_it(people)
        await everybody_inside_has_more_time(people)
        await a_drain_ends_when_nobody_is_inside(people)
        await closing_asks_why(people, sale, inspector)
        await people.organiser.goto(f"/organiser/{sale.slug}/audit")
        await expect(hook(people.organiser, "acts").get_by_text("The hall has no power.")).to_be_visible()
        await inspector.look_over(people.organiser, "audit")
        assert inspector.faults == [], "\n".join(inspector.faults)
        # A stale change is answered by 409, which the console names.
        assert [c for c in home.stage.complaints if "status of 409" not in c] == []


async def come(home: Home, sale: Sale) -> People:
    bea = f"bea-{secrets.token_hex(4)}@example.com"
    password = await Passwords().hash(PASSWORD)
    await users.create(
        home.house.database, name="Bea", email=bea, password_hash=password, role=Role.ADMIN, verified=True
    )
    async with home.house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        assert (await fan.hold(sale)).status_code == 201
        inside = await browser_of(home, fan)
    await inside.goto(f"/events/{sale.slug}/checkout")
    waits = await home.stage.person()
    await take_place(waits, sale)
    return People(await desk(home, sale, sale.organiser_email), await desk(home, sale, bea), inside, waits)


async def browser_of(home: Home, visitor: Visitor, **options: Any) -> Page:
    """A browser with all that the visitor's has: who is signed in, and their place."""
    page = await home.stage.person(**options)
    kept = [
        {"name": cookie.name, "value": cookie.value or "", "url": home.stage.url}
        for cookie in visitor.cookies.jar
    ]
    await page.context.add_cookies(cast(Any, kept))
    return page


async def desk(home: Home, sale: Sale, email: str) -> Page:
    async with home.house.visitor() as visitor:
        await visitor.sign_in(email)
        page = await browser_of(home, visitor, viewport=DESK)
    await page.goto(f"/organiser/{sale.slug}")
    await expect(page.get_by_text("Live, a frame a second")).to_be_visible()
    return page


async def the_keyboard_reaches_every_lever(page: Page) -> None:
    reached: set[str] = set()
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        reached.add(await page.evaluate("document.activeElement.dataset.test ?? ''"))
    assert reached >= LEVERS, LEVERS - reached
    await hook(page, "rate-slider").focus()
    before = int(await hook(page, "rate").input_value())
    await page.keyboard.press("ArrowRight")
    assert before < int(await hook(page, "rate").input_value()) < before * 1.4
    await page.keyboard.press("ArrowLeft")
    assert int(await hook(page, "rate").input_value()) == before


def moved(page: Page, lever: str) -> Locator:
    """What a lever says of who else has moved it."""
    return page.locator(f'[data-lever="{lever}"] [data-by]')


async def set_rate(page: Page, rate: int) -> None:
    await hook(page, "rate").fill(str(rate))
    await hook(page, "rate").press("Enter")
    await expect(page.get_by_text(f"Let in a minute: {rate}. In force since")).to_be_visible()


async def a_stale_edit_is_refused(people: People, inspector: Inspector) -> None:
    """Once theirs is taken, once mine is set all the same."""
    organiser, bea = people.organiser, people.bea
    await hook(bea, "rate").fill("6000")
    await expect(bea.get_by_text("At 6,000 a minute the line of 1 is gone in")).to_be_visible()
    await set_rate(organiser, 60)
    await expect(moved(bea, "rate_per_minute")).to_contain_text("Organiser has set rate 600 → 60 at")
    await expect(hook(bea, "rate")).to_have_value("6000")
    await hook(bea, "rate").press("Enter")
    await expect(hook(bea, "stale").get_by_text("rate 600 → 60")).to_be_visible()
    await expect(hook(bea, "see-theirs")).to_be_focused()
    await inspector.look_over(bea, "stale levers")
    await hook(bea, "see-theirs").press("Enter")
    await expect(hook(bea, "stale")).to_be_hidden()
    await expect(hook(bea, "rate")).to_have_value("60")
    await hook(bea, "rate").fill("6000")
    await set_rate(organiser, 90)
    await expect(moved(bea, "rate_per_minute")).to_contain_text("Organiser has set rate 60 → 90 at")
    await hook(bea, "rate").press("Enter")
    await hook(bea, "set-mine").click()
    await expect(moved(organiser, "rate_per_minute")).to_contain_text("Bea has set rate 90 → 6,000 at")
    await expect(hook(organiser, "rate")).to_have_value("6000")
    await expect(hook(organiser, "acts").get_by_text("Bea: rate 90 → 6,000")).to_be_visible()


async def one_key_pauses_and_undoes_it(people: People) -> None:
    organiser, bea = people.organiser, people.bea
    await hook(organiser, "message").fill("")
    await hook(organiser, "message").press("p")
    await expect(hook(organiser, "message")).to_have_value("p")
    await hook(organiser, "message").fill("")
    await hook(organiser, "open").focus()
    await organiser.keyboard.press("p")
    await expect(hook(organiser, "pause")).to_have_attribute("aria-pressed", "true")
    await expect(organiser.locator("[data-say]")).to_have_text("The room is paused.")
    await expect(hook(organiser, "emergency")).to_contain_text("Open again")
    await expect(moved(bea, "mode")).to_contain_text("Organiser has set room open → paused at")
    await expect(people.waits.get_by_text("The organiser has paused the line.")).to_be_visible()
    await bea.locator("h1").click()
    await bea.keyboard.press("P")
    await expect(hook(organiser, "open")).to_have_attribute("aria-pressed", "true")
    await hook(organiser, "pause-key").uncheck()
    await organiser.keyboard.press("p")
    await organiser.keyboard.press("Control+p")
    await hook(organiser, "pause-key").check()
    await expect(hook(organiser, "open")).to_have_attribute("aria-pressed", "true")


async def everybody_inside_has_more_time(people: People) -> None:
    until = people.inside.locator('[data-held="until"]').first
    before = await until.text_content()
    await hook(people.organiser, "minutes").fill("7")
    await hook(people.organiser, "extend").click()
    given = "1 person has 7 more minutes, and so has 1 hold. Their clocks show it."
    await expect(people.organiser.get_by_text(given)).to_be_visible()
    await expect(until).not_to_have_text(before or "")
    await expect(people.inside.locator("[data-say]")).to_contain_text("You have more time")


async def a_drain_ends_when_nobody_is_inside(people: People) -> None:
    await hook(people.organiser, "drain").click()
    await expect(hook(people.organiser, "drain-state")).to_have_text("Draining: 1 person still inside.")
    await expect(people.waits.get_by_text("Nobody new is let in for now")).to_be_visible()
    await people.inside.get_by_role("button", name=re.compile("^Pay ")).click()
    await people.inside.wait_for_url("**/bookings/*")
    await expect(hook(people.organiser, "drain-state")).to_contain_text("nobody is inside")
    await expect(hook(people.waits, "place")).to_have_text("1")


async def closing_asks_why(people: People, sale: Sale, inspector: Inspector) -> None:
    organiser = people.organiser
    await hook(organiser, "close").click()
    await organiser.keyboard.press("Escape")
    await expect(hook(organiser, "close-dialog")).to_be_hidden()
    await hook(organiser, "close").click()
    await hook(organiser, "close-confirm").click()
    await expect(hook(organiser, "close-dialog")).to_be_visible()
    await expect(hook(organiser, "reason")).to_be_focused()
    await inspector.look_over(organiser, "closing")
    await hook(organiser, "reason").fill("The hall has no power.")
    await hook(organiser, "close-confirm").click()
    await expect(hook(organiser, "close")).to_have_attribute("aria-pressed", "true")
    await expect(people.waits.get_by_text("The hall has no power.")).to_be_visible()
    await people.bea.goto(f"/events/{sale.slug}")
    await expect(people.bea.get_by_text("The hall has no power.")).to_be_visible()

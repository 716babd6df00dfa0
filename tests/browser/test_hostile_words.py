"""Words that try to be more than words, in every text that somebody can enter: they are shown as typed."""

import re
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Browser, Dialog, Page, Route, expect

from tests.browser.backstage import Backstage
from tests.browser.stage import Stage, hook, one_command, seen, sign_in
from tests.house import PASSWORD
from ticketflow.domain import now
from ticketflow.seed import ORGANISER
from ticketflow.seed import PASSWORD as DEMO_PASSWORD

SCRIPT = "<script>alert(1)</script>"
PICTURE = '"><img src=x onerror=alert(2)>'
ROW = "<svg onload=alert(3)>"[:20]
FULL = f"{SCRIPT}{PICTURE}{{{{7*7}}}}${{7*7}}'-alert(4)-'"
LINK = "javascript:alert(5)//"
# What the words would have become: elements, and anything that would run. What a page tells search engines
# and its own scripts are scripts by name only: JSON to the end.
CAUGHT = """() => [...document.querySelectorAll("img[src=x], [onerror], [onload], [href^='javascript:']")]
  .concat([...document.scripts].filter((script) => script.text.includes("alert")
    && !(/json$/.test(script.type) && JSON.parse(script.text))))
  .map((element) => element.outerHTML.slice(0, 99))"""


class Reader:
    """One who goes from page to page, and notes what runs or stands there that nobody wrote."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.caught: list[str] = []
        page.on("dialog", self._dialog)

    async def _dialog(self, dialog: Dialog) -> None:
        self.caught.append(f"{self.page.url}: a dialog says {dialog.message}")
        await dialog.dismiss()

    async def reads(self, path: str, *words: str) -> None:
        """Open the page; the words stand there as they were typed."""
        await self.page.goto(path)
        await self.looks(*words)

    async def looks(self, *words: str) -> None:
        for word in words:
            await expect(self.page.locator("main").get_by_text(word).first).to_be_attached()
        for frame in self.page.frames:
            # A letter's frame lets no script in, ours neither: its elements are found from outside.
            found = await frame.locator("img[src=x], svg[onload], [onerror]").count()
            self.caught += [f"{frame.url}: an element was made of words"] * found
        self.caught += [f"{self.page.url}: {what}" for what in await self.page.evaluate(CAUGHT)]


@pytest.mark.timeout(300)
async def test_words_stay_words(browser: Browser, tmp_path: Path):
    async with one_command(tmp_path, browser) as stage, Backstage(stage.url) as back:
        starts = now() + timedelta(days=30)
        rows = [{"section": SCRIPT, "row": ROW, "seats": 9}]
        kinds = [{"name": FULL, "price": 2500, "rows": rows}, {"name": LINK, "price": 100, "capacity": 9}]
        await back.sell(FULL, venue=f"{LINK}{PICTURE}", ticket_types=kinds, starts_at=starts.isoformat())
        await back.steer(FULL, message=FULL)
        fan = Reader(await stage.person())
        await reflected(fan)
        await becomes_somebody(fan)
        await buys(fan, back.path(FULL))
        await the_account(fan)
        await the_mailbox(fan)
        organiser = Reader(await stage.person())
        await organises(organiser, back.path(FULL))
        assert fan.caught + organiser.caught == []
        assert stage.complaints == []


async def reflected(fan: Reader) -> None:
    """What an address or a form brings comes back as text, or not at all."""
    page = fan.page
    for path in (f"/?q={FULL}", f"/signin?next={LINK}", f"/signin?said={FULL}", f"/verify?token={PICTURE}"):
        await fan.reads(path.replace("{", "%7B").replace("#", "%23"))
    await fan.reads(f"/reset?token={PICTURE}")
    await page.get_by_label("New password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_role("heading", name="This link has ended")).to_be_visible()
    await fan.looks()
    await fan.reads(f"/no/{FULL.replace('/', '%2F').replace('{', '%7B')}")
    await page.goto("/signin")
    # The browser would not send such an address; another program does.
    await page.get_by_label("Email").evaluate("(field) => (field.type = 'text')")
    await sign_in(page, FULL, PASSWORD)
    await expect(page.get_by_role("alert")).to_be_visible()
    await fan.looks()
    assert await page.get_by_label("Email").input_value() == FULL


async def becomes_somebody(fan: Reader) -> None:
    page = fan.page
    await page.goto("/register")
    await page.get_by_label("Name").fill(FULL)
    await page.get_by_label("Email").fill("hostile@example.com")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Make the account").click()
    await expect(hook(page, "profile")).to_have_accessible_name(f"Profile of {FULL}")


async def buys(fan: Reader, path: str) -> None:
    """From the event's page to the tickets, and all that is told of them."""
    page = fan.page
    await fan.reads("/", FULL)
    await fan.reads(path, FULL, f"{LINK}{PICTURE}")
    await fan.reads(f"{path}/draw")
    await page.goto(path)
    await seen(page, "join").click()
    await expect(seen(page, "hold")).to_be_visible()
    await fan.looks(FULL, LINK)
    await page.get_by_role("radio").first.check()
    await seen(page, "hold").click()
    await expect(seen(page, "pay")).to_be_visible()
    await fan.looks(FULL, SCRIPT)
    await seen(page, "pay").click()
    await expect(hook(page, "booking-status")).to_have_text("Confirmed")
    await fan.looks(FULL, SCRIPT)
    booking = page.url
    await fan.reads("/tickets", FULL, SCRIPT)
    await fan.reads(f"{booking}/cancel", FULL)
    art = await page.request.get(f"{path}/artwork.svg")
    assert "<script" not in await art.text()
    calendar = await page.request.get(f"{booking}/calendar.ics")
    assert "text/calendar" in calendar.headers["content-type"]
    assert calendar.headers["content-disposition"].startswith("attachment")


async def the_account(fan: Reader) -> None:
    """The profile, a token, and words of refusal about them."""
    page = fan.page
    await fan.reads("/profile", FULL)
    await fan.reads("/profile/tokens")
    await page.get_by_label("Name").fill(PICTURE)
    await page.get_by_label("Your password", exact=True).fill(PASSWORD)
    await seen(page, "make-token").click()
    await expect(hook(page, "token-made")).to_be_visible()
    await fan.looks(PICTURE)
    await fan.reads("/profile/tokens", PICTURE)


async def the_mailbox(fan: Reader) -> None:
    """Each letter, as text and as a mail reader shows it."""
    page = fan.page
    await page.goto("/mailbox")
    await expect(page.get_by_role("link", name="Your tickets for", exact=False)).to_be_visible()
    await fan.looks()
    letters = [await link.get_attribute("href") for link in await page.locator(".letter").all()]
    assert letters
    for letter in letters:
        await fan.reads(letter or "")
        await expect(page.frame_locator("iframe").locator("body")).to_contain_text(re.compile(r"\S"))
        # A letter to an address that nobody has proven carries no words of who asked for it.
        if "Your tickets" in await page.locator(".letter-subject").inner_text():
            await expect(page.locator(".letter-text")).to_contain_text(FULL)
            await expect(page.frame_locator("iframe").locator("body")).to_contain_text(FULL)
        await fan.looks()


async def organises(organiser: Reader, path: str) -> None:
    page = organiser.page
    await sign_in(page, ORGANISER, DEMO_PASSWORD)
    await expect(hook(page, "profile")).to_be_visible()
    await organiser.reads("/organiser", FULL)
    await organiser.reads(path.replace("/events/", "/organiser/"), FULL)
    await expect(page.get_by_text("Live, a frame a second")).to_be_visible()
    await organiser.looks()


async def test_the_reader_catches(browser: Browser):
    """The control: where words are not escaped, each of them is seen."""
    stage = Stage(browser, "http://page.test")
    for words, what in ((SCRIPT, "a dialog"), (PICTURE, "a dialog"), (f'<a href="{LINK}">on</a>', "<a href")):
        page = await stage.person()
        await page.route("**/*", partial(unescaped, words))
        reader = Reader(page)
        await reader.reads("/")
        assert re.search(re.escape(what), "\n".join(reader.caught)), words


async def unescaped(words: str, route: Route) -> None:
    """A page that shows words as a careless template would."""
    page = f"<!doctype html><title>A page</title><main>{words}</main>"
    await route.fulfill(content_type="text/html", body=page)

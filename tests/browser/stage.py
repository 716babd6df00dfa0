"""People in front of real browsers: each with cookies of their own, each watched for complaints."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Error, Locator, Page, expect

from tests import servers
from tests.house import PASSWORD, House, Sale, Visitor, by_commands, command, environment, worker
from ticketflow.settings import Settings

PHONE = {"width": 375, "height": 812}
DESK = {"width": 1440, "height": 900}


MOST_SAID = 400
"""Of a complaint, in letters: some name a picture by all of its bytes."""
SHUT_OUT = ("Blocked script execution", "Failed to execute 'postMessage'")
"""How the console begins when an inspector's script finds a letter closed."""


class Stage:
    """Browsers in front of one house. What any page's console complains of is kept in `complaints`."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self.url = url
        self.complaints: list[str] = []

    async def clear(self) -> None:
        """Close every page: a server that ends waits for those who are still connected."""
        for context in list(self._browser.contexts):
            await context.close()

    async def person(self, **options: Any) -> Page:
        """A new browser profile with one empty page; paths are enough to go anywhere.

        Its reader wants no motion: painting it is most of what these tests would cost. A test of
        motion says so.
        """
        given = {
            "viewport": DESK,
            "locale": "en-GB",
            "timezone_id": "Europe/London",
            "reduced_motion": "reduce",
            **options,
        }
        context = await self._browser.new_context(base_url=self.url, **given)
        context.on("page", self._watch)
        return await context.new_page()

    def _watch(self, page: Page) -> None:
        def console(message: ConsoleMessage) -> None:
            # The console also names a page that is itself an answer such as "not found".
            about_itself = message.location["url"] == page.url and "Failed to load resource" in message.text
            # A letter lets no script in, the inspector's included.
            of_a_letter = (
                "/mailbox/" in page.url or "/organiser/mail/" in page.url
            ) and message.text.startswith(SHUT_OUT)
            if message.type in ("error", "warning") and not about_itself and not of_a_letter:
                self.complaints.append(f"{page.url}: {message.text[:MOST_SAID]}")

        def failed(error: Error) -> None:
            # Chromium says so itself of a page change that it gives up because the next page was quicker.
            if not error.message.startswith("Transition was aborted"):
                self.complaints.append(f"{page.url}: {error}")

        page.on("console", console)
        page.on("pageerror", failed)


@asynccontextmanager
async def two_processes(
    settings: Settings, folder: Path, sale: Sale, browser: Browser
) -> AsyncIterator[tuple[House, Stage]]:
    """`ticketflow serve` and `ticketflow worker`, with the sale's line ready, and a stage before them."""
    async with by_commands(settings, folder) as houses:
        with worker(settings, folder):
            await _line_is_ready(houses[0], sale)
            stage = Stage(browser, houses[0].url)
            yield houses[0], stage
            await stage.clear()


@asynccontextmanager
async def one_command(folder: Path, browser: Browser, **variables: str) -> AsyncIterator[Stage]:
    """`ticketflow up` with its demo data and mailbox, and a stage before it."""
    url, log = f"http://127.0.0.1:{servers.free_port()}", folder / "up.log"
    env = environment(Settings()) | {
        "PORT": url.rpartition(":")[2],
        "TICKETFLOW_DATA_DIR": str(folder / "data"),
    }
    with servers.process(command("up"), log, env=env | variables) as running:
        async with Visitor(base_url=url) as visitor:
            await servers.answering(visitor, "/readyz", running, log)
        stage = Stage(browser, url)
        yield stage
        await stage.clear()


async def _line_is_ready(house: House, sale: Sale) -> None:
    """Return once the worker has made the room: until then who joins is asked to come back."""
    async with house.visitor() as early, asyncio.timeout(servers.STARTUP_SECONDS):
        while (await early.join(sale)).status_code == HTTPStatus.SERVICE_UNAVAILABLE:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await early.delete(f"/api/events/{sale.event_id}/queue")


def hook(page: Page, name: str) -> Locator:
    """The element with this `data-test`, also when only readers, not eyes, are given it."""
    return page.locator(f'[data-test="{name}"]')


def seen(page: Page, name: str) -> Locator:
    """The one of the elements with this `data-test` that is on show."""
    return hook(page, name).filter(visible=True)


async def take_place(page: Page, sale: Sale) -> None:
    """From the event's page into its line."""
    await page.goto(f"/events/{sale.slug}")
    await seen(page, "join").click()
    await expect(page).to_have_url(f"/events/{sale.slug}/queue")
    # The figures roll: the page's script runs, and a press on its buttons is heard.
    await expect(page.locator("[data-place] + .reel")).to_be_visible()


async def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Through the form, wherever the page stands now if that is the form already."""
    if "/signin" not in page.url:
        await page.goto("/signin")
    await page.get_by_label("Email").fill(email)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("main").get_by_role("button", name="Sign in").click()


async def by_menu(page: Page, name: str) -> None:
    """To a page of the bar's menu, which is folded up on a phone."""
    if await hook(page, "menu").is_visible():
        await hook(page, "menu").click()
    await page.get_by_role("navigation").get_by_role("link", name=name).click()


async def register(page: Page, name: str, email: str) -> None:
    """From the sign-in form, by its own link, to an account."""
    await page.get_by_role("link", name="Make an account").click()
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Email").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Make the account").click()


async def mark(page: Page) -> None:
    """Leave a mark that any navigation or reload would wipe out."""
    await page.evaluate("window.neverLeft = true")


async def was_never_left(page: Page) -> bool:
    return bool(await page.evaluate("window.neverLeft === true"))

"""Dark or light: the system's choice until the reader makes one, which is kept and never flashes."""

from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, expect

from tests.browser.stage import hook, two_processes
from tests.house import make_sale
from ticketflow.settings import Settings

# Notes the look at the moment the body appears, which is before anything can be painted.
NOTE_THE_LOOK = """new MutationObserver((_, observer) => {
  if (!document.body) return;
  window.lookAtFirst = getComputedStyle(document.documentElement).colorScheme;
  observer.disconnect();
}).observe(document, { childList: true, subtree: true });"""


async def test_the_choice_is_kept_without_a_flash(settings: Settings, browser: Browser, tmp_path: Path):
    sale = await make_sale(settings)
    async with two_processes(settings, tmp_path, sale, browser) as (_, stage):
        reader = await stage.person(color_scheme="dark")
        await reader.add_init_script(NOTE_THE_LOOK)
        await reader.goto("/")
        night = await ground(reader)
        await hook(reader, "theme").click()
        await expect(hook(reader, "theme")).to_have_attribute("aria-label", "Look: light. Change to dark")
        morning = await ground(reader)
        assert morning != night
        assert await reader.evaluate("localStorage.getItem('theme')") == "light"
        await reader.goto("/signin")
        assert await reader.evaluate("window.lookAtFirst") == "light"
        assert await ground(reader) == morning
        await round_to_the_system(reader)
        assert await ground(reader) == night
        assert stage.complaints == []


async def round_to_the_system(reader: Page) -> None:
    for look in ("dark", "as the system"):
        await hook(reader, "theme").click()
        await expect(hook(reader, "theme")).to_have_attribute("data-choice", look.split()[-1])
    assert await reader.evaluate("localStorage.getItem('theme')") is None


async def ground(page: Page) -> Any:
    return await page.evaluate("getComputedStyle(document.body).backgroundColor")

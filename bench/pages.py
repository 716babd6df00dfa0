"""What every page weighs: requests and bytes with a cold cache, and how far it jumps. None is a time."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.backstage import Backstage
from tests.browser.scales import MOST_BYTES, MOST_REQUESTS, MOST_SHIFT, Scales, Weight
from tests.browser.stage import one_command
from tests.browser.walk import VARIABLES, Walk

from .common import Measure

PATIENCE_MS = 30_000
WIDTHS = (375, 1440)


async def measures(folder: Path) -> list[Measure]:
    """Three figures a page, for the heaviest there is of each at both widths."""
    found: dict[str, list[Weight]] = {}
    expect.set_options(timeout=PATIENCE_MS)
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for width in WIDTHS:
            own = folder / str(width)
            own.mkdir()
            for weight in await weights(browser, own, width):
                found.setdefault(weight.name, []).append(weight)
        await browser.close()
    return [measure for name, both in found.items() for measure in figures(name, both)]


async def weights(browser: Browser, folder: Path, width: int) -> list[Weight]:
    """One walk through all pages, each weighed as it stands after its own live updates."""
    found: list[Weight] = []
    scales: dict[Page, Scales] = {}

    async def watch(page: Page) -> Page:
        await page.set_viewport_size({"width": width, "height": 900})
        scales[page] = await Scales.under(page)
        return page

    async def look(page: Page, name: str) -> None:
        await page.wait_for_load_state("networkidle")
        await scales[page].note_shifts(page)
        found.append(scales[page].weigh(name))

    async with one_command(folder, browser, **VARIABLES) as stage, Backstage(stage.url) as back:
        await Walk(stage, back, look, watch).whole()
    return found


def figures(name: str, both: list[Weight]) -> list[Measure]:
    """The worst of the widths."""
    kilobytes = max(weight.bytes for weight in both) / 1000
    return [
        Measure(f"{name}: requests", max(weight.requests for weight in both), most=MOST_REQUESTS),
        Measure(f"{name}: KB over the wire", kilobytes, most=MOST_BYTES / 1000),
        Measure(f"{name}: layout shift", max(weight.shift for weight in both), most=MOST_SHIFT),
    ]

"""Readers elsewhere: numbers, money and times are theirs, and making them so moves nothing on the page."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.async_api import Browser, Page, expect

from tests.browser.scales import MOST_SHIFT, Scales
from tests.browser.stage import PHONE, Stage, hook, seen, two_processes
from tests.house import Sale, make_sale
from ticketflow.settings import Settings
from ticketflow.store.events import NewTicketType

TIMES = """() => [...document.querySelectorAll("time[data-local]")].filter((time) => time.checkVisibility())
  .map(({ dateTime, dataset, textContent }) => [dataset.local, dateTime, textContent])"""


@dataclass(frozen=True)
class Reader:
    """Where somebody reads, and how one ticket, three tickets and a time of day are written there."""

    locale: str
    zone: str
    one: str
    three: str
    clock: str
    """For strftime."""


READERS = [
    Reader("de-DE", "Europe/Berlin", "1.234,50 €", "3.703,50 €", "%H:%M"),
    Reader("en-US", "America/Los_Angeles", "€1,234.50", "€3,703.50", "%I:%M %p"),
    Reader("ja-JP", "Asia/Tokyo", "€1,234.50", "€3,703.50", "%H:%M"),
]


async def test_readers_elsewhere(settings: Settings, browser: Browser, tmp_path: Path):
    sale = await make_sale(settings, types=(NewTicketType("Standing", 123_450, 1_500),))
    async with two_processes(settings, tmp_path, sale, browser) as (_, stage):
        for reader in READERS:
            await reads(stage, sale, reader)
        assert stage.complaints == []


async def reads(stage: Stage, sale: Sale, reader: Reader) -> None:
    """From the event's page to its desk; what is written there is the reader's, and stays where it was."""
    page = await stage.person(viewport=PHONE, locale=reader.locale, timezone_id=reader.zone)
    scales = await Scales.under(page)
    await page.goto(f"/events/{sale.slug}")
    await expect(page.get_by_text(as_written(reader.one)).first).to_be_visible()
    assert await times_of_day(page, reader) > 0
    await stands_still(page, scales, reader)
    await seen(page, "join").click()
    await hook(page, "quantity").fill("3")
    await expect(page.get_by_text(as_written(reader.three)).first).to_be_visible()
    assert await times_of_day(page, reader) > 0
    await stands_still(page, scales, reader)


def as_written(amount: str) -> re.Pattern[str]:
    """The amount, whichever of the spaces that keep a line together is in it."""
    return re.compile(re.escape(amount).replace(r"\ ", r"\s"))


async def times_of_day(page: Page, reader: Reader) -> int:
    """How many times are told on the page, all of them in the reader's zone and hours."""
    told = await page.evaluate(TIMES)
    for shape, moment, text in told:
        there = datetime.fromisoformat(moment).astimezone(ZoneInfo(reader.zone))
        written = f"{there:{reader.clock}}" if shape != "day" else str(there.day)
        assert written in re.sub(r"\s", " ", text), (reader.locale, shape, moment, text)
    return len(told)


async def stands_still(page: Page, scales: Scales, reader: Reader) -> None:
    await scales.note_shifts(page)
    assert scales.weigh(page.url).shift < MOST_SHIFT, (reader.locale, scales.story())

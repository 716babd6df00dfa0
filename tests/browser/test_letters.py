"""Letters in a real browser, as a mail program shows them: by day and by night, on a phone and on a desk.

`make letters` keeps the pictures, in artefacts/letters.
"""

import os
from pathlib import Path
from typing import Literal

import pytest
import zxingcpp
from axe_playwright_python.base import AXE_SCRIPT
from PIL import Image
from playwright.async_api import Browser, Page, Request

from tests import letters
from ticketflow.mail.html_page import html_page
from ticketflow.ticket_codes import TicketReader

PICTURES = Path(__file__).parent.parent.parent / "artefacts" / "letters"
KEPT = bool(os.environ.get("TICKETFLOW_TEST_KEEP_LETTERS"))
WIDTHS = (375, 700)
AXE = """() => axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"],
  rules: { region: { enabled: false }, "landmark-one-main": { enabled: false } } })
  .then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes[0].failureSummary}`))"""
NARROW = "() => document.documentElement.scrollWidth <= innerWidth"
ALL = {kind: letters.opened(written) for kind, written in letters.one_of_each().items()}
Look = Literal["dark", "light"]
LOOKS: tuple[Look, ...] = ("light", "dark")


async def opened(browser: Browser, kind: str, width: int, look: Look) -> tuple[Page, list[str]]:
    """The letter in a window, and the addresses that it has asked for."""
    page = await browser.new_page(
        viewport={"width": width, "height": 700}, color_scheme=look, device_scale_factor=2 if KEPT else 1
    )
    asked: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith(("data:", "about:")):
            asked.append(request.url)

    page.on("request", note)
    await page.set_content(html_page(ALL[kind]) or "")
    return page, asked


async def faults(page: Page) -> list[str]:
    await page.evaluate(AXE_SCRIPT)
    found: list[str] = await page.evaluate(AXE)
    return found if await page.evaluate(NARROW) else [*found, "wider than its window"]


@pytest.mark.parametrize("kind", sorted(ALL))
async def test_a_letter_can_be_read_by_day_and_by_night(browser: Browser, kind: str):
    for width in WIDTHS:
        for look in LOOKS:
            page, asked = await opened(browser, kind, width, look)
            if KEPT:
                PICTURES.mkdir(parents=True, exist_ok=True)
                await page.screenshot(path=PICTURES / f"{kind}-{width}-{look}.png", full_page=True)
            assert (kind, width, look, await faults(page)) == (kind, width, look, [])
            assert asked == []
            await page.close()


async def test_control_a_letter_that_cannot_be_read_is_found(browser: Browser):
    """Grey on grey, a picture without words and one from elsewhere: each is seen."""
    page, asked = await opened(browser, "verify", 375, "dark")
    await page.evaluate("""() => {
      const words = Object.assign(document.createElement("p"), { textContent: "grey on grey" });
      words.style = "color:#777;background:#888";
      const picture = Object.assign(document.createElement("img"), { src: "http://127.0.0.1:9/x.png" });
      document.body.append(words, picture);
    }""")
    found = " ".join(await faults(page))
    assert "contrast" in found
    assert "image-alt" in found or "alt" in found
    assert asked == ["http://127.0.0.1:9/x.png"]


@pytest.mark.parametrize("look", ["light", "dark"])
async def test_the_codes_on_the_screen_are_let_in(browser: Browser, look: Look, tmp_path: Path):
    """From a picture of the letter, by somebody else's decoder, with the published keys alone."""
    page, _ = await opened(browser, "booking_confirmed", 375, look)
    await page.screenshot(path=tmp_path / "letter.png", full_page=True)
    read = zxingcpp.read_barcodes(Image.open(tmp_path / "letter.png").convert("L"))
    reader = TicketReader.of_published(letters.CODES.published())
    codes = [reader.read(code.text).code for code in read]
    assert sorted(codes) == sorted(ticket.code for ticket in letters.made_booking().tickets)


async def test_without_pictures_it_still_says_which_ticket_is_which(browser: Browser):
    page = await browser.new_page(viewport={"width": 375, "height": 700})
    await page.set_content(letters.html_of(ALL["booking_confirmed"]))
    for number, ticket in enumerate(letters.made_booking().tickets, 1):
        code = page.get_by_alt_text(f"QR code of ticket {number} of 2: {ticket.code}")
        assert await code.count() == 1
    assert "row 4, seat 11" in await page.inner_text("body")

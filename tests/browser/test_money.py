"""An amount is one amount: what a page's script writes has the digits that the server writes."""

import re
from pathlib import Path

from playwright.async_api import Browser

from tests.browser.stage import two_processes
from tests.house import make_sale
from ticketflow.settings import Settings
from ticketflow.words import DIGITS, money

ALSO = ("EUR", "INR", "HUF", "IDR", "COP", "PKR", "RSD", "LBP", "MGA")
"""Two digits after the point by ISO 4217; browsers write some of these with none."""
WRITE = """async (currencies) => {
  const { money } = await import("/static/js/page.js");
  return currencies.map((currency) => money(12345678, currency));
}"""


async def test_page_and_server_write_one_number(settings: Settings, browser: Browser, tmp_path: Path):
    sale = await make_sale(settings)
    async with two_processes(settings, tmp_path, sale, browser) as (_, stage):
        reader = await stage.person()
        await reader.goto("/")
        currencies = sorted({*DIGITS, *ALSO})
        written = await reader.evaluate(WRITE, currencies)
        for currency, text in zip(currencies, written, strict=True):
            assert re.sub(r"[^\d.,]", "", text) == re.sub(r"[^\d.,]", "", money(12345678, currency)), currency

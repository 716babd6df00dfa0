"""What a newcomer does after `ticketflow up`: buys in the demo sale and reads the mail there."""

from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.browser.stage import hook, one_command, seen, sign_in
from ticketflow.seed import FAN, PASSWORD


async def test_from_the_landing_page_to_the_mailbox(browser: Browser, tmp_path: Path):
    async with one_command(tmp_path, browser) as stage:
        fan = await stage.person(color_scheme="dark")
        await fan.goto("/")
        await fan.get_by_role("link", name="Coldplay in Mumbai").click()
        # Nobody waits, so there is no queue: who joins is in.
        await seen(fan, "join").click()
        await expect(fan).to_have_url("/events/coldplay-mumbai-2026/book")
        await seen(fan, "hold").click()
        await sign_in(fan, FAN, PASSWORD)
        await seen(fan, "hold").click()
        await expect(hook(fan, "remaining-1")).to_have_text("49999")
        await seen(fan, "pay").click()
        await expect(hook(fan, "booking-status")).to_have_text("Confirmed")
        await the_mail_has_the_code(fan, await hook(fan, "ticket").locator(".ticket-code").inner_text())
        assert stage.complaints == []


async def the_mail_has_the_code(fan: Page, code: str) -> None:
    await fan.get_by_role("link", name="Mailbox").click()
    await fan.get_by_role("link", name="Your tickets for Coldplay in Mumbai").click()
    await expect(fan.locator("pre")).to_contain_text(code)
    await expect(fan.frame_locator("iframe").get_by_text(code)).to_be_visible()

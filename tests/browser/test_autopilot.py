"""The autopilot's panel: switched on from the desk, it says what it does and why, and is handed back."""

from playwright.async_api import Browser, expect

from tests.api.support import open_sale
from tests.browser.at_home import at_home
from tests.browser.inspector import Inspector
from tests.browser.stage import PHONE, hook, sign_in
from ticketflow.settings import Settings


async def test_it_is_switched_on_says_why_and_is_handed_back(settings: Settings, browser: Browser):
    inspector = Inspector()
    async with at_home(settings, browser) as home:
        sale = await open_sale(home.house, rate_per_minute=600)
        page = await home.stage.person(viewport=PHONE)
        await sign_in(page, sale.organiser_email)
        await page.wait_for_url("**/")
        await page.goto(f"/organiser/{sale.slug}")
        await expect(hook(page, "autopilot-state")).to_have_text("Off")
        # What is suggested is around the rate that is set.
        await expect(hook(page, "autopilot-low")).to_have_value("60")
        await expect(hook(page, "autopilot-high")).to_have_value("1200")
        await hook(page, "autopilot-high").fill("300")
        await expect(hook(page, "autopilot-preview")).to_contain_text("It first goes down to 300.")
        await inspector.look_over(page, "desk, autopilot off")

        await hook(page, "autopilot-on").press("Enter")
        await expect(hook(page, "autopilot-state")).to_have_text("On")
        await expect(hook(page, "autopilot-asked")).to_contain_text("between 60 and 300 a minute")
        await expect(hook(page, "autopilot-takes")).to_contain_text("Too few book")
        await expect(hook(page, "autopilot-why")).to_contain_text("Set to 300 a minute")
        await inspector.look_over(page, "desk, autopilot on")

        await hook(page, "autopilot-back").press("Enter")
        await expect(hook(page, "autopilot-state")).to_have_text("Off")
        await expect(hook(page, "autopilot-why")).to_contain_text("Handed back by Organiser.")
        # Its keyboard way leads back to where it began.
        await expect(hook(page, "autopilot-on")).to_be_focused()
        assert inspector.faults == [], "\n".join(inspector.faults)
        assert home.stage.complaints == []

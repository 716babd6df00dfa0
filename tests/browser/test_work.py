"""An event called off in a browser, how far that is, and a refund that failed tried again by one press."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.api.support import open_sale
from tests.browser.at_home import at_home
from tests.browser.inspector import Inspector, pictures_folder
from tests.browser.stage import DESK, PHONE, hook, sign_in
from tests.house import PASSWORD, House, Sale
from ticketflow.payments import GatewayTimeout, SimulatedGateway
from ticketflow.settings import Settings

WHY = "The hall is flooded."


@pytest.fixture
def database_url(mariadb_url: str) -> str:
    return mariadb_url


async def silent(_self: SimulatedGateway, _key: str) -> None:
    """A gateway that does not answer."""
    raise GatewayTimeout


async def book_two(house: House, sale: Sale) -> None:
    async with house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        booked = await fan.book((await fan.hold(sale, 2)).json()["id"])
        assert booked.status_code == 201


async def call_off(page: Page) -> None:
    """With the wrong password first: what was typed stays."""
    await page.get_by_label("Why").fill(WHY)
    await page.get_by_label("Your password").fill("not the password")
    await hook(page, "call-off").click()
    await expect(page.get_by_label("Your password")).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_label("Why")).to_have_value(WHY)
    await page.get_by_label("Your password").fill(PASSWORD)
    await hook(page, "call-off").click()


async def test_an_event_is_called_off_and_its_money_goes_back(
    settings: Settings, browser: Browser, monkeypatch: pytest.MonkeyPatch
):
    inspector = Inspector(pictures_folder())
    refund = SimulatedGateway.refund
    monkeypatch.setattr(SimulatedGateway, "refund", silent)
    async with at_home(settings, browser) as home:
        sale = await open_sale(home.house)
        await book_two(home.house, sale)
        reader = await inspector.watch(await home.stage.person(viewport=PHONE))
        await reader.goto(f"/events/{sale.slug}")
        page = await inspector.watch(await home.stage.person(viewport=DESK))
        await sign_in(page, sale.organiser_email)
        await page.wait_for_url("**/")
        await page.goto(f"/organiser/{sale.slug}/cancel")
        await expect(hook(page, "what-happens")).to_contain_text("€50.00")
        await inspector.look_over(page, "call off")
        await call_off(page)

        await expect(page.get_by_text("1 of the refunds did not go through")).to_be_visible()
        await inspector.look_over(page, "being called off")
        await expect(reader.get_by_role("heading", name="This event is called off")).to_be_visible()
        await expect(reader.get_by_text(WHY)).to_be_visible()
        await expect(reader.locator(".event-head .state")).to_have_text("Called off")
        await inspector.look_over(reader, "event called off")

        work = await inspector.watch(await page.context.new_page())
        await work.goto(f"/organiser/work?event={sale.event_id}")
        await expect(work.get_by_text("Live, a count a second")).to_be_visible()
        await expect(work.get_by_text("The payment gateway did not answer.")).to_be_visible()
        await expect(hook(work, "mail-money-failed")).to_have_text("1")
        await inspector.look_over(work, "background work")
        monkeypatch.setattr(SimulatedGateway, "refund", refund)
        await hook(work, "retry-payment").press("Enter")
        await expect(hook(work, "mail-money-failed")).to_have_text("0")
        await expect(hook(work, "failed-payments")).to_have_count(0)
        await expect(page.get_by_text("All is done")).to_be_visible()
        await inspector.look_over(page, "called off")
        assert inspector.faults == [], "\n".join(inspector.faults)
        # That the first password was wrong is an answer of its own, which the console names.
        assert [c for c in home.stage.complaints if "status of 403" not in c] == []

"""The delivery desk in a browser: a letter that failed is seen as it fails, and a press delivers it."""

from playwright.async_api import Browser, expect

from tests import servers
from tests.api.support import open_sale
from tests.browser.at_home import at_home
from tests.browser.inspector import Inspector
from tests.browser.stage import DESK, hook, sign_in
from ticketflow.settings import Settings


async def test_a_retry_from_the_desk_delivers_and_the_numbers_move(
    settings: Settings, browser: Browser, smtp: servers.Mailbox
):
    inspector = Inspector()
    async with at_home(settings, browser) as home:
        sale = await open_sale(home.house)
        page = await home.stage.person(viewport=DESK)
        await sign_in(page, sale.organiser_email)
        await page.wait_for_url("**/")
        await page.goto(f"/organiser/mail?event={sale.event_id}")
        await expect(page.get_by_text("Live, a count a second")).to_be_visible()
        smtp.answer = "550 no such user"
        async with home.house.visitor() as fan:
            await fan.register()
            await fan.come_in(sale)
            booked = await fan.book((await fan.hold(sale)).json()["id"])
            assert booked.status_code == 201
        await expect(hook(page, "mail-failed")).to_have_text("1")
        await expect(page.get_by_text("There is no such address").last).to_be_visible()
        await inspector.look_over(page, "mail desk")
        smtp.answer = "250 taken"
        await hook(page, "retry").press("Enter")
        await expect(hook(page, "mail-sent")).to_have_text("1")
        await expect(hook(page, "mail-failed")).to_have_text("0")
        await expect(hook(page, "letters").get_by_text("Sent")).to_be_visible()
        await expect(hook(page, "retry")).to_have_count(0)
        assert [message["To"] for message in smtp.messages] == [fan.email]
        await page.locator(".mail-look").click()
        await expect(page.frame_locator("iframe").get_by_text("A sale for tests").first).to_be_visible()
        await inspector.look_over(page, "mail letter")
        assert inspector.faults == [], "\n".join(inspector.faults)
        assert home.stage.complaints == []

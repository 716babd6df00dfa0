"""The page after a sale, on a phone and on a desk, without scripts too; what it offers can be taken away."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.api.support import open_sale, services
from tests.browser.at_home import at_home
from tests.browser.inspector import Inspector
from tests.browser.stage import DESK, PHONE, hook, sign_in
from tests.house import eventually
from ticketflow.admission_log import Checker, LogKeys, read_rows
from ticketflow.settings import Settings
from ticketflow.store import admissions


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_a_sale_came_to(settings: Settings, browser: Browser):
    inspector = Inspector()
    async with at_home(settings, browser) as home:
        sale = await open_sale(home.house)
        page = await inspector.watch(await home.stage.person(viewport=PHONE))
        await sign_in(page, sale.organiser_email)
        await page.wait_for_url("**/")
        await page.goto(f"/organiser/{sale.slug}/after")
        await expect(page.get_by_text("Nobody has been called yet.")).to_be_visible()
        await inspector.look_over(page, "after, nothing sold")
        for _ in range(2):
            async with home.house.visitor() as fan:
                await fan.register()
                await fan.come_in(sale)
                assert (await fan.book((await fan.hold(sale)).json()["id"])).status_code == 201

        async def logged() -> bool:
            return await admissions.length(home.house.database, sale.event_id) == 3

        await eventually(logged)
        services(home.house).line_reports._made.clear()
        await page.goto(f"/organiser/{sale.slug}")
        await hook(page, "after").click()
        await expect(hook(page, "after-sold")).to_have_text("2")
        await expect(hook(page, "after-revenue")).to_have_text("€50.00")
        await expect(hook(page, "after-fair")).to_contain_text("in exactly the order in which they stood")
        await expect(hook(page, "after-called")).to_have_text("2")
        await inspector.look_over(page, "after")
        async with page.expect_download() as started:
            await hook(page, "after-admissions").click()
        file = await (await started.value).path()
        with Path(file).open("rb") as lines:
            checked = Checker(LogKeys(settings.ticket_keys).public).check(read_rows(lines))
        assert (checked.fault, checked.rows) == (None, 3)
        async with page.expect_download() as started:
            await hook(page, "after-attendees").click()
        assert (await started.value).suggested_filename == f"attendees-{sale.slug}.csv"
        plain = await home.stage.person(viewport=DESK, java_script_enabled=False)
        await plain.context.add_cookies(await page.context.cookies())  # type: ignore[arg-type]
        await plain.goto(f"/organiser/{sale.slug}/after")
        await expect(hook(plain, "after-sold")).to_have_text("2")
        await plain.get_by_text("The same as a table").click()
        await expect(plain.get_by_role("cell", name="2").first).to_be_visible()
        assert inspector.faults == [], "\n".join(inspector.faults)
        assert home.stage.complaints == []

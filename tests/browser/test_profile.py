"""The profile as a page that stays: parts change where they stand, and what is typed elsewhere is kept."""

import json
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.at_home import Home, at_home
from tests.browser.stage import PHONE, hook, mark, seen, sign_in, was_never_left
from tests.browser.test_theme import NOTE_THE_LOOK
from tests.house import PASSWORD
from ticketflow.settings import Settings


@pytest.fixture
async def home(settings: Settings, browser: Browser) -> AsyncIterator[Home]:
    async with at_home(settings, browser) as home:
        yield home
        assert home.stage.complaints == []


async def a_fan(home: Home) -> str:
    """The address of a new account."""
    async with home.house.visitor() as account:
        await account.register("ann")
        return account.email


async def test_nothing_is_left_to_change_something(home: Home):
    fan, email = await home.stage.person(viewport=PHONE), await a_fan(home)
    await fan.goto("/profile")
    await sign_in(fan, email)
    await mark(fan)
    tray = fan.locator("[data-toasts]")
    await fan.get_by_text("Change the address").click()
    await fan.get_by_label("New address").fill("elsewhere@example.com")
    await fan.get_by_label("What to call you").fill("Ann Other")
    await hook(fan, "rename").click()
    await expect(tray).to_contain_text("You are called Ann Other from here on.")
    await expect(fan.get_by_role("heading", level=1)).to_have_text("Ann Other")
    await expect(hook(fan, "profile")).to_have_accessible_name("Profile of Ann Other")
    # What stood half written in another part stands there still; what is wrong is said beside it.
    await expect(fan.get_by_label("New address")).to_have_value("elsewhere@example.com")
    password = fan.locator("#email-current_password")
    await password.fill("not my password")
    await fan.get_by_role("button", name="Send the link").click()
    await expect(password).to_have_accessible_description("That is not your password. Nothing was changed.")
    await expect(password).to_be_focused()
    await expect(fan.get_by_label("New address")).to_have_value("elsewhere@example.com")
    await password.fill(PASSWORD)
    await fan.get_by_role("button", name="Send the link").click()
    await expect(hook(fan, "pending")).to_contain_text("elsewhere@example.com")
    await ones_data(fan, email)
    await out_of_reach(fan)
    # The browser names what was refused, and what did not arrive.
    refused, lost = home.stage.complaints
    assert "403" in refused
    assert "ERR_FAILED" in lost
    home.stage.complaints.clear()
    assert await was_never_left(fan)
    await expect(tray).not_to_contain_text("could not be told")


async def ones_data(fan: Page, email: str) -> None:
    await fan.get_by_text("Download it").click()
    await fan.locator("#data-current_password").fill(PASSWORD)
    async with fan.expect_download() as download:
        await fan.get_by_role("button", name="Download").click()
    assert email in json.dumps(json.loads((await (await download.value).path()).read_text()))
    await expect(fan.locator("#data-current_password")).to_have_value("")


async def out_of_reach(fan: Page) -> None:
    """What is sent when nobody answers is not lost: it stands in its field, and can be sent again."""
    await fan.get_by_label("What to call you").fill("Ann Third")
    await fan.route("**/profile/name", lambda route: route.abort())
    await hook(fan, "rename").click()
    await expect(fan.locator("[data-toasts]")).to_contain_text("We could not be reached.")
    await fan.unroute("**/profile/name")
    await hook(fan, "rename").click()
    await expect(fan.get_by_role("heading", level=1)).to_have_text("Ann Third")


async def test_a_token_is_copied_and_revoked(home: Home):
    fan, email = await home.stage.person(), await a_fan(home)
    await fan.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=home.stage.url)
    await fan.goto("/profile/tokens")
    await sign_in(fan, email)
    await mark(fan)
    await fan.get_by_label("Name").fill("A printer")
    await fan.get_by_label("Your password", exact=True).fill(PASSWORD)
    await seen(fan, "make-token").click()
    await expect(fan.get_by_label("Token", exact=True)).to_be_focused()
    await fan.get_by_role("button", name="Copy").click()
    await expect(fan.locator("[data-toasts]")).to_contain_text("Copied.")
    token = await fan.evaluate("navigator.clipboard.readText()")
    assert token == await fan.get_by_label("Token", exact=True).input_value()
    await fan.get_by_role("button", name="Revoke A printer").click()
    await expect(hook(fan, "token-list")).to_have_count(0)
    assert await was_never_left(fan)
    async with home.house.visitor() as program:
        answer = await program.get("/api/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401


async def test_the_look_comes_along_to_another_device(home: Home):
    """Chosen here, it is there at the first paint on the next device, also where no script runs."""
    email = await a_fan(home)
    desk = await home.stage.person(color_scheme="light")
    await desk.goto("/profile")
    await sign_in(desk, email)
    async with desk.expect_response("**/api/me") as told:
        await desk.get_by_role("radio", name="Dark").check()
    assert (await told.value).ok
    phone = await home.stage.person(viewport=PHONE, color_scheme="light")
    plain = await home.stage.person(color_scheme="light", java_script_enabled=False)
    await phone.add_init_script(NOTE_THE_LOOK)
    for page in (phone, plain):
        await page.goto("/profile")
        await sign_in(page, email)
        await expect(page.get_by_role("radio", name="Dark")).to_be_checked()
    assert await phone.evaluate("window.lookAtFirst") == "dark"
    await expect(plain.locator("html")).to_have_attribute("data-theme", "dark")
    # With the account goes its look; where no script runs, a button keeps the choice.
    await plain.get_by_role("radio", name="As the system").check()
    await hook(plain, "save-look").click()
    await expect(plain.locator("html")).not_to_have_attribute("data-theme", "dark")
    await phone.goto("/tickets")
    assert await phone.evaluate("window.lookAtFirst") != "dark"
    assert await phone.evaluate("localStorage.getItem('theme')") is None

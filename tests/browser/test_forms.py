"""Forms keep what was typed and say beside each field what is wrong; a toast is a word in passing."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, Request, expect

from tests.browser.at_home import Home, at_home
from tests.browser.inspector import Inspector
from tests.browser.stage import PHONE, sign_in
from tests.house import PASSWORD
from ticketflow.settings import Settings

MAKE = "Make the account"
# The import map gives the page's own copy of the module.
TOAST = """async ([text, more]) => {
  const { imports } = JSON.parse(document.querySelector('script[type=importmap]').textContent);
  (await import(imports['/static/js/page.js'])).toast(text, more);
}"""


@pytest.fixture
async def home(settings: Settings, browser: Browser) -> AsyncIterator[Home]:
    async with at_home(settings, browser) as home:
        yield home
        assert home.stage.complaints == []


async def test_what_was_typed_is_kept_and_the_first_fault_has_the_focus(home: Home):
    fan = await home.stage.person(viewport=PHONE)
    await fan.goto("/register")
    await fan.get_by_label("Email").fill("ann@example")
    await fan.get_by_role("button", name=MAKE).click()
    # Seen by the browser: nothing was sent, and each missing line says so in our words.
    await expect(fan.get_by_label("Name")).to_be_focused()
    await expect(fan.get_by_label("Name")).to_have_accessible_description("Please say what to call you.")
    await fan.get_by_label("Name").fill("Ann")
    await expect(fan.get_by_text("Please say what to call you.")).to_be_hidden()
    await fan.get_by_label("Password", exact=True).fill("short")
    await fan.get_by_role("button", name=MAKE).click()
    # Seen by the server.
    await expect(fan.get_by_role("alert")).to_contain_text("2 lines need another look.")
    await expect(fan.get_by_label("Email")).to_be_focused()
    await expect(fan.get_by_label("Email")).to_have_accessible_description(
        "That does not look like an e-mail address. Your tickets are sent here."
    )
    assert await typed(fan) == {"name": "Ann", "email": "ann@example", "password": ""}
    await a_name_longer_than_any(fan)
    inspector = Inspector()
    await inspector.look_over(fan, "a form with faults")
    assert inspector.faults == []


async def a_name_longer_than_any(fan: Page) -> None:
    """It is not typed further than it may be; one that stands there all the same is told for what it is."""
    name = fan.get_by_label("Name")
    await name.fill("")
    await name.press_sequentially("A" * 121)
    assert await name.input_value() == "A" * 120
    await name.evaluate("(field) => (field.maxLength = 5)")
    await name.press("Backspace")
    await fan.get_by_role("button", name=MAKE).click()
    await expect(name).to_have_accessible_description("A name has at most 120 characters.")
    await name.evaluate("(field) => (field.maxLength = 120)")
    await name.fill("Ann")


async def test_a_draft_outlives_a_reload_an_error_and_the_other_form(home: Home):
    fan = await home.stage.person(viewport=PHONE)
    await fan.goto("/signin?next=/profile")
    await fan.get_by_label("Email").fill("ann@example.com")
    await fan.get_by_label("Password", exact=True).fill("a wrong one")
    await fan.reload()
    assert await typed(fan) == {"email": "ann@example.com", "password": ""}
    await fan.goto("/broken/429")
    await fan.goto("/signin?next=/profile")
    await fan.get_by_role("link", name="Make an account").click()
    await expect(fan.get_by_label("Email")).to_have_value("ann@example.com")
    await fan.get_by_label("Name").fill("Ann")
    await fan.get_by_label("Password", exact=True).fill(PASSWORD)
    await fan.get_by_role("button", name=MAKE).click()
    await expect(fan).to_have_url(f"{home.stage.url}/profile")
    # The way is done: the next who sits here finds nothing of it.
    await fan.goto("/register")
    assert await typed(fan) == {"name": "", "email": "", "password": ""}


async def test_a_password_can_be_looked_at_and_is_sent_once(home: Home):
    fan = await home.stage.person()
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            sent.append(request.url)

    fan.on("request", note)
    await fan.goto("/signin")
    await sign_in(fan, "ann@example.com", "not her password")
    await expect(fan.get_by_label("Password", exact=True)).to_be_focused()
    await expect(fan.get_by_label("Password", exact=True)).to_have_accessible_description(
        "The address or the password is not right."
    )
    await fan.get_by_label("Password", exact=True).fill("now seen")
    show = fan.get_by_role("button", name="Show the password")
    await show.click()
    await expect(fan.get_by_label("Password", exact=True)).to_have_attribute("type", "text")
    await expect(show).to_have_attribute("aria-pressed", "true")
    sent.clear()
    async with fan.expect_navigation():
        await fan.evaluate(
            "for (const i of [0, 1, 2]) setTimeout(() => document.querySelector('form .next').click(), i)"
        )
    assert len(sent) == 1


async def test_a_toast_waits_for_who_reads_it(home: Home):
    reader = await home.stage.person()
    await reader.clock.install()
    await reader.goto("/")
    tray = reader.locator("[data-toasts]")
    await expect(tray).to_have_role("status")
    for number in range(4):
        await reader.evaluate(TOAST, [f"News {number}", {}])
    await expect(tray.locator(".toast")).to_have_count(3)
    await expect(tray).not_to_contain_text("News 0")
    await tray.get_by_text("News 2").hover()
    await reader.clock.run_for(7_000)
    await expect(tray.locator(".toast")).to_have_count(1)
    await expect(tray).to_contain_text("News 2")
    inspector = Inspector()
    await inspector.look_over(reader, "a toast")
    assert inspector.faults == []
    await tray.get_by_role("button", name="Dismiss").click()
    await expect(tray.locator(".toast")).to_have_count(0)
    await reader.evaluate(
        TOAST, ["A letter", {"kind": "problem", "action": {"label": "Read", "href": "/signin"}}]
    )
    await tray.get_by_role("link", name="Read").click()
    await expect(reader).to_have_url(f"{home.stage.url}/signin")
    # Out of touch, and back.
    await reader.context.set_offline(True)
    await expect(tray).to_contain_text("You are offline.")
    await reader.context.set_offline(False)
    await expect(tray).not_to_contain_text("You are offline.")


async def typed(page: Page) -> dict[str, str]:
    """What stands in the fields of the page's form."""
    form = "[...document.querySelectorAll('.field .input')]"
    fields: dict[str, str] = await page.evaluate(f"Object.fromEntries({form}.map((f) => [f.name, f.value]))")
    return fields

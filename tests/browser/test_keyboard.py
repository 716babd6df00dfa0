"""The whole way with a keyboard alone: where the focus is can be seen, and no live update takes it away."""

from pathlib import Path

from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.stage import Stage, hook, seen, two_processes
from tests.house import PASSWORD, House, Sale, Visitor, make_sale
from ticketflow.settings import Settings

MOST_TABS = 60
CROWD = 20
# The focus shows on its element, on the label or row around it, and lies in the window with nothing over it.
FOCUS = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return "nowhere";
  const marked = (part) => {
    const style = part && getComputedStyle(part);
    const outlined = style && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    return outlined || (style && style.boxShadow !== "none" && part.matches(":focus-visible"));
  };
  const around = [element, element.parentElement, element.closest("label"), element.closest("li")];
  const name = `${element.localName} “${(element.ariaLabel ?? element.textContent).trim().slice(0, 30)}”`;
  if (!around.some(marked)) return `not to be seen on ${name}`;
  const box = element.getBoundingClientRect();
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
  if (x < 0 || y < 0 || x > innerWidth || y > innerHeight) return `out of the window on ${name}`;
  const over = document.elementFromPoint(x, y);
  const met = over && (element.contains(over) || over.contains(element));
  return met || over?.closest("label")?.contains(element) ? "" : `under ${over?.localName} on ${name}`;
}"""
LISTEN = """() => {
  window.said = [];
  for (const region of document.querySelectorAll("[aria-live], [role=status], [role=alert]")) {
    new MutationObserver(() => region.textContent.trim() && said.push(region.textContent.trim()))
      .observe(region, { childList: true, characterData: true, subtree: true });
  }
}"""


async def test_from_the_event_to_the_ticket(settings: Settings, whole_browser: Browser, tmp_path: Path):
    sale = await make_sale(settings, mode="paused", per_user_limit=4)
    async with two_processes(settings, tmp_path, sale, whole_browser) as (house, stage):
        async with house.visitor() as anybody, house.visitor() as organiser:
            await anybody.register("keys")
            assert (await organiser.sign_in(sale.organiser_email)).is_success
            fan = await stage.person()
            await skips_to_the_content(fan)
            await signs_in(fan, anybody.email)
            await joins(fan, sale)
            await waits(fan, house, sale)
            await steer(organiser, sale, mode="open")
            await expect(seen(fan, "come-in")).to_be_visible()
            # The page shows its top, where the news is; the focus is where the reader left it.
            await expect(seen(fan, "leave")).to_be_focused()
            await chooses(fan, sale)
            await pays(fan)
        assert stage.complaints == []


async def skips_to_the_content(fan: Page) -> None:
    """The first stop is the link past the header, and it leads past it."""
    await fan.goto("/")
    await fan.keyboard.press("Tab")
    await expect(fan.locator(".skip")).to_be_focused()
    await expect(fan.locator(".skip")).to_be_in_viewport()
    await fan.keyboard.press("Enter")
    await fan.keyboard.press("Tab")
    assert await fan.evaluate("document.querySelector('main').contains(document.activeElement)")


async def signs_in(fan: Page, email: str) -> None:
    await tab_to(fan, fan.get_by_role("link", name="Sign in"))
    await fan.keyboard.press("Enter")
    await tab_to(fan, fan.get_by_label("Email"))
    await fan.keyboard.type(email)
    await tab_to(fan, fan.get_by_label("Password"))
    await fan.keyboard.type(PASSWORD)
    await fan.keyboard.press("Enter")
    await expect(hook(fan, "profile")).to_be_visible()


async def joins(fan: Page, sale: Sale) -> None:
    await tab_to(fan, fan.get_by_role("link", name="A sale for tests"))
    await fan.keyboard.press("Enter")
    await tab_to(fan, seen(fan, "join"))


async def waits(fan: Page, house: House, sale: Sale) -> None:
    """Twenty leave one by one: each change is shown, few are spoken, and the focus stays where it was."""
    crowd = [house.visitor() for _ in range(CROWD)]
    for one in crowd:
        assert (await one.join(sale)).is_success
    await fan.keyboard.press("Enter")
    await expect(hook(fan, "place")).to_have_text(str(CROWD + 1))
    await expect(fan.locator("[data-place] + .reel")).to_be_visible()
    await asks_and_stays(fan)
    await fan.evaluate(LISTEN)
    for left, one in enumerate(crowd, start=1):
        assert (await one.delete(f"/api/events/{sale.event_id}/queue")).status_code == 204
        await one.aclose()
        await expect(hook(fan, "place")).to_have_text(str(CROWD + 1 - left))
        await expect(seen(fan, "leave")).to_be_focused()
    assert await fan.evaluate(FOCUS) == ""
    assert len(await fan.evaluate("said")) <= 1
    assert await fan.locator("[data-say]").count() == 1


async def asks_and_stays(fan: Page) -> None:
    """A dialog takes the focus, keeps it, and gives it back where it came from."""
    await tab_to(fan, seen(fan, "leave"))
    await fan.keyboard.press("Space")
    dialog = fan.get_by_role("dialog")
    for _ in range(3):
        assert await dialog.evaluate("(dialog) => dialog.contains(document.activeElement)")
        assert await fan.evaluate(FOCUS) == ""
        await fan.keyboard.press("Shift+Tab")
    await fan.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(seen(fan, "leave")).to_be_focused()


async def chooses(fan: Page, sale: Sale) -> None:
    await tab_to(fan, seen(fan, "come-in"), back=True)
    await fan.keyboard.press("Enter")
    await expect(fan).to_have_url(f"/events/{sale.slug}/book")
    await expect(seen(fan, "hold")).to_be_visible()
    await tab_to(fan, hook(fan, "quantity"))
    await fan.keyboard.press("ArrowUp")
    await expect(hook(fan, "quantity")).to_have_value("2")
    await tab_to(fan, seen(fan, "hold"))
    await fan.keyboard.press("Enter")
    await expect(seen(fan, "pay")).to_have_text("Pay €50.00")
    assert await fan.evaluate("document.activeElement !== document.body"), "the step changed"


async def pays(fan: Page) -> None:
    """Refused once, so that the way of paying is chosen by an arrow; the refusal is spoken."""
    ways = fan.get_by_role("group", name="Pay with").get_by_role("radio")
    declined = fan.get_by_label("A card that is declined")
    await tab_to(fan, ways.first)
    await arrow_to(fan, declined, "ArrowDown")
    await tab_to(fan, seen(fan, "pay"))
    await fan.keyboard.press("Enter")
    await expect(fan.get_by_role("alert").filter(has_text="Your tickets are still held")).to_be_visible()
    assert await fan.evaluate("document.activeElement !== document.body"), "the card was declined"
    await tab_to(fan, declined, back=True)
    await arrow_to(fan, ways.first, "ArrowUp")
    await tab_to(fan, seen(fan, "pay"))
    await fan.keyboard.press("Space")
    await expect(hook(fan, "booking-status")).to_have_text("Confirmed")
    await expect(hook(fan, "ticket")).to_have_count(2)


async def arrow_to(page: Page, wanted: Locator, key: str) -> None:
    """Press an arrow until the radio button `wanted` is the one that is chosen."""
    for _ in range(5):
        if await wanted.is_checked():
            return
        await page.keyboard.press(key)
        assert await page.evaluate(FOCUS) == ""
    raise AssertionError(f"{wanted} is not reached by arrows")


async def tab_to(page: Page, wanted: Locator, *, back: bool = False) -> None:
    """Press Tab until `wanted` has the focus; at each stop on the way the focus is to be seen."""
    await expect(wanted).to_be_visible()
    for _ in range(MOST_TABS):
        if await wanted.evaluate("(element) => element === document.activeElement"):
            return
        await page.keyboard.press("Shift+Tab" if back else "Tab")
        where = await page.evaluate(FOCUS)
        # Between the last stop and the first the browser itself has the focus.
        assert where in ("", "nowhere"), where
    raise AssertionError(f"{wanted} is not reached by Tab")


async def steer(organiser: Visitor, sale: Sale, **levers: object) -> None:
    answer = await organiser.patch(f"/api/organiser/events/{sale.event_id}/room", json=levers)
    assert answer.is_success, answer.text


async def test_a_hidden_focus_is_seen(browser: Browser):
    """What `tab_to` looks for goes red: no outline, off the window, covered."""
    page = await Stage(browser, "http://page.test").person()
    good = "<main style='padding: 99px'><button id=it>Go</button></main><div id=lid></div>"
    bad = {
        "": "",
        "not to be seen": "#it { outline: none }",
        "out of the window": "#it { position: fixed; left: -200px }",
        "under": "#lid { position: fixed; inset: 0 }",
    }
    for told, style in bad.items():
        await page.set_content(f"<style>:focus-visible {{ outline: 3px solid }} {style}</style>{good}")
        await page.keyboard.press("Tab")
        found = await page.evaluate(FOCUS)
        assert found.startswith(told), found
        assert bool(found) == bool(told), found

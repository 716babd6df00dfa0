"""What frames every page: the bar and its menu, the way to the next, the look, the reader's own figures."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, Request, expect

from tests.browser.at_home import Home, at_home
from tests.browser.inspector import Inspector
from tests.browser.stage import PHONE, hook, sign_in
from tests.house import Sale, make_sale
from ticketflow.settings import Settings

# Notes what is carried over to a page, by the names of its view transition.
NOTE_WHAT_STAYS = """addEventListener("pagereveal", ({ viewTransition }) => {
  window.carried = viewTransition ? viewTransition.ready.then(() => document.getAnimations()
    .map((animation) => animation.effect.pseudoElement ?? "")
    .filter((name) => name.includes("-group("))) : [];
});"""
CARRIED = """async () => {
  while (window.carried === undefined) await new Promise(requestAnimationFrame);
  return await window.carried;
}"""
NOTE_SHIFTS = """window.shifted = 0;
new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shifted += entry.value; })
  .observe({ type: "layout-shift", buffered: true });"""
LINE_IS_CUT = """async () => {
  const { imports } = JSON.parse(document.querySelector("script[type=importmap]").textContent);
  (await import(imports["/static/js/desk.js"])).showConnection({ live: false }, "So it is.");
}"""
# What stands outside the window sideways, and lines too long to be read.
MISFITS = """() => [...document.querySelectorAll("main p, main h1, main h2, .bar *")]
  .filter((element) => element.checkVisibility())
  .map((element) => [element, element.getBoundingClientRect()])
  .filter(([element, box]) => box.right > innerWidth + 1 || box.left < -1
    || (element.matches("p") && box.width > 62.5 * 1.1 * parseFloat(getComputedStyle(element).fontSize)))
  .map(([element, box]) => `${element.outerHTML.slice(0, 60)}: ${box.left} to ${box.right}`)"""


@pytest.fixture
async def sale(settings: Settings) -> Sale:
    return await make_sale(settings)


@pytest.fixture
async def home(settings: Settings, sale: Sale, browser: Browser) -> AsyncIterator[Home]:
    async with at_home(settings, browser) as home:
        yield home
        assert home.stage.complaints == []


async def a_fan(home: Home) -> str:
    """The address of a new account."""
    async with home.house.visitor() as account:
        await account.register("ann")
        return account.email


async def test_one_calm_bar_at_every_width(home: Home, sale: Sale):
    email = await a_fan(home)
    # Not a line of script runs here: the menu is the browser's own.
    plain = await home.stage.person(viewport={"width": 320, "height": 640}, java_script_enabled=False)
    await plain.goto(f"/events/{sale.slug}")
    assert await height_of_bar(plain) <= 62
    await expect(plain.get_by_role("link", name="Events")).to_be_hidden()
    await hook(plain, "menu").click()
    await plain.get_by_role("link", name="Events").click()
    await expect(plain).to_have_url(f"{home.stage.url}/")
    await expect(plain.get_by_role("link", name="Events")).to_be_hidden()

    await plain.goto(f"/events/{sale.slug}")
    await plain.get_by_role("link", name="Sign in").click()
    await expect(plain.get_by_text("On the way to")).to_be_visible()
    await sign_in(plain, email)
    await expect(plain).to_have_url(f"{home.stage.url}/events/{sale.slug}")
    reader = await home.stage.person()
    await sign_in(reader, email)
    await expect(hook(reader, "profile")).to_be_visible()
    for path in ("/", "/profile", "/signin", "/no/such"):
        await reader.goto(path)
        for width in (320, 720, 1440, 2560):
            await reader.set_viewport_size({"width": width, "height": 900})
            assert await reader.evaluate(MISFITS) == [], (path, width)
            assert await height_of_bar(reader) <= 80, (path, width)
    # Wide as the window is, the page is no thin column in a void.
    assert await reader.evaluate("document.querySelector('main').getBoundingClientRect().width") > 1700


async def test_what_stays_is_carried_from_page_to_page(home: Home, sale: Sale):
    reader = await home.stage.person(reduced_motion="no-preference")
    fetched: list[str] = []

    def note(request: Request) -> None:
        if "prefetch" in request.headers.get("sec-purpose", ""):
            fetched.append(request.url)

    reader.context.on("request", note)
    await reader.context.add_init_script(NOTE_WHAT_STAYS)
    await reader.goto("/")
    poster = reader.get_by_role("link", name="A sale for tests")
    async with reader.context.expect_event(
        "request", lambda r: "prefetch" in r.headers.get("sec-purpose", "")
    ):
        await poster.hover()
    assert fetched == [f"{home.stage.url}/events/{sale.slug}"]
    await poster.click()
    await expect(reader.get_by_role("heading", name="How the line works")).to_be_visible()
    carried = await reader.evaluate(CARRIED)
    for name in ("mark", f"art-{sale.event_id}", f"name-{sale.event_id}"):
        assert f"::view-transition-group({name})" in carried
    calm = await home.stage.person(reduced_motion="reduce")
    await calm.context.add_init_script(NOTE_WHAT_STAYS)
    await calm.goto("/")
    await calm.get_by_role("link", name="A sale for tests").click()
    await expect(calm.get_by_role("heading", name="How the line works")).to_be_visible()
    assert await calm.evaluate(CARRIED) == []


async def test_a_look_at_the_line_is_never_taken_in_advance(home: Home, sale: Sale):
    """Its page, fetched because a pointer passed over a link, would say that somebody is there."""
    fan = await home.stage.person()
    await fan.goto(f"/events/{sale.slug}")
    rules = await fan.evaluate("document.querySelector('script[type=speculationrules]').textContent")
    matches = """([rules, path]) => JSON.parse(rules).prefetch[0].where.href_matches
      .some((pattern) => new URLPattern(pattern, location.href).test(path, location.href))"""
    taken = ("/", f"/events/{sale.slug}", "/signin?next=/tickets", "/tickets", "/profile")
    left = (f"/events/{sale.slug}/queue", f"/events/{sale.slug}/book", "/bookings/7", "/bookings/7/cancel")
    for path in (*taken, *left):
        assert await fan.evaluate(matches, [rules, path]) == (path in taken), path


async def test_going_back_shows_who_is_signed_in_now(home: Home, sale: Sale):
    email = await a_fan(home)
    fan = await home.stage.person()
    await fan.goto(f"/events/{sale.slug}")
    await fan.goto("/signin")
    await sign_in(fan, email)
    await expect(hook(fan, "profile")).to_be_visible()
    await fan.go_back()
    await fan.go_back()
    await expect(fan).to_have_url(f"{home.stage.url}/events/{sale.slug}")
    await expect(hook(fan, "profile")).to_be_visible()


async def test_the_profile_and_its_look(home: Home):
    fan = await home.stage.person(viewport=PHONE, color_scheme="light")
    await fan.goto("/profile")
    await sign_in(fan, await a_fan(home))
    await expect(fan).to_have_url(f"{home.stage.url}/profile")
    await expect(hook(fan, "profile-email")).to_contain_text("ann@example.com")
    await expect(fan.get_by_text("Here since")).to_be_visible()
    figures = fan.get_by_text("Amounts and counts are written the way your browser asks for.")
    await expect(figures).to_be_visible()
    plain = await home.stage.person(java_script_enabled=False)
    await plain.context.add_cookies(await fan.context.cookies())  # type: ignore[arg-type]
    answer = await plain.goto("/profile")
    await expect(plain.get_by_text("the way your browser asks for")).to_be_hidden()
    # The driver keeps what stands in <noscript> from being read on the page.
    assert answer is not None
    assert "<noscript>" in (words := (await answer.text()).partition('id="times"')[2])
    assert "written the English way" in words
    inspector = Inspector()
    await inspector.look_over(fan, "profile")
    assert inspector.faults == []
    await fan.emulate_media(color_scheme="light")
    await fan.get_by_role("radio", name="Dark").check()
    await fan.reload()
    await expect(fan.get_by_role("radio", name="Dark")).to_be_checked()
    assert await fan.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    # The browser's own frame goes with it.
    shown = (
        "[...document.querySelectorAll('meta[name=theme-color]')].filter((m) => matchMedia(m.media).matches)"
    )
    assert await fan.evaluate(f"{shown}.map((m) => m.dataset.sky)") == ["dark"]
    await fan.get_by_role("radio", name="As the system").check()
    assert await fan.evaluate(f"{shown}.map((m) => m.dataset.sky)") == ["light"]
    await hook(fan, "sign-out").click()
    await expect(fan.get_by_role("link", name="Sign in")).to_be_visible()


READERS = {
    ("en-GB", "Europe/London"): ("€25.00", False),
    ("de-DE", "Europe/Berlin"): ("25,00\u00a0€", False),
    ("en-US", "America/New_York"): ("€25.00", True),
}


async def test_figures_are_the_readers_and_nothing_jumps(home: Home, sale: Sale):
    for (locale, zone), (price, twelve_hours) in READERS.items():
        await figures_are_the_readers(home, sale, locale, zone, price, twelve_hours)


async def test_out_of_touch_is_said_once_for_all_the_tries_that_fail(home: Home, sale: Sale):
    fan = await home.stage.person()
    # A line that says nothing, so that only the test tells how it stands.
    await fan.route_web_socket("**/ws/**", lambda socket: None)
    await fan.clock.install(time=0)
    # Time passes when the test says so, and not while a busy machine thinks.
    await fan.clock.pause_at(1)
    await fan.goto(f"/events/{sale.slug}")
    await fan.evaluate(LINE_IS_CUT)
    words = fan.locator("[data-connection]")
    await fan.clock.run_for(1_900)
    await expect(words).to_have_text("")
    await fan.evaluate(LINE_IS_CUT)
    await fan.clock.run_for(100)
    assert await words.inner_text() == "You are offline. So it is."


async def figures_are_the_readers(
    home: Home, sale: Sale, locale: str, zone: str, price: str, twelve_hours: bool
) -> None:
    reader = await home.stage.person(locale=locale, timezone_id=zone, viewport=PHONE)
    await reader.context.add_init_script(NOTE_SHIFTS)
    await reader.goto(f"/events/{sale.slug}")
    await expect(reader.locator("data[data-money]").first).to_have_text(price)
    when = await reader.locator('.event-facts time[data-local="clock"]').inner_text()
    assert (" AM " in when.upper() or " PM " in when.upper()) == twelve_hours
    # Words stay those of the page, whatever the reader's language: it says that it is English.
    day = await reader.locator('.event-facts time[data-local="day"]').inner_text()
    assert day[:3] in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    await two_pictures(reader)
    assert await reader.evaluate("window.shifted") < 0.02


async def height_of_bar(page: Page) -> float:
    height: float = await page.evaluate("document.querySelector('.bar').getBoundingClientRect().height")
    return height


async def two_pictures(page: Page) -> None:
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

"""Each page in each of its states, on a phone: no barrier, no sideways scroll, no complaint."""

from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.browser.inspector import Inspector
from tests.browser.stage import PHONE, Stage, by_menu, hook, one_command, seen, sign_in
from ticketflow.seed import FAN, ORGANISER, PASSWORD

SEATED, LOBBY = "/events/strings-by-candlelight", "/events/open-synths-night"


async def test_every_page(browser: Browser, tmp_path: Path):
    inspector = Inspector()
    # Long enough to be looked over while called, short enough to be seen missed.
    async with one_command(tmp_path, browser, TICKETFLOW_CLAIM_SECONDS="20") as stage:
        stranger = await stage.person(viewport=PHONE)
        await before_an_account(stranger, inspector)
        organiser = await an_organiser(stage, inspector)
        fan, late = await stage.person(viewport=PHONE), await stage.person(viewport=PHONE)
        await in_the_line(fan, late, organiser, inspector)
        await to_the_ticket(fan, inspector)
        await the_mail(fan, inspector)
        await cancelled(fan, inspector)
        await after_the_turn(late, organiser, inspector)
        await the_draw(stranger, organiser, inspector)
        assert inspector.faults == [], "\n".join(inspector.faults)
        assert stage.complaints == []


async def before_an_account(stranger: Page, inspector: Inspector) -> None:
    for path in (
        "/",
        SEATED,
        LOBBY,
        LOBBY + "/draw",
        SEATED + "/book",
        "/signin",
        "/register",
        "/mailbox",
        "/no/such/page",
    ):
        await stranger.goto(path)
        await inspector.look_over(stranger, path)
    await sign_in(stranger, FAN, "not the password")
    await expect(stranger.get_by_role("alert")).to_be_visible()
    await inspector.look_over(stranger, "sign-in refused")
    await stranger.goto("/register")
    await stranger.get_by_label("Name").fill("A")
    await stranger.get_by_label("Email").fill("a@b")
    await stranger.get_by_label("Password").fill("short")
    await stranger.get_by_role("button", name="Make the account").click()
    await expect(stranger.get_by_text("That does not look like an e-mail address.")).to_be_visible()
    await inspector.look_over(stranger, "register refused")
    await stranger.goto(LOBBY)
    await seen(stranger, "join").click()
    await expect(stranger.get_by_role("heading", name="You are in the lobby")).to_be_visible()
    await inspector.look_over(stranger, "lobby")
    await stranger.get_by_role("link", name="How the draw works").click()
    await expect(stranger.get_by_role("heading", name="You are in the draw")).to_be_visible()
    await inspector.look_over(stranger, "in the draw")


async def an_organiser(stage: Stage, inspector: Inspector) -> Page:
    """The organiser's pages on a phone; then their desk stops the seated sale."""
    organiser = await stage.person(viewport=PHONE)
    await sign_in(organiser, ORGANISER, PASSWORD)
    await expect(hook(organiser, "profile")).to_be_visible()
    await by_menu(organiser, "Organise")
    await inspector.look_over(organiser, "organiser's sales")
    await organiser.get_by_role("link", name="Strings by Candlelight").click()
    await expect(organiser.get_by_text("Live, a frame a second")).to_be_visible()
    await hook(organiser, "pause").click()
    await expect(organiser.get_by_text("In force since")).to_be_visible()
    await hook(organiser, "message").fill("Doors at half past seven. " + "Verylongwordswithoutaspace" * 4)
    await hook(organiser, "message-apply").click()
    await inspector.look_over(organiser, "organiser's desk")
    return organiser


async def in_the_line(fan: Page, late: Page, organiser: Page, inspector: Inspector) -> None:
    await sign_in(fan, FAN, PASSWORD)
    await fan.goto("/profile")
    await inspector.look_over(fan, "profile")
    await fan.goto("/tickets")
    await inspector.look_over(fan, "no tickets")
    await fan.goto(SEATED)
    await expect(fan.get_by_text("Paused for a moment")).to_be_visible()
    await inspector.look_over(fan, "paused event")
    for who in (fan, late):
        await who.goto(SEATED)
        await seen(who, "join").click()
    await expect(fan.get_by_text("1 behind you")).to_be_visible()
    await inspector.look_over(fan, "waiting")
    await seen(fan, "leave").click()
    await inspector.look_over(fan, "asked about leaving")
    await fan.get_by_role("button", name="Stay").click()
    await hook(organiser, "open").click()
    await expect(seen(fan, "come-in")).to_be_visible()
    await inspector.look_over(fan, "called")


async def to_the_ticket(fan: Page, inspector: Inspector) -> None:
    await seen(fan, "come-in").click()
    await expect(seen(fan, "hold")).to_be_visible()
    await inspector.look_over(fan, "choosing")
    await seen(fan, "hold").click()
    await fan.get_by_label("A card that is declined").check()
    await seen(fan, "pay").click()
    await expect(fan.get_by_text("Your tickets are still held")).to_be_in_viewport()
    await inspector.look_over(fan, "card declined")
    await fan.get_by_label("A card whose bank takes a few seconds").check()
    await seen(fan, "pay").click()
    await expect(hook(fan, "booking-status")).to_have_text("Confirmed")
    await inspector.look_over(fan, "confirmed")
    await fan.goto("/tickets")
    await inspector.look_over(fan, "my tickets")
    await fan.goto(SEATED + "/queue")
    await inspector.look_over(fan, "done")


async def the_mail(fan: Page, inspector: Inspector) -> None:
    """The letter appears in the mailbox by itself, and shows its text and its page."""
    await fan.goto("/mailbox")
    await fan.get_by_role("link", name="Your tickets for Strings by Candlelight").click()
    await expect(fan.frame_locator("iframe").get_by_text("They are yours")).to_be_visible()
    await inspector.look_over(fan, "a letter")
    await fan.get_by_role("link", name="Back to the mailbox").click()
    await inspector.look_over(fan, "mailbox")


async def cancelled(fan: Page, inspector: Inspector) -> None:
    """Asked in a dialog, or on a page of its own where no script runs; then the end, on all its pages."""
    await fan.goto("/tickets")
    await seen(fan, "cancel").click()
    await inspector.look_over(fan, "asked about cancelling")
    await fan.get_by_role("button", name="Keep it").click()
    await fan.goto(await hook(fan, "cancel").get_attribute("href") or "")
    await inspector.look_over(fan, "asked on a page")
    await hook(fan, "cancel-confirm").click()
    await expect(hook(fan, "booking-status")).to_have_text("Cancelled, refunded")
    await inspector.look_over(fan, "cancelled")
    await fan.goto("/mailbox")
    await fan.get_by_role("link", name="Cancelled: your tickets").click()
    await expect(fan.frame_locator("iframe").get_by_text("Your booking is cancelled")).to_be_visible()


async def after_the_turn(late: Page, organiser: Page, inspector: Inspector) -> None:
    await expect(seen(late, "join")).to_have_text("Take my place back")
    await inspector.look_over(late, "missed")
    await hook(organiser, "close").click()
    await expect(late.get_by_role("heading", name="The sale is closed")).to_be_visible()
    await inspector.look_over(late, "closed")


async def the_draw(entrant: Page, organiser: Page, inspector: Inspector) -> None:
    """The lobby opens: its one entrant is first, and their browser works out the same number."""
    await organiser.goto("/organiser")
    await organiser.get_by_role("link", name="Night of the Open Synths").click()
    await hook(organiser, "open").click()
    await expect(organiser.get_by_text("In force since")).to_be_visible()
    await entrant.reload()
    await expect(hook(entrant, "drawn-place")).to_have_text("1")
    await expect(entrant.get_by_text("This browser has worked the number out itself")).to_be_visible()
    await expect(entrant.get_by_text("it is the same")).to_be_visible()
    await inspector.look_over(entrant, "drawn")
    await entrant.get_by_label("Look at an entrant").fill("somebody-else")
    await entrant.get_by_role("button", name="Work it out").click()
    await expect(entrant.get_by_text("Not in the draw")).to_be_visible()
    await inspector.look_over(entrant, "not in the draw")
    async with entrant.expect_download() as download:
        await hook(entrant, "draw-list").click()
    listed = (await (await download.value).path()).read_text()
    assert "entrants 1\n" in listed

"""A walk through every page in each of its states, for whoever wants to look at them.

The states are made over the API, so that a page may change how it is used without hiding others from view.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from playwright.async_api import Page, expect

from tests.browser.backstage import Backstage
from tests.browser.stage import PHONE, Stage, hook, seen, sign_in
from ticketflow.domain import now
from ticketflow.seed import FAN, ORGANISER, PASSWORD

Look = Callable[[Page, str], Awaitable[None]]
Watch = Callable[[Page], Awaitable[Page]]
SEATED, LOBBY, BIG = "strings-by-candlelight", "open-synths-night", "coldplay-mumbai-2026"
# Words with no place to break: names that are longer than a phone is wide.
QUIET, MISSED, LAST_ONE = "Weihnachtsliederabendkonzert", "Sommernachtsserenadenkonzert", "A last ticket"
LONG_VENUE = "Elbphilharmonie Kammermusiksaal"
VARIABLES = {
    # Long enough to be looked over while called, short enough to be seen missed.
    "TICKETFLOW_CLAIM_SECONDS": "30",
    # A payment that takes its time is a page of its own.
    "TICKETFLOW_SLOW_PAYMENT_SECONDS": "10",
    "TICKETFLOW_BOOKING_WAIT_SECONDS": "1",
}
"""What `ticketflow up` is to be told for the walk."""


class Walk:
    """One walk. `look` is called for each page in each state; `watch` with each new page at first."""

    def __init__(self, stage: Stage, back: Backstage, look: Look, watch: Watch) -> None:
        self._stage = stage
        self._back = back
        self._look = look
        self._watch = watch

    async def whole(self) -> None:
        """All of it, in an order in which waiting for one state is filled with looking at others."""
        await self.prepare()
        stranger, late = await self._somebody(), await self.somebody_called()
        await self.events(stranger)
        await self.forms(stranger)
        await self.forgotten(stranger)
        await self.the_lobby(stranger)
        fan = await self._somebody(FAN)
        await self.the_line(fan)
        await self.the_seat_map(fan)
        await self.the_desk(fan)
        await self.sold_out_meanwhile()
        await self.the_organiser()
        await self.the_ticket(fan)
        await self.the_account(fan)
        await self.the_tickets(fan)
        await self.the_mail(fan)
        await self.after_the_turn(late)
        await self.the_draw(stranger)

    async def prepare(self) -> None:
        """A sale in each state that the demo data lacks."""
        back = self._back
        await back.sell("A scheduled sale", sale_starts_at=(now() + timedelta(days=1)).isoformat())
        await back.sell("A closed sale")
        await back.steer("A closed sale", mode="closed", message="The hall cannot be used.")
        await back.sell("A sold out sale", capacity=1)
        await back.buy(await back.buyer("A sold out sale"), "A sold out sale")
        await back.sell(LAST_ONE, capacity=1)
        await back.sell(QUIET, venue=LONG_VENUE)
        await back.sell(MISSED, venue=LONG_VENUE)
        await back.steer(MISSED, mode="paused")
        await back.steer(SEATED, mode="paused", message="Doors at half past seven. " + "Verylongword" * 8)

    async def somebody_called(self) -> Page:
        """A page whose turn has come, and who does not come in."""
        page = await self._somebody()
        await self._joins(page, MISSED)
        await self._back.steer(MISSED, mode="open")
        await expect(page.locator("[data-room]")).to_have_attribute("data-state", "called")
        return page

    async def events(self, stranger: Page) -> None:
        """The landing page, the event's page in every state of its sale, and what a stranger may read."""
        await self._go(stranger, "/", "landing")
        await self._go(stranger, "/docs", "the API")
        made = {"A scheduled sale": "scheduled", "A closed sale": "closed", "A sold out sale": "sold out"}
        for sale, state in {BIG: "on sale", SEATED: "paused", LOBBY: "lobby", **made}.items():
            await self._go(stranger, self._back.path(sale), f"event {state}")
        await self._go(stranger, f"/events/{LOBBY}/draw", "draw to come")
        await self._go(stranger, f"/events/{SEATED}/book", "desk from outside")
        await self._go(stranger, self._back.path("A closed sale") + "/queue", "queue of a stranger")

    async def forms(self, stranger: Page) -> None:
        """Signing in and making an account, at first and refused; the empty mailbox; nothing there."""
        for path, name in (("/signin", "sign in"), ("/register", "register"), ("/no/such/page", "error 404")):
            await self._go(stranger, path, name)
        await sign_in(stranger, FAN, "not the password")
        await expect(stranger.get_by_role("alert").filter(visible=True).first).to_be_visible()
        await self._look(stranger, "sign in refused")
        await stranger.goto("/register")
        await stranger.get_by_label("Name").fill("A")
        await stranger.get_by_label("Email").fill("a@b")
        await stranger.get_by_label("Password").fill("short")
        await stranger.get_by_role("button", name="Make the account").click()
        await expect(stranger.locator("[aria-invalid=true]").first).to_be_visible()
        await self._look(stranger, "register refused")

    async def forgotten(self, stranger: Page) -> None:
        """Asking for a new password, and what links in letters lead to."""
        await self._go(stranger, "/forgot", "forgot")
        await stranger.get_by_label("Email").fill("nobody@example.com")
        await stranger.get_by_role("button", name="Send me a link").click()
        await expect(hook(stranger, "sent")).to_be_visible()
        await self._look(stranger, "forgot sent")
        await self._go(stranger, "/reset?token=x", "reset")
        await self._go(stranger, "/verify?token=x", "verify")

    async def the_lobby(self, stranger: Page) -> None:
        await stranger.goto(f"/events/{LOBBY}")
        await seen(stranger, "join").click()
        await expect(stranger.get_by_role("heading", name="You are in the lobby")).to_be_visible()
        await self._look(stranger, "lobby")
        await self._go(stranger, f"/events/{LOBBY}/draw", "in the draw")

    async def the_line(self, fan: Page) -> None:
        """Waiting, asked about leaving, left; then in again, and called."""
        await self._go(fan, "/profile", "profile")
        await self._go(fan, "/tickets", "no tickets")
        await self._joins(fan, SEATED)
        crowd = await self._back.crowd(SEATED, 12)
        await expect(fan.get_by_text("12 behind you")).to_be_visible()
        await self._look(fan, "waiting while paused")
        await seen(fan, "leave").click()
        await self._look(fan, "asked about leaving")
        await fan.get_by_role("button", name="Stay").click()
        await fan.request.delete(f"/api/events/{self._back.id(SEATED)}/queue")
        await expect(fan.get_by_role("heading", name="You have left the line")).to_be_visible()
        await self._look(fan, "left")
        await self._joins(fan, SEATED)
        await self._back.steer(SEATED, mode="open", rate_per_minute=0)
        for gone, one in enumerate(crowd):
            await expect(hook(fan, "place")).to_have_text(str(13 - gone))
            await self._back.goes(one, SEATED)
        await self._look(fan, "waiting")
        await self._back.steer(SEATED, rate_per_minute=600)
        await expect(seen(fan, "come-in")).to_be_visible()
        await self._look(fan, "called")

    async def sold_out_meanwhile(self) -> None:
        """The last ticket goes while somebody waits; then the sale is closed before their eyes."""
        buyer = await self._back.buyer(LAST_ONE)
        await self._back.steer(LAST_ONE, mode="paused")
        page = await self._somebody()
        await self._joins(page, LAST_ONE)
        await self._back.buy(buyer, LAST_ONE)
        await expect(hook(page, f"remaining-{self._back.type_id(LAST_ONE)}")).to_have_text("0")
        await self._look(page, "sold out while waiting")
        await self._back.steer(LAST_ONE, mode="closed")
        await expect(page.get_by_role("heading", name="The sale is closed")).to_be_visible()
        await self._look(page, "closed while waiting")

    async def the_seat_map(self, fan: Page) -> None:
        await seen(fan, "come-in").click()
        await expect(seen(fan, "hold")).to_be_visible()
        await self._look(fan, "seat map")

    async def the_desk(self, fan: Page) -> None:
        """From the quantity to a payment that takes its time."""
        await fan.goto(self._back.path(QUIET))
        # Nobody waits there: joining leads straight to the desk.
        await seen(fan, "join").click()
        await expect(seen(fan, "hold")).to_be_visible()
        await self._look(fan, "quantity")
        await seen(fan, "hold").click()
        await expect(seen(fan, "pay")).to_be_visible()
        await self._look(fan, "checkout")
        await fan.get_by_label("A card that is declined").check()
        await seen(fan, "pay").click()
        await expect(fan.get_by_text("Your tickets are still held")).to_be_in_viewport()
        await self._look(fan, "declined")
        await fan.get_by_label("A card whose bank takes a few seconds").check()
        await seen(fan, "pay").click()
        await expect(hook(fan, "booking-status")).to_have_attribute("data-status", "processing")
        await self._look(fan, "processing")

    async def the_ticket(self, fan: Page) -> None:
        await expect(hook(fan, "booking-status")).to_have_text("Confirmed")
        await self._look(fan, "success")

    async def the_account(self, fan: Page) -> None:
        """The profile with all that can stand there, and a token while it is shown."""
        booking = fan.url
        await fan.goto("/profile")
        await fan.get_by_text("Change the address").click()
        await fan.get_by_label("New address").fill("fan.elsewhere@example.com")
        await fan.locator("#email-current_password").fill(PASSWORD)
        await fan.get_by_role("button", name="Send the link").click()
        await expect(hook(fan, "pending")).to_be_visible()
        for fold in (
            "Change the address",
            "Change the password",
            "Download it",
            "What happens, and closing it",
        ):
            await fan.get_by_text(fold).click()
        await fan.locator("#close-current_password").fill(PASSWORD)
        await fan.get_by_role("button", name="Close my account").click()
        await expect(hook(fan, "ahead")).to_be_visible()
        await self._look(fan, "close refused")
        await fan.goto("/profile/tokens")
        await fan.get_by_label("Name").fill("Weihnachtsliederabendkartendrucker")
        await fan.get_by_label("Your password", exact=True).fill(PASSWORD)
        await seen(fan, "make-token").click()
        await expect(hook(fan, "token-made")).to_be_visible()
        await self._look(fan, "token shown")
        await fan.goto(booking)

    async def the_tickets(self, fan: Page) -> None:
        """What one has, and giving it back: asked in a dialog, or on a page where no script runs."""
        booking = fan.url.rpartition("/")[2]
        await self._go(fan, "/tickets", "my tickets")
        await seen(fan, "cancel").first.click()
        await self._look(fan, "asked about cancelling")
        await self._go(fan, f"/bookings/{booking}/cancel", "cancel")
        await hook(fan, "cancel-confirm").click()
        await expect(hook(fan, "booking-status")).to_have_text("Cancelled, refunded")
        await self._look(fan, "cancelled")
        await self._go(fan, self._back.path(QUIET) + "/queue", "done")

    async def the_mail(self, fan: Page) -> None:
        await fan.goto("/mailbox")
        await expect(fan.get_by_role("link", name="Cancelled: your tickets").first).to_be_visible()
        await self._look(fan, "mailbox")
        await fan.get_by_role("link", name=f"Your tickets for {QUIET}", exact=False).last.click()
        await expect(fan.frame_locator("iframe").get_by_text(QUIET).first).to_be_visible()
        await self._look(fan, "letter")

    async def the_organiser(self) -> None:
        organiser = await self._somebody(ORGANISER)
        await self._go(organiser, "/organiser", "organiser")
        await organiser.goto(f"/organiser/{SEATED}")
        await expect(organiser.get_by_text("Live, a frame a second")).to_be_visible()
        await self._look(organiser, "organiser desk")
        await hook(organiser, "mail-desk").click()
        await expect(organiser.get_by_text("Live, a count a second")).to_be_visible()
        await self._look(organiser, "no letters yet")
        await self._go(organiser, "/organiser/mail?state=sent", "mail of all sales")
        await organiser.locator(".mail-look").first.click()
        for way in ("As it looks", "Text", "Headers"):
            await organiser.get_by_role("link", name=way).click()
            await expect(organiser.get_by_role("link", name=way)).to_have_attribute("aria-current", "page")
            await self._look(organiser, f"letter of a sale, {way}")
        await self.the_door(organiser)

    async def the_door(self, organiser: Page) -> None:
        """Of a sale that has sold one ticket: nobody yet, and each verdict that can be had of it."""
        signed, slug = self._back.bought[0]["signed"], self._back.path("A sold out sale").rpartition("/")[2]
        await self._go(organiser, f"/organiser/door/{slug}?door=North", "door")
        await organiser.goto(f"/organiser/door/{SEATED}")
        for code, verdict in ((signed, "wrong_event"), ("no code", "unknown")):
            await self._checks(organiser, code, verdict)
        await organiser.goto(f"/organiser/door/{slug}?door=North")
        for verdict in ("valid", "used"):
            await self._checks(organiser, signed, verdict)

    async def _checks(self, organiser: Page, code: str, verdict: str) -> None:
        await organiser.get_by_label("Code", exact=True).fill(code)
        await organiser.keyboard.press("Enter")
        await expect(hook(organiser, "verdict")).to_have_attribute("data-verdict", verdict)
        await self._look(organiser, f"door {verdict}")

    async def after_the_turn(self, late: Page) -> None:
        await expect(late.locator("[data-room]")).to_have_attribute("data-state", "missed")
        await self._look(late, "missed")

    async def the_draw(self, entrant: Page) -> None:
        """The lobby opens: its one entrant is first, and their browser works out the same number."""
        await self._back.steer(LOBBY, mode="open")
        await entrant.goto(f"/events/{LOBBY}/draw")
        await expect(hook(entrant, "drawn-place")).to_have_text("1")
        await expect(entrant.get_by_text("This browser has worked the number out itself")).to_be_visible()
        await expect(entrant.get_by_text("it is the same")).to_be_visible()
        await self._look(entrant, "drawn")
        await entrant.get_by_label("Look at an entrant").fill("somebody-else")
        await entrant.get_by_role("button", name="Work it out").click()
        await expect(entrant.get_by_text("Not in the draw")).to_be_visible()
        await self._look(entrant, "not in the draw")
        async with entrant.expect_download() as download:
            await hook(entrant, "draw-list").click()
        listed = (await (await download.value).path()).read_text()
        assert "entrants 1\n" in listed

    async def _go(self, page: Page, path: str, name: str) -> None:
        await page.goto(path)
        await self._look(page, name)

    async def _joins(self, page: Page, sale: str) -> None:
        """From the event's page into a line that does not move."""
        await page.goto(self._back.path(sale))
        await seen(page, "join").click()
        await expect(page.locator("[data-place] + .reel")).to_be_visible()

    async def _somebody(self, email: str | None = None) -> Page:
        """Somebody new on a phone; with an address, signed in to a demo account."""
        page = await self._watch(await self._stage.person(viewport=PHONE))
        if email:
            answer = await page.request.post("/api/login", data={"email": email, "password": PASSWORD})
            assert answer.ok, await answer.text()
        return page

"""What a fan is told while waiting: what is left, what to do, and that it is their turn."""

import json
import re
from datetime import timedelta
from pathlib import Path

from playwright.async_api import Browser, Locator, Page, Route, WebSocketRoute, expect

from tests.browser.stage import PHONE, Stage, hook, take_place, two_processes
from tests.house import House, Sale, Visitor, make_sale
from ticketflow.domain import now
from ticketflow.settings import Settings
from ticketflow.store.events import NewTicketType

TYPES = (NewTicketType("Standing", 2500, 4),)
# Nobody looks at the page; and what it does to be noticed is written down at its root.
LISTENING = """
document.hasFocus = () => false;
const noted = (name, what) => {
  const { dataset } = document.documentElement;
  dataset[name] = [dataset[name], what].filter(Boolean).join("; ");
};
const Note = globalThis.OscillatorNode;
globalThis.OscillatorNode = class extends Note {
  start(...when) { super.start(...when); noted("sounded", "note"); }
};
const Notice = globalThis.Notification;
globalThis.Notification = class extends Notice {
  constructor(title, options) { super(title, options); noted("notified", title); }
};
"""
WITHOUT = "delete globalThis.AudioContext; delete globalThis.Notification;"
# The clock of the device is fast by ten minutes, for all that the page can ask.
FAST = """
const Real = Date;
const fast = 600_000;
globalThis.Date = class extends Real {
  constructor(...given) { given.length ? super(...given) : super(Real.now() + fast); }
  static now() { return Real.now() + fast; }
};
Object.defineProperty(performance, "timeOrigin", { value: performance.timeOrigin + fast });
"""
UNTOLD = """document.addEventListener("readystatechange", () => {
  document.querySelector("[data-room]")?.removeAttribute("data-at");
}, { once: true });"""


async def test_sold_out_and_back(settings: Settings, browser: Browser, tmp_path: Path):
    until = now() + timedelta(days=20)
    sale = await make_sale(settings, types=TYPES, cancel_until=until)
    async with two_processes(settings, tmp_path, sale, browser) as (house, stage):
        async with house.visitor() as buyer:
            await buyer.register()
            await buyer.come_in(sale)
            await steer(house, sale, mode="paused")
            fan, phone = await stage.person(), await stage.person(viewport=PHONE)
            deaf = await stage.person()
            await deaf.route("**/js/queue.js*", without_news_of_stock)
            for page in (fan, phone, deaf):
                await take_place(page, sale)
                await expect(told_now(page)).to_contain_text("Nobody is let in")
            await a_full_desk_is_told(stage, sale, fan)
            await everything_goes_and_comes_back(buyer, sale, [fan, phone])
        # The control: the words were those of the news, not of the page as it came.
        await expect(told_now(deaf)).to_contain_text("Nobody is let in")
        assert stage.complaints == []


async def a_full_desk_is_told(stage: Stage, sale: Sale, fan: Page) -> None:
    """What is set is told as the limit that it is, and not as what happens."""

    def full(frame: str | bytes) -> str:
        said = json.loads(frame)
        if said["type"] == "place":
            said |= {"wait_seconds": [60, 300], "slower": "desk_full", "rate_per_minute": 1_234}
        return json.dumps(said)

    def told_full(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda frame: socket.send(full(frame)))

    one = await stage.person()
    await one.route_web_socket("**/ws/**", told_full)
    await take_place(one, sale)
    words = "Up to 1,234 people a minute are let in; now one comes in as one goes out"
    await expect(one.locator("[data-rate]")).to_have_text(words)
    await expect(fan.locator("[data-rate]")).to_have_text("Nobody is let in at the moment")
    await one.context.close()


async def everything_goes_and_comes_back(buyer: Visitor, sale: Sale, fans: list[Page]) -> None:
    hold = (await buyer.hold(sale, 4)).json()["id"]
    for page in fans:
        await expect(told_now(page)).to_contain_text("4 held by others may come back")
        await expect(hook(page, f"remaining-{sale.type_ids[0]}")).to_have_text("0")
    assert (await buyer.delete(f"/api/holds/{hold}")).status_code == 204
    for page in fans:
        await expect(told_now(page)).to_contain_text("Nobody is let in")
    hold = (await buyer.hold(sale, 4)).json()["id"]
    booking = (await buyer.book(hold)).json()
    assert booking["status"] == "confirmed"
    for page in fans:
        await expect(told_now(page)).to_contain_text("Every ticket is sold.")
        await expect(page.locator("[data-say]")).to_have_text("Every ticket is sold. Your place is kept.")
    assert (await buyer.post(f"/api/bookings/{booking['id']}/cancel")).status_code == 200
    for page in fans:
        await expect(told_now(page)).to_contain_text("Nobody is let in")
        await expect(page.locator("[data-say]")).to_have_text("Tickets are back: 4 left.")
        await expect(hook(page, f"remaining-{sale.type_ids[0]}")).to_have_text("4")


async def test_the_turn_is_called_as_each_fan_wished(
    settings: Settings, whole_browser: Browser, tmp_path: Path
):
    sale = await make_sale(settings, mode="paused")
    async with two_processes(settings, tmp_path, sale, whole_browser) as (house, stage):
        fan, refused, poor = [await stage.person() for _ in range(3)]
        await fan.context.grant_permissions(["notifications"])
        await fan.add_init_script(LISTENING)
        await poor.add_init_script(WITHOUT + FAST)
        for page in (fan, refused, poor):
            await take_place(page, sale)
        await everything_is_switched_on(fan)
        await what_cannot_be_had_says_so(refused, poor)
        await steer(house, sale, mode="open")
        await expect(fan).to_have_title("● Your turn: A sale for tests")
        await expect(fan.locator("[data-say]")).to_have_text("It is your turn. Press Come in.")
        await noted(fan, "notified", "This is how we call you; It is your turn")
        await noted(fan, "sounded", "note; note; note")
        for page in (refused, poor):
            await expect(page).to_have_title("● Your turn: A sale for tests")
        await the_clock_of_the_claim_is_right(poor)
        assert stage.complaints == []


async def everything_is_switched_on(fan: Page) -> None:
    """By keyboard alone; both are tried out at once, and are as they were left after a reload."""
    sound, notification = switch(fan, "Play a sound"), switch(fan, "Show a notification")
    await expect(sound).not_to_be_checked()
    await sound.press("Space")
    await noted(fan, "sounded", "note; note; note")
    await notification.press("Space")
    await noted(fan, "notified", "This is how we call you")
    await notification.press("Space")
    await expect(fan.locator("[data-signs-note]")).to_have_text("It is off.")
    await fan.reload()
    await expect(sound).to_be_checked()
    await expect(notification).not_to_be_checked()
    await notification.press("Space")
    await noted(fan, "notified", "This is how we call you")


async def noted(fan: Page, name: str, what: str) -> None:
    await expect(fan.locator("html")).to_have_attribute(f"data-{name}", what)


async def what_cannot_be_had_says_so(refused: Page, poor: Page) -> None:
    for page, name, words in (
        (refused, "Show a notification", "The browser does not allow notifications here."),
        (poor, "Show a notification", "This browser has no notifications here."),
        (poor, "Play a sound", "This browser cannot play a sound here."),
    ):
        await switch(page, name).press("Space")
        await expect(page.locator("[data-signs-note]")).to_contain_text(words)
        await expect(switch(page, name)).not_to_be_checked()


async def the_clock_of_the_claim_is_right(poor: Page) -> None:
    """On a device whose clock is wrong, what is left of two minutes is right. The control has none left."""
    await expect(poor.locator("[data-claim-clock]")).to_have_text(re.compile(r"^(2:00|1:[0-5]\d)$"))
    await poor.add_init_script(UNTOLD)
    await poor.reload()
    await expect(poor.locator("[data-claim-clock]")).to_have_text("0:00")


def told_now(page: Page) -> Locator:
    """The one sentence of what there is to do now."""
    return hook(page, "now").locator("p").filter(visible=True)


def switch(page: Page, name: str) -> Locator:
    return page.get_by_role("switch", name=name)


async def steer(house: House, sale: Sale, **levers: object) -> None:
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        room = f"/api/organiser/events/{sale.event_id}/room"
        assert (await organiser.patch(room, json=levers)).status_code == 200


async def without_news_of_stock(route: Route) -> None:
    answer = await route.fetch()
    script, heard = await answer.text(), '.on("stock", showWhatIsLeft)'
    assert heard in script
    await route.fulfill(response=answer, body=script.replace(heard, ""))

"""The seat map: by mouse, finger, keys and list; live; two fans who want one seat; a hall of 2,000."""

import asyncio
import re
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.browser.inspector import Inspector
from tests.browser.stage import PHONE, Stage, hook, seen, sign_in, two_processes
from tests.house import House, Sale, Visitor, make_sale
from ticketflow.settings import Settings
from ticketflow.store.events import NewTicketType, Seat


def seated(name: str, price: int, rows: int, seats: int) -> NewTicketType:
    places = [Seat(name, f"{row}", seat) for row in range(1, rows + 1) for seat in range(1, seats + 1)]
    return NewTicketType(name, price, len(places), places)


SMALL = (seated("Stalls", 6400, 4, 10), seated("Balcony", 3900, 2, 12))
LARGE = (seated("Arena", 6400, 40, 40), seated("Upper ring", 3900, 10, 40))

COUNT_FRAMES = """() => {
  window.pictures = window.frames = 0;
  (function count() {
    window.frames++;
    requestAnimationFrame(count);
  })();
}"""


TO_THE_END_AND_BACK = """async () => {
  const pressed = (key) => new KeyboardEvent("keydown", { key, bubbles: true });
  const press = (key) => document.activeElement.dispatchEvent(pressed(key));
  press("End");
  for (let i = 0; i < 37; i++) press("ArrowLeft");
  const cell = document.activeElement;
  const middle = () => { const box = cell.getBoundingClientRect(); return box.left + box.width / 2; };
  for (let before = null, still = 0; still < 12; ) {
    await new Promise(requestAnimationFrame);
    still = middle() === before ? still + 1 : 0;
    before = middle();
  }
  const hall = document.querySelector("[data-hall]").getBoundingClientRect();
  return hall.left < middle() && middle() < hall.right;
}"""


async def test_two_fans_who_want_one_seat(settings: Settings, browser: Browser, tmp_path: Path):
    sale = await make_sale(settings, types=SMALL)
    async with two_processes(settings, tmp_path, sale, browser) as (house, stage):
        first, second, deaf = [await at_the_map(stage, house, sale) for _ in range(3)]
        await a_seat_is_told_to_be_gone(first, second, sale)
        await both_press_at_once(first, second)
        await who_hears_nothing_is_told_by_the_desk(deaf, sale)
        await second.close()
        assert [c for c in stage.complaints if "409" not in c] == []


async def test_a_hall_of_2000_seats(settings: Settings, browser: Browser, tmp_path: Path):
    sale = await make_sale(settings, types=LARGE)
    inspector = Inspector()
    async with two_processes(settings, tmp_path, sale, browser) as (house, stage):
        fan = await at_the_map(stage, house, sale)
        await it_is_one_picture(fan)
        await the_mouse_comes_nearer_and_moves(fan)
        await keys_alone_lead_to_the_ticket(fan, inspector)
        await keys_are_followed_faster_than_the_picture_glides(fan)
        await the_best_are_held_together(fan)
        phone = await at_the_map(stage, house, sale, viewport=PHONE, has_touch=True, is_mobile=True)
        await fingers_come_nearer_and_choose(phone, inspector)
        await the_list_will_do_as_well(phone, inspector)
        await one_kind_at_a_time_and_no_more_than_the_limit(phone)
        assert inspector.faults == [], "\n".join(inspector.faults)
        assert stage.complaints == []


async def test_seats_that_were_chosen_survive_the_way_over_sign_in(
    settings: Settings, browser: Browser, tmp_path: Path
):
    sale = await make_sale(settings, types=SMALL)
    async with two_processes(settings, tmp_path, sale, browser) as (house, stage):
        async with house.visitor() as account:
            await account.register()
        stranger = await at_the_map(stage, house, sale, signed_in=False)
        await choose(stranger, 1, 3)
        await choose(stranger, 1, 4)
        await expect(seen(stranger, "hold")).to_have_text("Sign in to hold these 2 seats")
        await seen(stranger, "hold").click()
        await sign_in(stranger, account.email)
        await expect(picked(stranger)).to_have_text(["1 3", "1 4"])
        await seen(stranger, "hold").click()
        await expect(stranger.get_by_text("Stalls, row 1, seat 4")).to_be_visible()
        assert stage.complaints == []


async def at_the_map(
    stage: Stage, house: House, sale: Sale, *, signed_in: bool = True, **options: Any
) -> Page:
    """Somebody before the map, whose seats are known; it stands still at once, rather than glide."""
    page = await stage.person(reduced_motion="reduce", **options)
    if signed_in:
        async with house.visitor() as account:
            await account.register()
        await sign_in(page, account.email)
        await expect(hook(page, "profile")).to_be_visible()
    await page.goto(f"/events/{sale.slug}")
    await seen(page, "join").click()
    await expect(page).to_have_url(f"/events/{sale.slug}/book")
    await expect(page.locator("[data-wait]")).to_be_hidden()
    return page


def picked(page: Page) -> Locator:
    return hook(page, "picked").locator("button")


def cursor(page: Page) -> Locator:
    return page.locator('[role="gridcell"][tabindex="0"]')


def seat(page: Page, row: int, number: int) -> Locator:
    """The seat in the grid, if its row is the one at hand."""
    return page.get_by_role("gridcell", name=re.compile(f"^Row {row}, seat {number},"))


async def go_to(page: Page, row: int, number: int) -> None:
    """With the keys, to a seat of the first section."""
    await cursor(page).focus()
    for key in [
        "PageUp",
        "PageUp",
        "Home",
        *["ArrowDown"] * (row - 1),
        "Home",
        *["ArrowRight"] * (number - 1),
    ]:
        await page.keyboard.press(key)
    await expect(seat(page, row, number)).to_be_focused()


async def choose(page: Page, row: int, number: int) -> None:
    await go_to(page, row, number)
    await page.keyboard.press("Enter")
    await expect(seat(page, row, number)).to_have_attribute("aria-selected", "true")


async def middle_of(place: Locator) -> tuple[float, float]:
    """Where a seat is drawn."""
    box = await place.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def a_seat_is_told_to_be_gone(first: Page, second: Page, sale: Sale) -> None:
    """One holds what the other has chosen: told at once, the rest stays chosen; it comes back so, too."""
    await choose(second, 2, 5)
    await choose(second, 2, 6)
    await go_to(first, 2, 5)
    await first.mouse.click(*await middle_of(cursor(first)))  # a mouse, on the picture
    await expect(picked(first)).to_have_text(["2 5"])
    await seen(first, "hold").click()
    await expect(seen(first, "pay")).to_be_visible()
    told = second.get_by_role("alert").filter(has_text="faster with row 2, seat 5")
    await expect(told).to_be_visible()
    await expect(told).to_contain_text("Your other seats are still chosen.")
    await expect(picked(second)).to_have_text(["2 6"])
    await expect(seat(second, 2, 5)).to_have_attribute("aria-label", re.compile("held by somebody$"))
    await expect(hook(second, f"remaining-{sale.type_ids[0]}")).to_have_text("39")
    await seen(first, "give-back").click()
    await expect(seat(second, 2, 5)).to_have_attribute("aria-label", re.compile("free$"))
    await expect(picked(first)).to_have_text(["2 5"])  # the choice is given back, too
    await first.get_by_role("button", name="Put all back").click()


async def both_press_at_once(first: Page, second: Page) -> None:
    """One gets it, the other is told, whichever it is."""
    await expect(seat(first, 2, 6)).to_have_attribute("aria-label", re.compile("free$"))
    await choose(first, 2, 6)
    # By script: a click that first waits for the page to stand still comes seconds later on a busy machine.
    presses = (hook(page, "hold").evaluate("(button) => button.click()") for page in (first, second))
    await asyncio.gather(*presses)
    pay = [seen(page, "pay") for page in (first, second)]
    await expect(pay[0].or_(first.get_by_text("faster with row 2, seat 6"))).to_be_visible()
    await expect(pay[1].or_(second.get_by_text("faster with row 2, seat 6"))).to_be_visible()
    got = [await button.is_visible() for button in pay]
    assert sorted(got) == [False, True]
    winner, loser = (first, second) if got[0] else (second, first)
    await expect(picked(loser)).to_have_count(0)
    await seen(winner, "pay").click()
    await expect(hook(winner, "booking-status")).to_have_text("Confirmed")
    await expect(winner.get_by_text("Stalls, row 2, seat 6").first).to_be_visible()
    await go_to(loser, 2, 6)
    await expect(cursor(loser)).to_have_attribute("aria-label", re.compile("sold$"))
    await loser.keyboard.press("Enter")
    await expect(loser.get_by_text("Row 2, seat 6 is sold.")).to_be_visible()
    await expect(picked(loser)).to_have_count(0)


async def who_hears_nothing_is_told_by_the_desk(deaf: Page, sale: Sale) -> None:
    """A page whose view of the seats stands still learns it from the refusal, at the seat."""
    async with Visitor(base_url=deaf.url.split("/events")[0]) as rival:
        await rival.register()
        await rival.come_in(sale)
        await without_news(deaf, sale)
        await choose(deaf, 3, 1)
        await choose(deaf, 3, 2)
        held = await rival.post(
            f"/api/events/{sale.event_id}/holds", json={"ticket_type_id": sale.type_ids[0], "units": [20]}
        )
        assert held.status_code == 201
    await expect(picked(deaf)).to_have_text(["3 1", "3 2"])
    async with deaf.expect_response(lambda response: response.status == 409) as refused:
        await seen(deaf, "hold").click()
    assert (await (await refused.value).json())["code"] == "unit_taken"
    await expect(deaf.get_by_role("alert").filter(has_text="faster with row 3, seat 1")).to_be_visible()
    await expect(picked(deaf)).to_have_text(["3 2"])
    await expect(seat(deaf, 3, 1)).to_have_attribute("aria-label", re.compile("held by somebody$"))
    await seen(deaf, "hold").click()
    await expect(deaf.get_by_text("Stalls, row 3, seat 2")).to_be_visible()


async def without_news(page: Page, sale: Sale) -> None:
    """The page as one to whom no socket opens and whose view of the seats grows no newer."""
    state = f"**/api/events/{sale.event_id}/seats/state"
    known = await (await page.request.get(f"/api/events/{sale.event_id}/seats/state")).text()

    async def as_it_was(route: Route) -> None:
        await route.fulfill(body=known, content_type="application/json")

    await page.context.route(state, as_it_was)
    await page.context.route_web_socket("**/ws/**", lambda socket: socket.close())
    await page.reload()
    await expect(page.locator("[data-wait]")).to_be_hidden()


async def it_is_one_picture(fan: Page) -> None:
    """As many elements as for a small hall, and news of many seats is one more picture."""
    assert await fan.locator("body *").count() < 400
    await fan.evaluate(
        """() => {
      window.pictures = 0;
      const brush = CanvasRenderingContext2D.prototype;
      const clear = brush.clearRect;
      brush.clearRect = function (...args) {
        window.pictures++;
        return clear.apply(this, args);
      };
    }"""
    )


async def the_mouse_comes_nearer_and_moves(fan: Page) -> None:
    """The wheel zooms, dragging moves and chooses nothing, a button leads back; a picture a frame at most."""
    hall = fan.locator("[data-hall]")
    box = await hall.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await expect(hall).not_to_have_attribute("data-near", "")
    await fan.mouse.move(x, y)
    await fan.mouse.wheel(0, -900)
    await expect(hall).to_have_attribute("data-near", "")
    await go_to(fan, 20, 20)
    before = await middle_of(cursor(fan))
    await fan.mouse.move(x, y)
    await fan.mouse.down()
    await fan.evaluate(COUNT_FRAMES)
    await fan.mouse.move(x - 60, y - 40, steps=30)
    await fan.mouse.up()
    after = await middle_of(cursor(fan))
    assert (round(after[0] - before[0]), round(after[1] - before[1])) == (-60, -40)
    assert 0 < await fan.evaluate("window.pictures") <= await fan.evaluate("window.frames + 1")
    await expect(picked(fan)).to_have_count(0)
    await fan.get_by_role("button", name="Whole hall").click()
    await expect(hall).not_to_have_attribute("data-near", "")
    await expect(fan.get_by_role("button", name="Smaller")).to_have_attribute("aria-disabled", "true")


async def keys_alone_lead_to_the_ticket(fan: Page, inspector: Inspector) -> None:
    """From the kinds by Tab into the map, to a seat, to the button, and it is held."""
    await fan.locator('[name="type"]:checked').focus()
    await fan.keyboard.press("Tab")
    await expect(cursor(fan)).to_be_focused()
    for key in ("PageUp", "Home", "ArrowDown", "ArrowDown", "End", "ArrowLeft", "Space"):
        await fan.keyboard.press(key)
    await expect(seat(fan, 3, 39)).to_be_focused()
    await expect(seat(fan, 3, 39)).to_have_accessible_name("Row 3, seat 39, Arena, €64.00, chosen by you")
    await fan.keyboard.press("ArrowRight")
    await fan.keyboard.press("Enter")
    await expect(picked(fan)).to_have_text(["3 39", "3 40"])
    await expect(fan.locator("[data-say]")).to_have_text("Arena, Row 3, seat 40 chosen, €64.00.")
    await inspector.look_over(fan, "two seats chosen by keys")
    await cursor(fan).focus()
    await press_tab_until(fan, seen(fan, "hold"))
    await fan.keyboard.press("Enter")
    await expect(fan.get_by_text("Arena, row 3, seat 39")).to_be_visible()
    await seen(fan, "give-back").click()
    await expect(seen(fan, "hold")).to_be_visible()


async def press_tab_until(page: Page, wanted: Locator) -> None:
    for _ in range(20):
        if await wanted.evaluate("(element) => element === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError("twenty times Tab do not lead there")


async def the_best_are_held_together(fan: Page) -> None:
    """One more than the two that were given back."""
    await fan.get_by_label("Upper ring").check()
    await fan.get_by_role("button", name="One more").click()
    await expect(seen(fan, "hold")).to_have_text("Hold the best 3 together")
    await seen(fan, "hold").click()
    held = fan.locator('[data-held="seats"]')
    await expect(held).to_have_text(re.compile(r"row 1, seat 19\s.*row 1, seat 20\s.*row 1, seat 21$", re.S))
    await expect(fan.locator("[data-held-apart]")).to_be_hidden()


async def keys_are_followed_faster_than_the_picture_glides(fan: Page) -> None:
    """To the far end of a row and back in one breath: the seat is in the picture once it stands still."""
    await go_to(fan, 3, 1)
    await fan.emulate_media(reduced_motion="no-preference")
    assert await fan.evaluate(TO_THE_END_AND_BACK)
    await expect(seat(fan, 3, 3)).to_be_focused()
    await fan.emulate_media(reduced_motion="reduce")


async def fingers_come_nearer_and_choose(phone: Page, inspector: Inspector) -> None:
    """Where seats are smaller than a finger the first tap comes nearer; two fingers do, too."""
    hall = phone.locator("[data-hall]")
    await hall.scroll_into_view_if_needed()
    await pinch(phone, hall)
    await expect(hall).to_have_attribute("data-near", "")
    await phone.get_by_role("button", name="Whole hall").tap()
    await expect(hall).not_to_have_attribute("data-near", "")
    box = await hall.bounding_box()
    assert box is not None
    await phone.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
    await expect(hall).to_have_attribute("data-near", "")
    await expect(picked(phone)).to_have_count(0)
    await go_to(phone, 12, 20)
    await phone.touchscreen.tap(*await middle_of(cursor(phone)))
    await expect(picked(phone)).to_have_text(["12 20"])
    await inspector.look_over(phone, "a seat chosen by finger")


async def pinch(phone: Page, hall: Locator) -> None:
    """Two fingers part, and leave the glass at once and in full motion.

    Left to itself Chromium takes that for a fling, and the next tap, which then clicks nothing, for its end.
    """
    box = await hall.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    fingers = await phone.context.new_cdp_session(phone)
    for kind, apart, down in (
        ("touchStart", 30, 2),
        ("touchMove", 60, 2),
        ("touchMove", 120, 2),
        ("touchEnd", 120, 0),
    ):
        points = [{"x": x - apart, "y": y, "id": 1}, {"x": x + apart, "y": y, "id": 2}][:down]
        await fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


async def the_list_will_do_as_well(phone: Page, inspector: Inspector) -> None:
    await phone.get_by_text("Choose from a list instead").tap()
    await phone.locator("[data-row]").select_option("Arena, row 12: 40 free")
    await expect(phone.get_by_label("Seat 20", exact=True)).to_be_checked()
    await phone.get_by_label("Seat 21", exact=True).check()
    await expect(picked(phone)).to_have_text(["12 20", "12 21"])
    await inspector.look_over(phone, "the list")
    await phone.get_by_label("Seat 20", exact=True).uncheck()
    await expect(picked(phone)).to_have_text(["12 21"])


async def one_kind_at_a_time_and_no_more_than_the_limit(phone: Page) -> None:
    for number in (1, 2, 3):
        await phone.get_by_label(f"Seat {number}", exact=True).check()
    await phone.get_by_label("Seat 4", exact=True).click()
    await expect(phone.get_by_text("4 a person is the limit. Put one back first.")).to_be_visible()
    await expect(phone.get_by_label("Seat 4", exact=True)).not_to_be_checked()
    await phone.locator("[data-row]").select_option("Upper ring, row 2: 40 free")
    await phone.get_by_label("Seat 7", exact=True).check()
    await expect(phone.get_by_text("One kind at a time: your Arena seats were put back.")).to_be_visible()
    await expect(picked(phone)).to_have_text(["2 7"])
    await expect(phone.locator('[name="type"]:checked + .left')).to_contain_text("Upper ring")
    await phone.get_by_role("button", name="Put all back").tap()
    await expect(seen(phone, "hold")).to_have_text("Hold the best seat")

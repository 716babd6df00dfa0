"""With scripts off the whole journey goes by forms: join, wait, come in, choose, hold, pay, the ticket."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
from playwright.async_api import Browser, Page, expect

from tests.browser.stage import PHONE, Stage, hook, register, seen, two_processes
from tests.house import House, Sale, Visitor, make_sale
from ticketflow.settings import Settings
from ticketflow.store.events import NewTicketType, Seat

HALL = [Seat("Stalls", f"{row}", seat) for row in range(1, 5) for seat in range(1, 11)]
TYPES = (NewTicketType("Standing", 2500, 50), NewTicketType("Stalls", 6400, len(HALL), HALL))


async def test_the_whole_journey_without_scripts(settings: Settings, browser: Browser, tmp_path: Path):
    settings = replace(settings, claim_seconds=18)  # a third of it is how often the page looks again
    sale = await make_sale(settings, types=TYPES, mode="paused", fee_basis_points=500)
    async with two_processes(settings, tmp_path, sale, browser) as (house, stage):
        fan = await stage.person(viewport=PHONE, java_script_enabled=False)
        async with house.visitor() as ahead, house.visitor() as organiser:
            await ahead.join(sale)
            await waits_and_comes_in(fan, ahead, organiser, sale)
        await chooses_signs_in_and_holds(fan)
        await is_declined_and_pays_another_way(fan)
        await has_the_tickets(fan, sale)


async def test_seats_without_scripts(settings: Settings, browser: Browser, tmp_path: Path):
    sale = await make_sale(settings, types=TYPES)
    async with (
        two_processes(settings, tmp_path, sale, browser) as (house, stage),
        at_the_choice(house, stage, sale) as fan,
    ):
        await the_best_together(fan)
        await goes_back_and_finds_the_choice(fan)
        await somebody_is_faster(fan, house, sale)
        await seats_of_two_rows(fan)
        await asks_for_too_many(fan)
        await is_out_of_the_door(fan, sale)


async def waits_and_comes_in(fan: Page, ahead: Visitor, organiser: Visitor, sale: Sale) -> None:
    """Second in line; the page looks again by itself, and the fan is called."""
    await fan.goto(f"/events/{sale.slug}")
    await seen(fan, "join").click()
    await expect(hook(fan, "place")).to_have_text("2")
    await ahead.delete(f"/api/events/{sale.event_id}/queue")
    await organiser.sign_in(sale.organiser_email)
    opened = await organiser.patch(f"/api/organiser/events/{sale.event_id}/room", json={"mode": "open"})
    assert opened.status_code == 200
    await expect(seen(fan, "come-in")).to_be_visible()
    await seen(fan, "come-in").click()


async def chooses_signs_in_and_holds(fan: Page) -> None:
    """The choice survives the way over an account; nothing is shown that only a script could answer."""
    await expect(fan.get_by_role("heading", name="Choose")).to_be_visible()
    for scripted in ("One more", "Larger"):
        await expect(fan.get_by_role("button", name=scripted)).to_have_count(0)
    await fan.get_by_label("Standing").check()
    await fan.get_by_label("How many").fill("3")
    await seen(fan, "hold").click()
    await register(fan, "A fan", "without-scripts@example.com")
    await expect(fan.get_by_label("How many")).to_have_value("3")
    await seen(fan, "hold").click()
    await expect(seen(fan, "pay")).to_have_text("Pay €78.75")
    await expect(seen(fan, "held-until")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d UTC$"))


async def is_declined_and_pays_another_way(fan: Page) -> None:
    """The extra time is given once; a page sent twice, as by a double press, books once."""
    until = await seen(fan, "held-until").inner_text()
    await seen(fan, "more-time").click()
    await expect(seen(fan, "held-until")).not_to_have_text(until)
    await expect(seen(fan, "more-time")).to_have_count(0)
    await fan.get_by_label("A card that is declined").check()
    await seen(fan, "pay").click()
    await expect(fan.get_by_role("alert")).to_contain_text("Nothing was charged. Your tickets are still held")
    await fan.get_by_label("A card whose bank takes a few seconds").check()
    sent = {
        name: await fan.locator(f'[data-pay-form] [name="{name}"]').first.input_value()
        for name in ("hold_id", "key")
    }
    twice = [
        fan.request.post(fan.url, form={**sent, "method": "card-slow"}, max_redirects=0) for _ in range(2)
    ]
    first, second = await asyncio.gather(*twice)
    assert first.status == second.status == 303
    assert first.headers["location"] == second.headers["location"]
    await seen(fan, "pay").click()


async def has_the_tickets(fan: Page, sale: Sale) -> None:
    await expect(hook(fan, "booking-status")).to_have_text("Confirmed")
    await expect(hook(fan, "ticket")).to_have_count(3)
    await expect(
        hook(fan, "ticket").first.get_by_role("img", name="Code to be read at the door").first
    ).to_be_visible()
    await fan.get_by_role("main").get_by_role("link", name="My tickets").click()
    await expect(hook(fan, "ticket")).to_have_count(1)
    await fan.goto(f"/events/{sale.slug}/checkout")
    await expect(fan.get_by_role("alert")).to_contain_text("You hold no tickets at the moment.")


@asynccontextmanager
async def at_the_choice(house: House, stage: Stage, sale: Sale) -> AsyncIterator[Page]:
    """Somebody signed in who was let in at once."""
    fan = await stage.person(viewport=PHONE, java_script_enabled=False)
    async with house.visitor() as account:
        await account.register()
        cookies = [{"name": c.name, "value": c.value or "", "url": house.url} for c in account.cookies.jar]
        await fan.context.add_cookies(cookies)  # type: ignore[arg-type]
    await fan.goto(f"/events/{sale.slug}")
    await seen(fan, "join").click()
    await expect(seen(fan, "hold")).to_be_visible()
    yield fan


async def the_best_together(fan: Page) -> None:
    await fan.get_by_label("Stalls").check()
    await fan.get_by_label("How many").fill("2")
    await seen(fan, "hold").click()
    await expect(fan.get_by_text("Stalls, row 1, seat 5")).to_be_visible()
    await expect(fan.get_by_text("Stalls, row 1, seat 6")).to_be_visible()


async def goes_back_and_finds_the_choice(fan: Page) -> None:
    """The way back gives nothing away, and what is given back is chosen again."""
    await fan.go_back()
    await expect(fan.get_by_role("heading", name="You hold tickets already")).to_be_visible()
    await hook(fan, "choose-others").and_(fan.locator(":visible")).click()
    await expect(fan.get_by_text("The tickets went back, and nothing was charged.")).to_be_visible()
    await expect(fan.get_by_label("How many")).to_have_value("2")
    await expect(fan.get_by_label("Seat 5", exact=True)).to_be_checked()
    await expect(fan.get_by_label("Seat 6", exact=True)).to_be_checked()


async def somebody_is_faster(fan: Page, house: House, sale: Sale) -> None:
    """One of the two ticked seats goes to somebody else: it is named, and the other stays ticked."""
    async with house.visitor() as rival:
        await rival.register()
        await rival.come_in(sale)
        body = {"ticket_type_id": sale.type_ids[1], "units": [4]}
        held: httpx.Response = await rival.post(f"/api/events/{sale.event_id}/holds", json=body)
        assert held.status_code == 201
    await seen(fan, "hold").click()
    await expect(fan.get_by_role("alert")).to_contain_text("a moment faster with Stalls, row 1, seat 5.")
    await expect(fan.get_by_label("Seat 5, held by somebody")).to_be_disabled()
    await expect(fan.get_by_label("Seat 6", exact=True)).to_be_checked()


async def seats_of_two_rows(fan: Page) -> None:
    """A seat ticked in one row stays chosen while another row is looked at; both are held."""
    await fan.locator("[data-row]").select_option(label="Stalls, row 3: 10 free")
    await hook(fan, "show-row").click()
    await fan.get_by_label("Seat 9", exact=True).check()
    await expect(fan.get_by_label("Stalls, row 1, seat 6")).to_be_checked()
    await seen(fan, "hold").click()
    await expect(fan.get_by_text("Stalls, row 3, seat 9")).to_be_visible()
    await expect(fan.get_by_text("These seats are not all side by side.")).to_be_visible()
    await seen(fan, "give-back").click()


async def asks_for_too_many(fan: Page) -> None:
    """Whatever a form sends is answered in words, on a page that goes on."""
    for number in (1, 2, 3, 4):
        await fan.get_by_label(f"Seat {number}", exact=True).check()
    await seen(fan, "hold").click()
    await expect(fan.get_by_role("alert")).to_contain_text("4 tickets a person is the limit")
    await expect(fan.get_by_label("Seat 4", exact=True)).to_be_checked()


async def is_out_of_the_door(fan: Page, sale: Sale) -> None:
    """The turn was given up in another tab: the page says where to go, and paying leads nowhere else."""
    await fan.request.post(f"/events/{sale.slug}/queue/leave", max_redirects=0)
    await seen(fan, "hold").click()
    await expect(fan.get_by_role("heading", name="You come in from the line")).to_be_visible()
    await expect(fan.get_by_role("alert")).to_be_visible()

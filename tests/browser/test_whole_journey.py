"""Two fans and an organiser, each in a browser of their own, from the queue to the mail."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.stage import (
    hook,
    mark,
    register,
    seen,
    sign_in,
    take_place,
    two_processes,
    was_never_left,
)
from tests.house import House, Sale, Visitor, make_sale
from tests.servers import Mailbox
from ticketflow.domain import now
from ticketflow.settings import Settings
from ticketflow.store.events import NewTicketType

TYPES = (NewTicketType("Standing", 2500, 500), NewTicketType("Balcony", 4000, 200))


@pytest.fixture
def database_url(mariadb_url: str) -> str:
    """As it runs for real; the same way on SQLite is `test_one_command`."""
    return mariadb_url


async def test_two_fans_and_an_organiser(settings: Settings, smtp: Mailbox, browser: Browser, tmp_path: Path):
    until = now() + timedelta(days=20)
    sale = await make_sale(
        settings, types=TYPES, mode="paused", rate_per_minute=0, max_active=1, cancel_until=until
    )
    async with two_processes(settings, tmp_path, sale, browser) as (house, stage):
        first, second, organiser = [await stage.person() for _ in range(3)]
        await organiser_at_the_desk(organiser, sale)
        await the_line_moves(house, sale, first, second, organiser)
        await the_rate_takes_effect(first, second, organiser)
        await first_comes_in_and_holds(first, second, sale)
        code = await first_pays(first)
        await expect(hook(organiser, "sold")).to_have_text("2")
        await expect(hook(organiser, f"remaining-{sale.type_ids[1]}")).to_have_text("198")
        await the_mail_is_there(smtp, code)
        await first_cancels(first, second, sale)
        await expect(hook(organiser, "sold")).to_have_text("0")
        await second_is_called(second, sale)
        assert await was_never_left(organiser)
        assert stage.complaints == []


async def organiser_at_the_desk(organiser: Page, sale: Sale) -> None:
    await sign_in(organiser, sale.organiser_email)
    await organiser.get_by_role("link", name="Organise", exact=True).click()
    await organiser.get_by_role("link", name="A sale for tests", exact=True).click()
    await expect(organiser.get_by_text("Live, a frame a second")).to_be_visible()
    await expect(hook(organiser, "pause")).to_have_attribute("aria-pressed", "true")
    await mark(organiser)


async def the_line_moves(house: House, sale: Sale, first: Page, second: Page, organiser: Page) -> None:
    """Three stand before them and leave one by one: both places fall without a touch."""
    before = [await in_line(house, sale) for _ in range(3)]
    for fan, place in ((first, "4"), (second, "5")):
        await take_place(fan, sale)
        await expect(hook(fan, "place")).to_have_text(place)
        await mark(fan)
    await expect(hook(organiser, "waiting")).to_have_text("5")
    for left, visitor in enumerate(before, start=1):
        assert (await visitor.delete(f"/api/events/{sale.event_id}/queue")).status_code == 204
        await visitor.aclose()
        await expect(hook(first, "place")).to_have_text(str(4 - left))
        await expect(hook(second, "place")).to_have_text(str(5 - left))
    assert await was_never_left(first)
    assert await was_never_left(second)


async def in_line(house: House, sale: Sale) -> Visitor:
    visitor = house.visitor()
    assert (await visitor.join(sale)).status_code == 201
    return visitor


async def the_rate_takes_effect(first: Page, second: Page, organiser: Page) -> None:
    """Open at a rate of none lets nobody in; a rate does. The cap of one keeps the second waiting."""
    await hook(organiser, "message").fill("The doors open in a minute.")
    await hook(organiser, "message-apply").click()
    await expect(second.get_by_text("The doors open in a minute.")).to_be_visible()
    await hook(organiser, "open").click()
    await expect(organiser.get_by_text("The room is open. In force since")).to_be_visible()
    await expect(hook(first, "place")).to_have_text("1")
    await hook(organiser, "rate").fill("600")
    # One comes in as one goes out, whatever the rate: the room's own forecast knows of the cap.
    await expect(organiser.get_by_text("At 600 a minute the line of 2 is gone in")).to_contain_text(
        "Only about 1 a minute fit in"
    )
    await hook(organiser, "rate-apply").click()
    await expect(seen(first, "come-in")).to_be_visible()
    await expect(hook(organiser, "admitted-last-minute")).to_have_text("1")
    await expect(hook(second, "place")).to_have_text("1")
    assert await was_never_left(first)


async def first_comes_in_and_holds(first: Page, second: Page, sale: Sale) -> None:
    """The choice survives the way over sign-in; the other fan sees the count fall."""
    balcony = sale.type_ids[1]
    await seen(first, "come-in").click()
    await expect(first).to_have_url(f"/events/{sale.slug}/book")
    await first.locator(f'input[name="type"][value="{balcony}"]').check()
    await first.get_by_role("button", name="One more").click()
    await expect(first.get_by_text("€80.00")).to_be_visible()
    await seen(first, "hold").click()
    await expect(first.get_by_role("heading", name="Sign in")).to_be_visible()
    await register(first, "A fan", "a-fan@example.com")
    await expect(hook(first, "quantity")).to_have_value("2")
    await expect(first.locator(f'input[name="type"][value="{balcony}"]')).to_be_checked()
    await expect(hook(second, f"remaining-{balcony}")).to_have_text("200")
    await seen(first, "hold").click()
    await expect(seen(first, "pay")).to_have_text("Pay €80.00")
    await expect(hook(second, f"remaining-{balcony}")).to_have_text("198")
    assert await was_never_left(second)


async def first_pays(first: Page) -> str:
    """To the confirmed ticket and the list of one's tickets; gives the first ticket's code."""
    await seen(first, "pay").click()
    await expect(hook(first, "booking-status")).to_have_text("Confirmed")
    await expect(hook(first, "ticket")).to_have_count(2)
    code = await hook(first, "ticket").first.locator(".ticket-code").inner_text()
    await first.get_by_role("main").get_by_role("link", name="My tickets").click()
    await expect(hook(first, "ticket")).to_have_count(1)
    await expect(hook(first, "ticket")).to_contain_text("Balcony")
    await expect(hook(first, "ticket")).to_contain_text("Confirmed")
    return code


async def the_mail_is_there(smtp: Mailbox, code: str) -> None:
    letters = await smtp.wait_for(1)
    assert [letter["To"] for letter in letters] == ["a-fan@example.com"]
    for kind in ("plain", "html"):
        body = letters[0].get_body((kind,))
        assert body is not None
        assert code in body.get_content()


async def first_cancels(first: Page, second: Page, sale: Sale) -> None:
    """Asked first, and only then done; the other fan sees the tickets come back."""
    balcony = sale.type_ids[1]
    assert await was_never_left(second)
    await expect(hook(second, f"remaining-{balcony}")).to_have_text("198")
    await seen(first, "cancel").click()
    await first.get_by_role("button", name="Keep it").click()
    await expect(hook(first, "ticket")).to_contain_text("Confirmed")
    await seen(first, "cancel").click()
    await expect(first.get_by_role("dialog")).to_contain_text("€80.00 goes back the way you paid.")
    await seen(first, "cancel-confirm").click()
    await expect(hook(first, "booking-status")).to_have_text("Cancelled, refunded")
    await expect(hook(second, f"remaining-{balcony}")).to_have_text("200")
    assert await was_never_left(second)
    await first.get_by_role("link", name="My tickets").click()
    await expect(hook(first, "ticket")).to_contain_text("Cancelled, refunded")


async def second_is_called(second: Page, sale: Sale) -> None:
    """The first has gone, so the second's page lights up by itself."""
    await expect(seen(second, "come-in")).to_be_visible()
    assert await was_never_left(second)
    await seen(second, "come-in").click()
    await expect(second).to_have_url(f"/events/{sale.slug}/book")
    await expect(seen(second, "hold")).to_be_visible()

"""The door to the line: signing in on the way, and coming again by itself when too many have come."""

import re
from dataclasses import replace
from pathlib import Path

from playwright.async_api import Browser, expect
from redis.asyncio import Redis

from tests.browser.inspector import Inspector
from tests.browser.stage import PHONE, hook, register, seen, sign_in, two_processes
from tests.house import PASSWORD, make_sale
from ticketflow.settings import Settings
from waiting_room.web import cookie_name

EMAIL = "one.of.us@example.com"


async def test_sign_in_to_join_and_stand_in_the_line(settings: Settings, browser: Browser, tmp_path: Path):
    sale = await make_sale(settings, mode="paused", queue_needs_account=True)
    queue = re.compile(rf"/events/{sale.slug}/queue(\?join)?$")
    inspector = Inspector()
    async with two_processes(settings, tmp_path, sale, browser) as (_, stage):
        phone, laptop = await stage.person(viewport=PHONE), await stage.person()
        await phone.goto(f"/events/{sale.slug}")
        await expect(seen(phone, "join")).to_have_count(0)
        await inspector.look_over(phone, "event that wants an account")
        await seen(phone, "sign-in-to-join").click()
        await register(phone, "One of us", EMAIL)
        await expect(phone).to_have_url(queue)
        await expect(hook(phone, "place")).to_have_text("1")
        # On another device the queue's own page asks, and the account finds its place.
        await laptop.goto(f"/events/{sale.slug}/queue")
        await inspector.look_over(laptop, "door that wants an account")
        await seen(laptop, "sign-in-to-join").click()
        await sign_in(laptop, EMAIL)
        await expect(laptop).to_have_url(queue)
        await expect(hook(laptop, "place")).to_have_text("1")
        await expect(laptop.get_by_text("0 behind you")).to_be_visible()
        # Left on one is left on both. Nobody is put into the line for opening its page.
        await seen(laptop, "leave").click()
        await seen(laptop, "leave-confirm").click()
        await expect(laptop).to_have_url(f"/events/{sale.slug}")
        await phone.reload()
        await expect(phone.get_by_role("heading", name="You have left the line")).to_be_visible()
        await laptop.context.clear_cookies(name=cookie_name(sale.event_id))
        await laptop.goto(f"/events/{sale.slug}/queue")
        await expect(laptop.get_by_role("heading", name="Take your place")).to_be_visible()
        await inspector.look_over(laptop, "door of who is signed in")
        await seen(laptop, "join").click()
        await expect(hook(laptop, "place")).to_have_text("1")
        assert inspector.faults == [], "\n".join(inspector.faults)
        assert stage.complaints == []


async def test_an_open_event_page_is_told_why_the_sale_was_closed(
    settings: Settings, browser: Browser, tmp_path: Path
):
    sale = await make_sale(settings)
    async with two_processes(settings, tmp_path, sale, browser) as (_, stage):
        reader, organiser = await stage.person(viewport=PHONE), await stage.person()
        await reader.goto(f"/events/{sale.slug}")
        await expect(seen(reader, "join")).to_be_visible()
        account = {"email": sale.organiser_email, "password": PASSWORD}
        assert (await organiser.request.post("/api/login", data=account)).ok
        levers = {"mode": "closed", "message": "The singer is ill."}
        room = f"/api/organiser/events/{sale.event_id}/room"
        assert (await organiser.request.patch(room, data=levers)).ok
        await expect(reader.get_by_role("heading", name="The sale is closed")).to_be_visible()
        await expect(reader.get_by_text("The singer is ill.")).to_be_visible()
        assert stage.complaints == []


async def test_who_comes_when_too_many_have_comes_again_by_itself(
    settings: Settings, redis: Redis, browser: Browser, tmp_path: Path
):
    settings = replace(settings, joins_per_address=1)
    sale = await make_sale(settings, mode="paused")
    inspector = Inspector()
    async with two_processes(settings, tmp_path, sale, browser) as (_, stage):
        fan = await stage.person(viewport=PHONE)
        await fan.clock.install()
        await fan.goto(f"/events/{sale.slug}")
        await seen(fan, "join").click()
        await expect(fan.get_by_role("heading", name="One moment, please")).to_be_visible()
        await expect(fan.get_by_text("from your address. Try again in")).to_be_visible()
        await expect(fan.get_by_role("timer")).to_have_text(re.compile(r"^[01]:\d\d$"))
        await inspector.look_over(fan, "too many joins")
        # The minute passes: for the page by its clock, for the room by what it remembers.
        (joins,) = await redis.keys(f"{settings.redis_prefix}:*:joins")
        assert await redis.delete(joins) == 1
        await fan.clock.fast_forward(80_000)
        await expect(fan).to_have_url(f"/events/{sale.slug}/queue")
        await expect(hook(fan, "place")).to_have_text("1")
        assert inspector.faults == [], "\n".join(inspector.faults)
        assert stage.complaints == []

"""The pages for what went wrong, in a browser: whole, clean, and what passes by itself passes by itself."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect

from tests.broken import STATUSES
from tests.browser.at_home import Home, at_home
from tests.browser.inspector import Inspector
from tests.browser.stage import PHONE
from ticketflow.settings import Settings
from ticketflow.web import error_pages


@pytest.fixture
async def home(settings: Settings, browser: Browser) -> AsyncIterator[Home]:
    async with at_home(settings, browser) as home:
        yield home


async def test_each_is_a_page_like_any_other(home: Home):
    reader, inspector = await home.stage.person(viewport=PHONE), Inspector()
    for status in STATUSES:
        await reader.goto(f"/broken/{status}")
        await expect(reader.get_by_role("heading", level=1)).to_have_text(error_pages._WORDS[status].title)
        await expect(reader.get_by_role("main").get_by_role("link", name="All events")).to_be_visible()
    for status in (404, 429):
        await reader.goto(f"/broken/{status}")
        await inspector.look_over(reader, f"error {status}")
    assert inspector.faults == []


async def test_a_page_that_says_not_now_comes_back_by_itself(home: Home):
    reader = await home.stage.person()
    await reader.clock.install()
    await reader.goto("/broken/once")
    clock = reader.get_by_role("timer")
    before = await clock.inner_text()
    await reader.clock.run_for(2_000)
    await expect(clock).not_to_have_text(before)
    assert len(home.tried) == 1
    await reader.clock.run_for(20_000)
    await expect(reader.get_by_role("heading", name="All is well again")).to_be_visible()
    assert len(home.tried) == 2


async def test_it_waits_longer_each_time(home: Home):
    reader = await home.stage.person()
    await reader.clock.install()
    await reader.goto("/broken/429")
    waits = []
    for _ in range(3):
        await expect(reader.get_by_role("timer")).to_contain_text(":")
        told = int(await reader.locator("[data-again-in]").get_attribute("data-again-in") or 0)
        minutes, _, seconds = (await reader.get_by_role("timer").inner_text()).partition(":")
        waits.append((int(minutes) * 60 + int(seconds)) / told)
        async with reader.expect_navigation():
            await reader.clock.run_for(100_000)
    assert waits == [pytest.approx(share, rel=0.2) for share in (1, 2, 4)]


async def test_without_scripts_too(home: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(error_pages, "SOONEST_SECONDS", 1)
    monkeypatch.setattr(error_pages, "SPREAD_SECONDS", 1)
    monkeypatch.setattr("ticketflow.web.problems.RETRY_SECONDS", 1)
    plain = await home.stage.person(java_script_enabled=False)
    await plain.goto("/broken/once")
    await expect(plain.get_by_role("heading", name="We will be right back")).to_be_visible()
    await expect(plain.get_by_role("heading", name="All is well again")).to_be_visible()
    assert len(home.tried) == 2

"""What went wrong is told to people on a page: what happened, what was not lost, what to do next."""

import re
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from databases import Database

from tests import servers
from tests.api.support import services
from tests.broken import STATUSES, add_broken_doors
from tests.house import House, in_process, make_sale
from ticketflow.settings import Settings
from ticketflow.web import error_pages

PAGE = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """A page for an error asks no database."""
    return sqlite_url


@pytest.fixture
async def broken(settings: Settings) -> AsyncIterator[House]:
    async with in_process(settings) as house:
        assert house.app is not None
        add_broken_doors(house.app)
        yield house


async def test_each_says_what_happened_what_is_kept_and_what_to_do(broken: House):
    async with broken.visitor() as visitor:
        for status in STATUSES:
            found = await visitor.get(f"/broken/{status}", headers=PAGE)
            assert found.status_code == status
            assert found.headers["Cache-Control"] == "no-store"
            words = error_pages._WORDS[status]
            assert f"<h1>{words.title}</h1>" in found.text
            assert words.kept in found.text
            assert 'class="button next"' in found.text
            # No word of ours is of servers, URLs or exceptions.
            assert not re.search(r"server|exception|URL|method|Not Found|Gone", body_of(found.text))


async def test_the_api_keeps_its_problems(broken: House):
    async with broken.visitor() as visitor:
        for status in STATUSES:
            found = await visitor.get(f"/broken/{status}", headers={"Accept": "application/json"})
            assert found.headers["Content-Type"] == "application/problem+json"
            assert found.json()["status"] == status
        assert (await visitor.get("/api/no/such", headers=PAGE)).json()["code"] == "not_found"


async def test_only_what_passes_by_itself_is_tried_again_and_only_where_nothing_was_sent(broken: House):
    async with broken.visitor() as visitor:
        for status in STATUSES:
            page = (await visitor.get(f"/broken/{status}", headers=PAGE)).text
            assert ('http-equiv="refresh"' in page) == (status in (429, 503)), status
        slow = await visitor.get("/broken/429", headers=PAGE)
        seconds = int(re.findall(r'http-equiv="refresh" content="(\d+)"', slow.text)[0])
        assert slow.headers["Retry-After"] == "7"
        assert 7 <= seconds < 7 + error_pages.SPREAD_SECONDS
        came_from = {"Referer": "http://localhost/events/a-sale/book?type=1", "Origin": "http://localhost"}
        sent = await visitor.post("/broken/503", headers=PAGE | came_from)
        assert 'http-equiv="refresh"' not in sent.text
        assert 'href="/events/a-sale/book?type=1">Back to where you were' in sent.text
        elsewhere = {"Referer": "http://elsewhere.example/trap", "Origin": "http://localhost"}
        assert "trap" not in (await visitor.post("/broken/503", headers=PAGE | elsewhere)).text


async def test_a_500_tells_the_time_to_write_to_us(broken: House):
    async with broken.visitor() as visitor:
        page = (await visitor.get("/broken/500", headers=PAGE)).text
        assert re.search(r'say that it was at <time datetime="[^"]+" data-local="exact">', page)
        assert "nobody foresaw this" not in page


async def lose_accounts(house: House, database: Database) -> None:
    services(house).users._known.clear()
    await database.execute("ALTER TABLE users RENAME TO users_that_are_away")


async def test_a_page_is_shown_when_the_database_is_away(broken: House):
    async with broken.visitor() as fan:
        await fan.register()
        assert 'data-test="profile"' in (await fan.get("/broken/404", headers=PAGE)).text
        await lose_accounts(broken, broken.database)
        assert (await fan.get("/", headers=PAGE)).status_code == 503
        for status in STATUSES:
            page = await fan.get(f"/broken/{status}", headers=PAGE)
            assert page.status_code == status
            # Nobody was asked who this is, so nobody is told to sign in.
            assert 'class="enter"' not in page.text


async def test_it_would_not_be_if_it_asked_who_looks(broken: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(error_pages, "ask_nobody", lambda: None)
    async with broken.visitor() as fan:
        await fan.register()
        await lose_accounts(broken, broken.database)
        with pytest.raises(Exception, match="no such table"):
            await fan.get("/broken/503", headers=PAGE)


async def test_a_page_is_shown_when_redis_is_away(settings: Settings, tmp_path: Path):
    sale = await make_sale(settings)
    with ExitStack() as stack:
        own = stack.enter_context(servers.valkey(tmp_path))
        async with in_process(replace(settings, redis_url=own)) as house, house.visitor() as fan:
            await fan.register()
            stack.close()
            page = await fan.post(f"/events/{sale.slug}/queue", headers=PAGE | {"Origin": "http://localhost"})
            assert page.status_code == 503
            assert "We will be right back" in page.text
            assert page.headers["Retry-After"]


def body_of(page: str) -> str:
    return page.partition("<main")[2].partition("</main>")[0]

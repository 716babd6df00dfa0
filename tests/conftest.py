"""What every test may ask for. Servers start when the first test asks and end with the session."""

import os
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from zlib import crc32

import pytest
from argon2 import PasswordHasher
from playwright.async_api import Browser, async_playwright
from redis.asyncio import Redis

from tests import servers
from tests.house import settings_for
from ticketflow import passwords
from ticketflow.settings import Settings

# Several run at once, each with a file: no long one may begin when the others have nothing left to do.
LONGEST_FIRST = ("live", "running", "browser", "booking", "crowd", "payments", "waiting_room", "stock")
HERE = Path(__file__).parent


BOTH_ENGINES = bool(os.environ.get("TICKETFLOW_TEST_BOTH_ENGINES"))
ENGINES = ("sqlite", "mariadb")
ALWAYS_ON_BOTH = ("store",)
"""Folders of tests that are about what a database makes of it."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not BOTH_ENGINES:
        left_out = on_the_other_engine(items)
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    places = {folder: place for place, folder in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.relative_to(HERE).parts[0], len(places)))


def on_the_other_engine(items: list[pytest.Item]) -> set[pytest.Item]:
    """Of tests that could run on both engines, the one of the two that is left to `make both`: which, its
    name decides, so that each engine has half of every file."""
    pairs: dict[str, dict[str, pytest.Item]] = {}
    for item in items:
        engine = engine_of(item)
        if engine and item.path.relative_to(HERE).parts[0] not in ALWAYS_ON_BOTH:
            pairs.setdefault(item.nodeid.replace(engine, "engine"), {})[engine] = item
    return {
        pair[ENGINES[crc32(name.encode()) % 2]] for name, pair in pairs.items() if len(pair) == len(ENGINES)
    }


def engine_of(item: pytest.Item) -> str | None:
    """The database that a test is made for, if it is for one of several."""
    given = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return next((value for value in given if value in ENGINES), None)


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[None]:
    """Passwords of this process's tests are hashed with the least work that Argon2 can do: hundreds of fans
    register, and none of them is attacked. What `ticketflow` itself does is measured by `bench accounts`."""
    with pytest.MonkeyPatch.context() as patch:
        least = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(passwords, "_HASHER", least)
        yield


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the session's Valkey, shared by all tests: keep to names under `prefix`."""
    with servers.valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of the session's Valkey that gives text."""
    client = Redis.from_url(redis_url, decode_responses=True)
    yield client
    await client.aclose()


@pytest.fixture
def prefix() -> str:
    """A key prefix no other test has."""
    return f"test-{uuid.uuid4().hex[:12]}:"


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.MariaDB]:
    """The server that TICKETFLOW_TEST_DATABASE_URL names, else a private MariaDB."""
    if address := os.environ.get("TICKETFLOW_TEST_DATABASE_URL"):
        yield servers.MariaDB(address)
        return
    with servers.mariadb(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables and no rows, to be copied: faster than making the tables each time."""
    from ticketflow.store.tables import metadata

    template = tmp_path_factory.mktemp("sqlite") / "template.db"
    servers.create_tables(f"sqlite:///{template}", metadata)
    return template


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh SQLite database with all tables, as `databases` wants it named."""
    copy = tmp_path / "ticketflow.db"
    shutil.copyfile(sqlite_template, copy)
    return f"sqlite+aiosqlite:///{copy}"


@pytest.fixture
def mariadb_url(mariadb: servers.MariaDB) -> Iterator[str]:
    """A fresh MariaDB database with all tables, as `databases` wants it named."""
    from ticketflow.store.tables import metadata

    with mariadb.fresh(metadata) as url:
        yield url


@pytest.fixture(params=["sqlite", "mariadb"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database with all tables; each test that asks runs once on SQLite and once on MariaDB."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def smtp() -> AsyncIterator[servers.Mailbox]:
    """A real SMTP server: hand its `.url` to what sends, read `.messages`, await `.wait_for(n)`."""
    mailbox = servers.Mailbox()
    server = await servers.smtp_server(mailbox)
    yield mailbox
    server.close()
    await server.wait_closed()


WHOLE = ("chromium", "chromium-browser", "google-chrome")
# The shell is the same Chromium without windows of its own, which nobody would see.
SHELL = ("chromium-headless-shell", *WHOLE)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium of the test's own: Playwright's objects cannot leave the loop they were made in."""
    async with _chromium(SHELL) as running:
        yield running


@pytest.fixture
async def whole_browser() -> AsyncIterator[Browser]:
    """With what the shell lacks: leave to notify that is refused, and a Tab that goes round in a dialog."""
    async with _chromium(WHOLE) as running:
        yield running


@asynccontextmanager
async def _chromium(names: tuple[str, ...]) -> AsyncIterator[Browser]:
    quiet = ["--disable-quic", "--disable-background-networking", "--disable-component-update"]
    args = ["--no-sandbox", "--disable-gpu", "--disable-sync", "--no-first-run", *quiet]
    path = servers.program(*names, install="chromium")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path, headless=True, args=args)
        yield running
        await running.close()


@pytest.fixture
def settings(database_url: str, redis_url: str, smtp: servers.Mailbox, prefix: str) -> Settings:
    """Settings of a whole house on real servers, once on SQLite and once on MariaDB."""
    return settings_for(database_url=database_url, redis_url=redis_url, smtp_url=smtp.url, prefix=prefix)

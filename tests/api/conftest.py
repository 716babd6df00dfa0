"""One house for all tests of the API, once on SQLite and once on MariaDB; each test has a sale of its own."""

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests import servers
from tests.api.support import open_sale
from tests.house import House, Sale, Visitor, in_process, settings_for
from ticketflow.settings import Settings
from ticketflow.store.tables import metadata


@pytest_asyncio.fixture(scope="package", loop_scope="package", params=["sqlite", "mariadb"])
async def house(
    request: pytest.FixtureRequest, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """A running house with the worker's loops; its mail goes to a real server."""
    mailbox = servers.Mailbox()
    smtp = await servers.smtp_server(mailbox)
    with fresh_database(request, tmp_path_factory) as url:
        prefix = f"test-{uuid.uuid4().hex[:12]}"
        settings = settings_for(database_url=url, redis_url=redis_url, smtp_url=mailbox.url, prefix=prefix)
        started: asyncio.Future[House] = asyncio.get_running_loop().create_future()
        stop = asyncio.Event()
        # A task of its own: a fixture's halves run in two tasks, and a task group must end where it began.
        running = asyncio.create_task(_run(settings, mailbox, started, stop))
        await asyncio.wait({running, started}, return_when=asyncio.FIRST_COMPLETED)
        yield started.result() if started.done() else running.result()
        stop.set()
        await running
    smtp.close()


@contextmanager
def fresh_database(request: pytest.FixtureRequest, folders: pytest.TempPathFactory) -> Iterator[str]:
    """An empty database with all tables of the kind the test asks for."""
    if request.param == "mariadb":
        server: servers.MariaDB = request.getfixturevalue("mariadb")
        with server.fresh(metadata) as url:
            yield url
        return
    template: Path = request.getfixturevalue("sqlite_template")
    copy = folders.mktemp("house") / "ticketflow.db"
    shutil.copyfile(template, copy)
    yield f"sqlite+aiosqlite:///{copy}"


async def _run(
    settings: Settings,
    mailbox: servers.Mailbox,
    started: "asyncio.Future[House]",
    stop: asyncio.Event,
) -> House:
    async with in_process(settings) as house:
        house.mailbox = mailbox
        started.set_result(house)
        await stop.wait()
        return house


@pytest_asyncio.fixture(loop_scope="package")
async def sale(house: House) -> Sale:
    """A sale that is on: 20 standing at 25.00, 4 a person."""
    return await open_sale(house)


@pytest_asyncio.fixture(loop_scope="package")
async def fan(house: House, sale: Sale) -> AsyncIterator[Visitor]:
    """Somebody signed in who has been let in to the sale."""
    async with house.visitor() as visitor:
        await visitor.register()
        await visitor.come_in(sale)
        yield visitor

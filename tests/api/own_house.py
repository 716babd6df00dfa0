"""A house with settings of its own for all tests of a module, on SQLite: for what asks no database."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from tests import servers
from tests.house import House, in_process, settings_for
from ticketflow.settings import Settings
from ticketflow.store.tables import metadata

NOBODY = "smtp://127.0.0.1:1"
"""Whoever is to read mail must have a server of their own."""


@asynccontextmanager
async def own_house(
    redis_url: str,
    folder: Path,
    *,
    run: Callable[[Settings], AbstractAsyncContextManager[House]] = in_process,
    **given: Any,
) -> AsyncIterator[House]:
    """A running house; `given` are its settings, `run` is what runs it."""
    file = folder / "ticketflow.db"
    servers.create_tables(f"sqlite:///{file}", metadata)
    settings = settings_for(
        database_url=f"sqlite+aiosqlite:///{file}",
        redis_url=redis_url,
        smtp_url=NOBODY,
        prefix=f"test-{secrets.token_hex(6)}",
        **given,
    )
    started: asyncio.Future[House] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()

    async def live() -> House:
        async with run(settings) as house:
            started.set_result(house)
            await stop.wait()
            return house

    # A task of its own: a fixture's halves run in two tasks, and a task group must end where it began.
    running = asyncio.create_task(live())
    await asyncio.wait({running, started}, return_when=asyncio.FIRST_COMPLETED)
    yield started.result() if started.done() else running.result()
    stop.set()
    await running

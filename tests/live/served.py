"""A house in the test's own loop that is served over TCP, so that a test can both take a part out and cut a
wire."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from tests import servers
from tests.api.support import services
from tests.house import House, sqlite_is_quiet
from ticketflow.app import open_web
from ticketflow.settings import Settings
from ticketflow.web.serving import serve_until


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[House]:
    """Web and worker loops, ready for connections; leaving is what SIGTERM does."""
    mine = replace(settings, port=servers.free_port())
    stop = asyncio.Event()
    try:
        async with open_web(mine, with_worker=True) as app:
            house = House(mine, f"http://127.0.0.1:{mine.port}", app.extensions["ticketflow"].database, app)
            for event in services(house).catalogue.all():
                await services(house).keeper.prepare(event)
            await services(house).hub.refresh()
            serving = asyncio.create_task(serve_until(stop, app, mine))
            await _listening(mine.port)
            try:
                yield house
            finally:
                stop.set()
                await serving
    finally:
        await sqlite_is_quiet()


async def _listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)
            continue
        writer.close()
        return


def desk_url(house: House, event_id: int) -> str:
    return f"{house.url.replace('http', 'ws')}/ws/desk/{event_id}"


def stock_url(house: House, event_id: int) -> str:
    return f"{house.url.replace('http', 'ws')}/ws/events/{event_id}"

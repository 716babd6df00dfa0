"""A whole house in the test's own process behind a real port: quick to open, and easily arranged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from hypercorn.asyncio import serve
from hypercorn.config import Config
from playwright.async_api import Browser

from tests import servers
from tests.broken import add_broken_doors
from tests.browser.stage import Stage
from tests.house import House, in_process
from ticketflow.settings import Settings


@dataclass
class Home:
    """The house, a stage before it, and how often its one broken door was tried."""

    house: House
    stage: Stage
    tried: list[int]


@asynccontextmanager
async def at_home(settings: Settings, browser: Browser) -> AsyncIterator[Home]:
    """Open the house, with broken doors, until the block ends."""
    config = Config()
    config.bind = [f"127.0.0.1:{servers.free_port()}"]
    # Browsers keep connections open; nobody here is worth waiting for.
    config.graceful_timeout = 0.1
    async with in_process(settings) as house:
        assert house.app is not None
        tried = add_broken_doors(house.app)
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(house.app, config, shutdown_trigger=stop.wait))
        stage = Stage(browser, f"http://{config.bind[0]}")
        yield Home(house, stage, tried)
        await stage.clear()
        stop.set()
        await serving

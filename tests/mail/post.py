"""Postmen in this process, on real servers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ticketflow.clients import Stores, open_stores
from ticketflow.loops import end
from ticketflow.mail.delivery import Postman
from ticketflow.settings import Settings
from ticketflow.worker import Background


def postman(settings: Settings, stores: Stores) -> Postman:
    return Background(settings, stores)._postman()


@asynccontextmanager
async def delivering(settings: Settings, *postmen: Postman) -> AsyncIterator[Stores]:
    """Open stores, with these postmen at work, or one of its own."""
    async with open_stores(settings) as stores, at_work(*(postmen or (postman(settings, stores),))):
        yield stores


@asynccontextmanager
async def at_work(*postmen: Postman) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(one.run()) for one in postmen]
    try:
        yield
    finally:
        await end(tasks)

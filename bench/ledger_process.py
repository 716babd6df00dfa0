"""`ticketflow worker` but for the letters: `python -m bench.ledger_process`, with the same variables.

Thousands of letters would go out while the next side is measured.
"""

import asyncio
import os

from ticketflow.clients import open_stores
from ticketflow.collector import spare_the_collector
from ticketflow.loops import running
from ticketflow.settings import Settings
from ticketflow.worker import Background

from .serving import stopped


async def main() -> None:
    settings, stop = Settings.read(os.environ), stopped()
    async with open_stores(settings) as stores:
        background = Background(settings, stores)
        await background.catalogue.load()
        spare_the_collector()
        async with running(background.desk_loops()):
            await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())

"""A worker that does nothing but keep the ledger: `python -m bench.ledger_alone`, with TICKETFLOW_* set."""

import asyncio
import os

from ticketflow.booking.cashier import Cashier
from ticketflow.booking.ledger import Ledger
from ticketflow.clients import open_stores
from ticketflow.collector import spare_the_collector
from ticketflow.live.catalogue import Catalogue
from ticketflow.loops import running
from ticketflow.payments import Authorisation, SimulatedGateway
from ticketflow.rooms import Rooms
from ticketflow.settings import Settings
from ticketflow.stock import Stock


class Prompt(SimulatedGateway):
    """Approves at once and writes nothing down: a real gateway keeps its books on machines of its own."""

    async def authorise(self, key: str, amount: int, currency: str, method: str) -> Authorisation:
        return Authorisation(True, f"prompt_{key[:12]}")

    async def capture(self, key: str) -> None:
        pass


async def main(settings: Settings) -> None:
    """Read, pay, commit, settle, tell and capture until killed. Events are those there are at the start."""
    async with open_stores(settings) as stores:
        catalogue = Catalogue(stores.database)
        await catalogue.load()
        ledger = Ledger(
            name=f"bench-{os.getpid()}",
            redis=stores.redis,
            database=stores.database,
            stock=Stock(stores.redis, settings.redis_prefix),
            rooms=Rooms(stores.redis, stores.database, settings),
            cashier=Cashier(
                stores.database,
                Prompt(stores.database, slow_seconds=0),
                settle_after_seconds=settings.settle_after_seconds,
            ),
            events=catalogue.all,
            settings=settings,
        )
        spare_the_collector()
        async with running(ledger.loops()):
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Settings.read(os.environ)))

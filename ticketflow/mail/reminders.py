"""Tells who asked when a sale opens: letters go into the outbox a while before, each once."""

import asyncio
import logging
from datetime import timedelta

from databases import Database

from ticketflow.domain import now
from ticketflow.loops import lasting
from ticketflow.store import reminders, violations

log = logging.getLogger(__name__)

AHEAD = timedelta(minutes=15)
"""So long before the lobby opens, or the sale: time to read it and to come, too short to forget it again."""
LOOK_SECONDS = 5.0
BATCH = 200
"""Letters a transaction: the ledger, which writes bookings meanwhile, must not wait for thousands."""


class Reminders:
    """Writes what is owed. Any number of workers may: the database lets each letter be written once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @lasting
    async def run(self) -> None:
        """Look and write until cancelled."""
        while True:
            try:
                await self.write_due()
            except violations.BROKEN as error:
                log.warning("who is to be told of a sale could not be read: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def write_due(self) -> int:
        """Write all letters that are owed now. Gives how many wishes were seen to."""
        seen = 0
        for opening in await reminders.opening(self._database, now(), AHEAD):
            while count := await reminders.write_letters(self._database, opening, BATCH):
                seen += count
        return seen

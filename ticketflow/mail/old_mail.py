"""The sweep that forgets links and letters of long ago, a few at a time. Any number of workers may run it."""

import asyncio
import logging
import random

from databases import Database

from ticketflow.loops import lasting
from ticketflow.store import old_mail, violations

log = logging.getLogger(__name__)

FORGOTTEN_AT_ONCE = 200
"""So few that no letter on its way waits for it."""
SWEEP_SECONDS = 3600.0


@lasting
async def sweep(database: Database) -> None:
    """For ever: forget what is old enough."""
    while True:
        try:
            await sweep_once(database)
        except violations.BROKEN as error:
            log.warning("old letters could not be forgotten, trying again: %s", error)
        # Workers that were started together need not come for the same rows.
        await asyncio.sleep(SWEEP_SECONDS * random.uniform(0.5, 1.0))


async def sweep_once(database: Database) -> None:
    """Forget all that is old enough now, batch by batch."""
    for forget in (old_mail.forget_links, old_mail.forget_withdrawn):
        full = True
        while full:
            full = await forget(database, FORGOTTEN_AT_ONCE) == FORGOTTEN_AT_ONCE

"""Whoever has a page open here is present, whatever other pages of theirs close or poll elsewhere."""

import asyncio
import logging

from redis.exceptions import RedisError

from ticketflow.live.hub import Hub
from ticketflow.rooms import Rooms
from waiting_room import RoomPolicy

log = logging.getLogger(__name__)

EVERY_SECONDS = RoomPolicy.away_seconds / 5
"""A page that closes, or one that polls, says "away" for its fan and cannot know of their pages in other
processes. Long before that costs a place, each process says of its own pages that they are here. Nobody has
to be asked, and what one process failed to say is made good by the next round."""


async def vouch(hub: Hub, rooms: Rooms) -> None:
    """Say of everybody with an open page in this process that they are here: one command for a thousand."""
    for event_id, visitors in hub.visitors().items():
        await (await rooms.of(event_id)).keep_present(visitors)


async def keep_vouching(hub: Hub, rooms: Rooms) -> None:
    """Vouch again and again, until cancelled."""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        try:
            await vouch(hub, rooms)
        except RedisError as error:
            log.warning("open pages could not be vouched for, the next round tries again: %s", error)
        except Exception:
            log.exception("open pages could not be vouched for, the next round tries again")

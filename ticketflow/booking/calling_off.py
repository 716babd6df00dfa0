"""An event is called off: its organiser says so once, and workers do the rest, however often they die at it.

    row in the books -> room closed -> holds end -> bookings cancelled, in groups -> units back -> money back

Only the first two are done while the organiser waits; all are looked for as long as the event is there.
Each step may be done again, by any number of workers: a group is one transaction, and the gateway pays a key
back once.
"""

import asyncio
import logging
from collections.abc import Callable

from databases import Database
from redis.exceptions import RedisError

from ticketflow.booking.cancellations import Cancellations
from ticketflow.domain import Event, User
from ticketflow.loops import lasting
from ticketflow.rooms import Rooms
from ticketflow.stock import Stock
from ticketflow.store import calling_off as records
from ticketflow.store import violations
from ticketflow.store.calling_off import CalledOff
from waiting_room import Mode, WaitingRoomError

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
A_GROUP = 50
"""Bookings that are cancelled in one transaction, and refunded at the same time."""


class CallingOff:
    """Calls events off, and runs what follows from it."""

    def __init__(
        self,
        *,
        database: Database,
        stock: Stock,
        rooms: Rooms,
        cancellations: Cancellations,
        find_event: Callable[[int], Event | None],
    ) -> None:
        self._database = database
        self._stock = stock
        self._rooms = rooms
        self._cancellations = cancellations
        self._find_event = find_event

    async def begin(self, event: Event, organiser: User, reason: str) -> None:
        """Call the event off, for good. Nothing is done the second time. Raises `Refusal` not_found."""
        await records.begin(self._database, event.id, organiser, reason)
        for off in await records.every(self._database):
            if off.event_id == event.id:
                await self._shut(event, off)

    @lasting
    async def run(self) -> None:
        """For ever: do what is to be done for events that are called off."""
        while True:
            try:
                for off in await records.every(self._database):
                    await self._see_to(off)
            except violations.BROKEN as error:
                log.warning("events that are called off could not be read, trying again: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def _see_to(self, off: CalledOff) -> None:
        event = self._find_event(off.event_id)
        if event is None:
            return
        try:
            await self._shut(event, off)
            await self._cancel_all(event, off)
            if not off.finished:
                await records.note_finished(self._database, event.id)
        except (RedisError, WaitingRoomError, *violations.BROKEN, *records.LOST_RACE) as error:
            log.warning("event %d is called off, and goes on in a moment: %s", event.id, error)
        except Exception:
            # One event must not keep the others waiting.
            log.exception("event %d is called off, and goes on in a moment", event.id)

    async def _shut(self, event: Event, off: CalledOff) -> None:
        """Let nobody into the line or to the desk, and end what is held there and not being paid."""
        room = await self._rooms.of(event.id)
        if (await room.policy()).mode is not Mode.CLOSED:
            await room.steer(mode=Mode.CLOSED, message=off.message)
        while await self._stock.expire(event, room.keys.active, all_of_them=True):
            pass

    async def _cancel_all(self, event: Event, off: CalledOff) -> None:
        while booking_ids := await records.cancel_some(self._database, off, A_GROUP):
            await self._cancellations.finish(event, booking_ids)

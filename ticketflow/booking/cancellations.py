"""Cancelling: the database ends the booking, then Redis has the units back, then the money goes back.

    commit (booking, tickets, payment, mail) -> units free again -> refund

Only the commit decides. What a crash cuts short after it is swept: the cancellation's row is there until
Redis has the units back (this module's `sweep`), the payment is `refund_due` until the gateway has paid
(the cashier's). Each step may be done again, by anybody, and changes nothing then.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from databases import Database
from redis.exceptions import RedisError

from ticketflow.booking.cashier import Cashier
from ticketflow.booking.desk import result_of
from ticketflow.cancelling import check_cancellable
from ticketflow.domain import Booking, BookingStatus, Event, User
from ticketflow.faults import Point, reached
from ticketflow.loops import end, lasting
from ticketflow.rooms import Rooms
from ticketflow.stock import Stock
from ticketflow.store import bookings, violations
from ticketflow.store import cancellations as records
from ticketflow.store.cancellations import Cancellation

log = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0
SWEPT_AT_ONCE = 500
SETTLED_TRIES, SETTLED_SECONDS = 20, 0.05
"""How often and how soon is asked again for units whose booking is just being settled."""
REFUND_WAIT_SECONDS = 3.0
"""How long an answer waits for the gateway; the refund itself goes on."""


class Cancellations:
    """Cancels bookings for bookers and organisers. Refusals are raised as `Refusal`."""

    def __init__(
        self,
        *,
        database: Database,
        stock: Stock,
        rooms: Rooms,
        cashier: Cashier,
        find_event: Callable[[int], Event | None],
    ) -> None:
        self._database = database
        self._stock = stock
        self._rooms = rooms
        self._cashier = cashier
        self._find_event = find_event
        self._steps: set[asyncio.Task[Any]] = set()

    async def by_booker(self, event: Event, booking: Booking) -> Booking:
        """Cancel a booking for who made it; gives it as it is then. The second time nothing is done.

        Raises what `check_cancellable` raises, and ticket_used.
        """
        if booking.status is BookingStatus.CANCELLED:
            return booking
        check_cancellable(event, booking, await self._stock.time())
        return await self._whole(self._cancel(event, booking.id, booking.user_id))

    async def by_organiser(self, event: Event, organiser: User, booking_id: str) -> Booking:
        """Cancel a booking of an event that the organiser sees to. Raises not_found, not_confirmed,
        ticket_used."""
        return await self._whole(self._cancel(event, booking_id, organiser.id, organiser))

    async def finish(self, event: Event, booking_ids: Sequence[str]) -> None:
        """Give units and money of bookings back that were cancelled together, and tell who made them. What
        cannot be done now is swept later."""
        done = [
            gone.booking_id
            for gone in await records.by_bookings(self._database, booking_ids)
            if await self._is_back(event, gone)
        ]
        await self._note_back(done)
        await asyncio.gather(*(self._refund(booking_id) for booking_id in booking_ids))
        ended = await bookings.by_ids(self._database, booking_ids)
        await self._tell(event.id, list(ended.values()))

    async def tend(self) -> None:
        """For ever: keep the steps that outlive their request; when this ends, they end."""
        try:
            await asyncio.Event().wait()
        finally:
            await end(self._steps)

    @lasting
    async def sweep(self) -> None:
        """For ever: give units back that a crash, or a loss of Redis, has kept from going back."""
        while True:
            try:
                await self.sweep_once()
            except violations.BROKEN as error:
                log.warning("cancelled bookings could not be read, trying again: %s", error)
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep_once(self) -> None:
        """Give back what can be given back now."""
        for cancellation in await records.units_out(self._database, SWEPT_AT_ONCE):
            event = self._find_event(cancellation.event_id)
            if event is None:
                continue
            try:
                await self._give_back(event, cancellation)
            except Exception:
                # One that cannot go back must not stop the others.
                log.exception("the units of booking %s go back later", cancellation.booking_id)

    async def _whole(self, work: Coroutine[Any, Any, Booking]) -> Booking:
        """Do it all, even if who asked has gone: a cancelled task would leave its transaction half open."""
        return await asyncio.shield(self._step(work))

    def _step(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work, name="cancellation")
        self._steps.add(task)
        task.add_done_callback(self._steps.discard)
        return task

    async def _cancel(self, event: Event, booking_id: str, by: int, organiser: User | None = None) -> Booking:
        if await records.cancel(self._database, event.id, booking_id, by, organiser):
            await self._units_back(event, booking_id)
            refund = self._step(self._refund(booking_id))
            await asyncio.wait({refund}, timeout=REFUND_WAIT_SECONDS)
            cancelled = await self._read(booking_id)
            await self._tell(event.id, [cancelled])
            return cancelled
        return await self._read(booking_id)

    async def _units_back(self, event: Event, booking_id: str) -> None:
        cancellation = await records.by_booking(self._database, booking_id)
        for _ in range(SETTLED_TRIES):
            if cancellation is None or await self._give_back(event, cancellation):
                return
            await asyncio.sleep(SETTLED_SECONDS)

    async def _give_back(self, event: Event, cancellation: Cancellation) -> bool:
        """Give the units back and note it. False: not now; the sweep comes back to it."""
        try:
            done = await self._is_back(event, cancellation)
            if done:
                await self._note_back([cancellation.booking_id])
        except violations.BROKEN as error:
            log.warning("the units of booking %s go back later: %s", cancellation.booking_id, error)
            return False
        return done

    async def _note_back(self, booking_ids: Sequence[str]) -> None:
        await records.note_units_back(self._database, booking_ids)
        reached(Point.UNITS_NOTED)

    async def _is_back(self, event: Event, cancellation: Cancellation) -> bool:
        """Give the units back. False: not now."""
        try:
            room = await self._rooms.of(event.id)
            done = await self._stock.unsell(
                event,
                room.keys.active,
                booking_id=cancellation.booking_id,
                user_id=cancellation.user_id,
                ticket_type_id=cancellation.ticket_type_id,
                units=cancellation.units,
            )
        except (RedisError, *violations.BROKEN) as error:
            log.warning("the units of booking %s go back later: %s", cancellation.booking_id, error)
            return False
        if done:
            reached(Point.UNITS_BACK)
        return done

    async def _refund(self, booking_id: str) -> None:
        try:
            await self._cashier.refund(booking_id)
        except Exception:
            log.exception("the refund of booking %s failed; it will be tried again", booking_id)

    async def _tell(self, event_id: int, ended: Sequence[Booking]) -> None:
        try:
            await self._stock.tell_bookers(event_id, [result_of(booking) for booking in ended])
        except RedisError as error:
            log.warning("the end of %d bookings of event %d was not told: %s", len(ended), event_id, error)

    async def _read(self, booking_id: str) -> Booking:
        return (await bookings.by_ids(self._database, [booking_id]))[booking_id]

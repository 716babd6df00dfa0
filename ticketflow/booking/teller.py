"""The teller: once orders are in the database, settles them in Redis, ends turns, and tells their bookers."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from databases import Database
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ticketflow.booking.desk import mismatch_of, result_of
from ticketflow.domain import Booking, BookingStatus, Event, Order
from ticketflow.faults import Point, reached
from ticketflow.rooms import Rooms
from ticketflow.stock import Settlement, Stock
from ticketflow.store import cancellations, sales, violations
from waiting_room import WaitingRoomError

log = logging.getLogger(__name__)

AT_ONCE = 64
"""Orders settled in one script: while it runs, about a millisecond, nobody else is served."""

CUT = (RedisConnectionError, RedisTimeoutError, *violations.BROKEN)
"""A store is away: nothing is wrong with the orders."""

Written = tuple[Order, Booking]
"""An order, and the booking that the database has under its id."""


class Teller:
    """Brings orders with an outcome to their end. Whatever a crash cuts short is done again."""

    def __init__(
        self,
        *,
        stock: Stock,
        rooms: Rooms,
        database: Database,
        events: Callable[[], Iterable[Event]],
        retry_seconds: int,
    ) -> None:
        self._stock = stock
        self._rooms = rooms
        self._database = database
        self._events = events
        self._retry_seconds = retry_seconds

    async def tell(self, written: Iterable[Written]) -> list[Written]:
        """Settle in Redis, end the turns, tell. Gives those that were told; the others stay in the stream."""
        by_event: defaultdict[int, list[Written]] = defaultdict(list)
        for order, booking in written:
            by_event[order.event_id].append((order, booking))
        told: list[Written] = []
        for event_id, group in by_event.items():
            for first in range(0, len(group), AT_ONCE):
                told += await self._tell_group(event_id, group[first : first + AT_ONCE])
        return told

    async def _tell_group(self, event_id: int, group: list[Written]) -> list[Written]:
        """All at once; if that fails, one by one: an order that cannot be settled spoils no other's end."""
        try:
            await self._tell_at_once(event_id, group)
        except (RedisError, WaitingRoomError, *violations.BROKEN) as error:
            log.warning("%d orders of event %d could not be told: %s", len(group), event_id, error)
            if len(group) == 1 or isinstance(error, CUT):
                return []
        except Exception:
            log.exception("%d orders of event %d could not be told", len(group), event_id)
            if len(group) == 1:
                return []
        else:
            return group
        return [told for one in group for told in await self._tell_group(event_id, [one])]

    async def _tell_at_once(self, event_id: int, group: Sequence[Written]) -> None:
        """The turns end before anybody is told: who hears that they have tickets and joins again at once must
        not be given the turn that is just being taken away.
        """
        room = await self._rooms.of(event_id)
        event = next(event for event in self._events() if event.id == event_id)
        settlements = [await self._settlement(order, booking) for order, booking in group]
        reached(Point.SETTLE_ASKED)
        left = await self._stock.settle(
            event, room.keys.active, settlements, retry_seconds=self._retry_seconds
        )
        reached(Point.SETTLED)
        served = [
            (order.visitor, order.submitted_at.timestamp())
            for (order, booking), holds in zip(group, left, strict=True)
            if booking.status is BookingStatus.CONFIRMED and holds == 0
        ]
        if served:
            await room.finish_all(served)
        reached(Point.TURN_ENDED)
        await self._stock.tell(event_id, settlements)
        reached(Point.TOLD)

    async def _settlement(self, order: Order, booking: Booking) -> Settlement:
        if booking.request_hash != order.request_hash:
            kept = order.keep_hold
            return Settlement(
                order, "as_before" if kept else "free", {**mismatch_of(booking), "hold_kept": kept}
            )
        if booking.status is BookingStatus.CONFIRMED:
            return await self._sold(order, booking, [ticket.unit for ticket in booking.tickets])
        if booking.status is BookingStatus.CANCELLED:
            # Sold first and given back after it: what gives the units back waits for this.
            gone = await cancellations.by_booking(self._database, booking.id)
            return await self._sold(order, booking, gone.units if gone else ())
        if booking.reason == "unit_taken":
            lost = await sales.taken_units(self._database, order.ticket_type_id, order.units)
            return Settlement(order, "free", result_of(booking), lost=sorted(lost))
        kept = order.keep_hold and booking.reason in ("payment_declined", "payment_unknown")
        return Settlement(order, "held" if kept else "free", {**result_of(booking), "hold_kept": kept})

    async def _sold(self, order: Order, booking: Booking, units: Sequence[int]) -> Settlement:
        others = sorted(set(order.units) - set(units))
        lost = await sales.not_to_be_had(self._database, order.ticket_type_id, others) if others else set()
        if set(others) - lost:
            # A second hold under the key of a booking that had its tickets already: nobody needs it.
            return Settlement(order, "free", result_of(booking), lost=sorted(lost))
        return Settlement(order, "sold", result_of(booking), units=units)

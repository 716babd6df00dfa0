"""The ledger: authorises the payments of submitted orders, commits many in one transaction, has them told.

An order lives in the event's stream until its end is in the database and it has been told.
Whoever dies on the way leaves it there, and another ledger takes it over; the booking's id is the
key at the gateway and in the database, so doing any step again changes nothing.

    stream -> authorise (many at once) -> commit (a group at a time) -> settle, tell -> capture
    intake    cashier                     here                         teller         cashier
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from databases import Database
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ticketflow.booking.cashier import Cashier
from ticketflow.booking.intake import Intake
from ticketflow.booking.teller import Teller, Written
from ticketflow.domain import Booking, BookingStatus, Event, Order
from ticketflow.faults import Point, reached
from ticketflow.loops import Loop, end
from ticketflow.rooms import Rooms
from ticketflow.settings import Settings
from ticketflow.stock import Stock
from ticketflow.store import bookings, sales, violations
from ticketflow.store.sales import Verdict
from waiting_room import WaitingRoomError

log = logging.getLogger(__name__)

COMMITTERS = 2
"""Groups written at once: one is made ready while the database works on another. Two orders of one user may
then meet in two groups, as they may in two ledgers. SQLite has one writer: there a second would only wait."""
RETRY_SECONDS = 0.5
TRIES_ALONE = 10
"""How often an order is tried by itself before it is refused: ledgers that move to the same units, or give
one user the same slot, get past each other within a few."""

T = TypeVar("T")


class Ledger:
    """One consumer of all events' orders; `loops` is its work."""

    def __init__(
        self,
        *,
        name: str,
        redis: "Redis",
        database: Database,
        stock: Stock,
        rooms: Rooms,
        cashier: Cashier,
        events: Callable[[], Iterable[Event]],
        settings: Settings,
    ) -> None:
        self._database = database
        self._cashier = cashier
        self._events = events
        self._batch = settings.ledger_batch
        self._intake = Intake(
            name=name, redis=redis, stock=stock, events=events, settings=settings, start=self._start
        )
        self._teller = Teller(
            stock=stock, rooms=rooms, database=database, events=events, retry_seconds=settings.retry_seconds
        )
        self._steps: set[asyncio.Task[None]] = set()
        self._decided: asyncio.Queue[Verdict] = asyncio.Queue()

    def loops(self) -> list[Loop]:
        """The work, to be run until cancelled. What is in hand then stays in the stream for the next one."""
        committers = 1 if self._database.url.dialect == "sqlite" else COMMITTERS
        return [*self._intake.loops(), *(self._commit() for _ in range(committers)), self._tend()]

    async def _tend(self) -> None:
        """Take the steps of single orders along when the ledger ends."""
        try:
            await asyncio.Event().wait()
        finally:
            await end(self._steps)

    def _step(self, orders: Sequence[Order], step: Coroutine[Any, Any, None]) -> None:
        """Go on with these orders by themselves, so that no other waits for them."""
        task = asyncio.create_task(self._guard(orders, step), name=f"orders-{orders[0].booking_id}")
        self._steps.add(task)
        task.add_done_callback(self._steps.discard)
        # One that was cancelled before it began has not taken up its step: nobody else will.
        task.add_done_callback(lambda _: step.close())

    async def _guard(self, orders: Sequence[Order], step: Coroutine[Any, Any, None]) -> None:
        """Run a step. If it fails, its orders are put down: they stay in the stream, to be taken over."""
        try:
            await step
            return
        except (RedisError, WaitingRoomError, *violations.BROKEN) as error:
            log.warning("%d orders, %s first, were put down: %s", len(orders), orders[0].booking_id, error)
        except Exception:
            log.exception("%d orders, %s first, were put down", len(orders), orders[0].booking_id)
        self._intake.put_down(orders)

    async def _start(self, orders: Sequence[Order]) -> None:
        """Go on with orders that are new in hand, from where they stand in the database."""
        reached(Point.ORDER_READ)
        decided = await sales.decided(self._database, [order.booking_id for order in orders])
        if known := [order for order in orders if order.booking_id in decided]:
            self._step(known, self._end_known(known))
        for order in orders:
            if order.booking_id not in decided:
                self._step([order], self._authorise(order))

    async def _authorise(self, order: Order) -> None:
        self._decided.put_nowait(await self._cashier.authorise(order))

    async def _commit(self) -> None:
        while True:
            group = [await self._decided.get()]
            while len(group) < self._batch and not self._decided.empty():
                group.append(self._decided.get_nowait())
            orders = [verdict.order for verdict in group]
            try:
                found = await self._write(group)
            except Exception:
                log.exception("a group of %d orders was put down", len(group))
                found = {}
            self._intake.put_down(order for order in orders if order.booking_id not in found)
            if written := [(o, found[o.booking_id]) for o in orders if o.booking_id in found]:
                self._step([order for order, _ in written], self._end(written))

    async def _write(self, group: Sequence[Verdict]) -> dict[str, Booking]:
        """Commit a group; if the database refuses it, one by one: one bad order spoils nobody else's."""
        try:
            written = await _until_answered(lambda: sales.commit(self._database, group))
        except Exception as error:
            log.warning("the database refused a group of %d orders: %s", len(group), error)
            written = [booking for verdict in group for booking in await self._write_alone(verdict)]
        found = {booking.id: booking for booking in written}
        if passed_over := [v.order.booking_id for v in group if v.order.booking_id not in found]:
            found |= await _until_answered(lambda: bookings.by_ids(self._database, passed_over))
        return found

    async def _write_alone(self, verdict: Verdict) -> list[Booking]:
        """Commit a verdict, with other units if need be. What the database never takes is refused, and its
        money let go: nobody waits for ever. What cannot be written even so is put down.
        """
        booking_id = verdict.order.booking_id
        for _ in range(TRIES_ALONE):
            try:
                return await _until_answered(lambda: sales.commit(self._database, [verdict]))  # noqa: B023
            except Exception as error:
                log.warning("the database refused order %s: %s", booking_id, error)
            try:
                verdict = await _until_answered(lambda: self._other_units(verdict))  # noqa: B023
            except Exception:
                log.exception("order %s: no other units could be found", booking_id)
        if verdict.status is BookingStatus.CONFIRMED:
            log.error("order %s cannot be written: it is refused", booking_id)
            verdict = verdict.refused("unit_taken")
        try:
            return await _until_answered(lambda: sales.commit(self._database, [verdict]))
        except Exception:
            log.exception("order %s cannot be written, not even as refused", booking_id)
        return []

    async def _other_units(self, verdict: Verdict) -> Verdict:
        """The verdict with units that are free in the database, where Redis believed others were."""
        order = verdict.order
        taken = await sales.not_to_be_had(self._database, order.ticket_type_id, order.units)
        if not taken:
            return verdict  # two ledgers gave one user the same slot: the next try sees it
        event = next(event for event in self._events() if event.id == order.event_id)
        if event.ticket_type(order.ticket_type_id).seated:
            return verdict.refused("unit_taken")
        return await sales.move_to_unsold(self._database, verdict, taken)

    async def _end_known(self, orders: Sequence[Order]) -> None:
        found = await bookings.by_ids(self._database, [order.booking_id for order in orders])
        await self._end([(order, found[order.booking_id]) for order in orders])

    async def _end(self, written: Sequence[Written]) -> None:
        """Settle and tell together, then each one's money by itself: a slow bank holds nobody else up."""
        told = await self._teller.tell(written)
        there = {order.place for order, _ in told}
        self._intake.put_down(order for order, _ in written if order.place not in there)
        for order, booking in told:
            self._step([order], self._close(order, booking))

    async def _close(self, order: Order, booking: Booking) -> None:
        await self._cashier.close(booking)
        self._intake.put_down([order])


async def _until_answered(attempt: Callable[[], Awaitable[T]]) -> T:
    """What `attempt` gives, tried until the database answers. Refusals (`violations.UNIQUE`) are answers."""
    while True:
        try:
            return await attempt()
        except violations.BROKEN as error:
            log.warning("the database did not answer, trying again: %s", error)
            await asyncio.sleep(RETRY_SECONDS)

"""The ledger: reads submitted orders, authorises payments, commits many in one transaction, tells.

An order lives in the event's stream until its end is in the database and it has been told.
Whoever dies on the way leaves it there, and another ledger takes it over; the booking's id is the
key at the gateway and in the database, so doing any step again changes nothing.

    stream -> authorise (many at once) -> commit (a group at a time) -> settle, tell -> capture
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from databases import Database
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from ticketflow.booking.cashier import Cashier
from ticketflow.booking.desk import mismatch_of, result_of
from ticketflow.domain import Booking, BookingStatus, Event, Order
from ticketflow.loops import Loop, end
from ticketflow.rooms import Rooms
from ticketflow.settings import Settings
from ticketflow.stock import GROUP, Settlement, Stock, parse_order
from ticketflow.store import bookings, cancellations, sales, violations
from ticketflow.store.sales import Verdict
from waiting_room import WaitingRoomError

log = logging.getLogger(__name__)

READ_BLOCK_MS = 500
"""How long one read waits for orders; a new event's stream is read from the next read on."""
RETRY_SECONDS = 0.5
TRIES_ALONE = 5

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
        self._name = name
        self._redis = redis
        self._database = database
        self._stock = stock
        self._rooms = rooms
        self._cashier = cashier
        self._events = events
        self._settings = settings
        self._in_hand: dict[str, Order] = {}
        self._steps: set[asyncio.Task[None]] = set()
        self._grouped: set[str] = set()
        self._decided: asyncio.Queue[Verdict] = asyncio.Queue()
        self._room_for_more = asyncio.Event()
        self._room_for_more.set()

    def loops(self) -> list[Loop]:
        """The work, to be run until cancelled. What is in hand then stays in the stream for the next one."""
        return [self._read(), self._take_over(), self._commit(), self._tend()]

    async def _tend(self) -> None:
        """Take the steps of single orders along when the ledger ends."""
        try:
            await asyncio.Event().wait()
        finally:
            await end(self._steps)

    def _step(self, order: Order, step: Coroutine[Any, Any, bool]) -> None:
        """Go on with one order by itself, so that no order waits for another."""
        task = asyncio.create_task(self._guard(order, step), name=f"order-{order.booking_id}")
        self._steps.add(task)
        task.add_done_callback(self._steps.discard)

    async def _read(self) -> None:
        while True:
            await self._room_for_more.wait()
            try:
                await self._read_once()
            except ResponseError as error:
                # NOGROUP: Redis was emptied under us. Anything else is told again in a moment.
                log.warning("reading orders failed: %s", error)
                self._grouped.clear()
                await asyncio.sleep(RETRY_SECONDS)
            except (RedisError, *violations.BROKEN) as error:
                log.warning("reading orders failed: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                log.exception("reading orders failed")
                await asyncio.sleep(RETRY_SECONDS)

    async def _read_once(self) -> None:
        streams: dict[Any, Any] = {self._stock.keys(event.id).orders: ">" for event in self._events()}
        if not streams:
            await asyncio.sleep(RETRY_SECONDS)
            return
        await self._make_groups(streams)
        room = self._settings.ledger_concurrency - len(self._in_hand)
        found: Any = await self._redis.xreadgroup(
            GROUP, self._name, streams, count=max(1, room), block=READ_BLOCK_MS
        )
        # RESP3 answers with a mapping of streams, RESP2 with pairs.
        entries = found.items() if isinstance(found, dict) else found or []
        await self._start([order for _, batch in entries for order in _orders(batch)])

    async def _make_groups(self, streams: Iterable[str]) -> None:
        for stream in set(streams) - self._grouped:
            try:
                await self._redis.xgroup_create(stream, GROUP, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise
            self._grouped.add(stream)

    async def _take_over(self) -> None:
        """Keep what is in hand ours, and take what a dead ledger has left lying too long."""
        patience = self._settings.ledger_takeover_seconds
        while True:
            try:
                for stream in list(self._grouped):
                    await self._take_over_from(stream, patience)
            except (RedisError, *violations.BROKEN) as error:
                log.warning("taking orders over failed: %s", error)
            except Exception:
                log.exception("taking orders over failed")
            await asyncio.sleep(patience / 3)

    async def _take_over_from(self, stream: str, patience: float) -> None:
        ours = [o.entry_id for o in self._in_hand.values() if self._stock.keys(o.event_id).orders == stream]
        if ours:
            await self._redis.xclaim(
                stream, GROUP, self._name, min_idle_time=0, message_ids=[*ours], justid=True
            )
        claimed = await self._redis.xautoclaim(
            stream, GROUP, self._name, min_idle_time=int(patience * 1000), count=100
        )
        await self._start(_orders(claimed[1]))

    async def _start(self, orders: Sequence[Order]) -> None:
        fresh = [order for order in orders if order.entry_id not in self._in_hand]
        if not fresh:
            return
        known = await sales.decided(self._database, [order.booking_id for order in fresh])
        for order in fresh:
            self._in_hand[order.entry_id] = order
            step = self._finish_known(order) if order.booking_id in known else self._authorise(order)
            self._step(order, step)
        if len(self._in_hand) >= self._settings.ledger_concurrency:
            self._room_for_more.clear()

    async def _guard(self, order: Order, step: Coroutine[Any, Any, bool]) -> None:
        """Run a step of one order. What fails is put down: it stays in the stream and is taken over later."""
        done = True
        try:
            done = await step
        except (RedisError, WaitingRoomError, *violations.BROKEN) as error:
            log.warning("order %s was put down: %s", order.booking_id, error)
        except Exception:
            log.exception("order %s was put down", order.booking_id)
        finally:
            if done:
                self._put_down(order)

    def _put_down(self, order: Order) -> None:
        self._in_hand.pop(order.entry_id, None)
        if len(self._in_hand) < self._settings.ledger_concurrency:
            self._room_for_more.set()

    async def _authorise(self, order: Order) -> bool:
        """Gives False: the order stays in hand, on its way to the commit."""
        self._decided.put_nowait(await self._cashier.authorise(order))
        return False

    async def _finish_known(self, order: Order) -> bool:
        written = await bookings.by_ids(self._database, [order.booking_id])
        await self._finish(order, written[order.booking_id])
        return True

    async def _commit(self) -> None:
        while True:
            group = [await self._decided.get()]
            while len(group) < self._settings.ledger_batch and not self._decided.empty():
                group.append(self._decided.get_nowait())
            try:
                written = await self._write(group)
            except Exception:
                log.exception("a group of %d orders was put down", len(group))
                written = {}
            for order in (verdict.order for verdict in group):
                if order.booking_id in written:
                    step = self._finish_written(order, written[order.booking_id])
                    self._step(order, step)
                else:
                    self._put_down(order)

    async def _write(self, group: Sequence[Verdict]) -> dict[str, Booking]:
        """Commit a group; if the database refuses it, one by one: one bad unit spoils nobody else's."""
        try:
            await _until_answered(lambda: sales.commit(self._database, group))
        except violations.UNIQUE:
            for verdict in group:
                await self._write_alone(verdict)
        ids = [verdict.order.booking_id for verdict in group]
        return await _until_answered(lambda: bookings.by_ids(self._database, ids))

    async def _write_alone(self, verdict: Verdict) -> None:
        for _ in range(TRIES_ALONE):
            try:
                await _until_answered(partial(sales.commit, self._database, [verdict]))
                return
            except violations.UNIQUE as error:
                log.warning("the database refused order %s: %s", verdict.order.booking_id, error)
                verdict = await self._other_units(verdict)

    async def _other_units(self, verdict: Verdict) -> Verdict:
        """The verdict with units that are free in the database, where Redis believed others were."""
        order = verdict.order
        taken = await sales.taken_units(self._database, order.ticket_type_id, order.units)
        if not taken:
            return verdict  # two ledgers gave one user the same slot: the next try sees it
        event = next(event for event in self._events() if event.id == order.event_id)
        if event.ticket_type(order.ticket_type_id).seated:
            return verdict.refused("unit_taken")
        return await sales.move_to_unsold(self._database, verdict, taken)

    async def _finish_written(self, order: Order, booking: Booking) -> bool:
        await self._finish(order, booking)
        return True

    async def _finish(self, order: Order, booking: Booking) -> None:
        """Settle in Redis, end the turn, tell; then the money. Whatever a crash cuts short is done again.

        The turn ends before anybody is told: who hears that they have tickets and joins again at once must
        not be given the turn that is just being taken away.
        """
        room = await self._rooms.of(order.event_id)
        event = next(event for event in self._events() if event.id == order.event_id)
        settlement = await self._settlement(order, booking)
        left = await self._stock.settle(
            event, room.keys.active, settlement, retry_seconds=self._settings.retry_seconds
        )
        if booking.status is BookingStatus.CONFIRMED and left == 0:
            await room.finish(order.visitor, asked_at=order.submitted_at.timestamp())
        await self._stock.tell(settlement)
        await self._cashier.close(booking)

    async def _settlement(self, order: Order, booking: Booking) -> Settlement:
        if booking.request_hash != order.request_hash:
            kept = order.keep_hold
            return Settlement(order, "held" if kept else "free", {**mismatch_of(booking), "hold_kept": kept})
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
        others = set(order.units) - set(units)
        lost = (
            await sales.taken_units(self._database, order.ticket_type_id, sorted(others)) if others else set()
        )
        if others - lost:
            # A second hold under the key of a booking that had its tickets already: nobody needs it.
            return Settlement(order, "free", result_of(booking), lost=sorted(lost))
        return Settlement(order, "sold", result_of(booking), units=units)


async def _until_answered(attempt: Callable[[], Awaitable[T]]) -> T:
    """What `attempt` gives, tried until the database answers. Refusals (`violations.UNIQUE`) are answers."""
    while True:
        try:
            return await attempt()
        except violations.BROKEN as error:
            log.warning("the database did not answer, trying again: %s", error)
            await asyncio.sleep(RETRY_SECONDS)


def _orders(entries: Iterable[tuple[str, dict[str, str] | None]]) -> list[Order]:
    return [parse_order(entry_id, fields["order"]) for entry_id, fields in entries if fields]

"""The desk accepts: holds are taken and given back, bookings are submitted and their end is awaited."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from databases import Database

from ticketflow.booking.brake import Brake
from ticketflow.booking.results import Result, Results
from ticketflow.domain import (
    REASONS,
    Booking,
    BookingStatus,
    Event,
    Hold,
    Order,
    Refusal,
    User,
    booking_id,
)
from ticketflow.faults import Point, reached
from ticketflow.payments import Gateway
from ticketflow.rooms import Rooms
from ticketflow.settings import Settings
from ticketflow.stock import REFUSALS, Stock
from ticketflow.store import bookings

T = TypeVar("T")


@dataclass(frozen=True)
class Payment:
    """How a booker wants to pay, and the key under which this attempt is made at most once.

    `fingerprint` is of all that was sent, as it was sent: what is meant by it may change with the event.
    """

    method: str
    key: str | None
    fingerprint: str
    wait_seconds: float


@dataclass(frozen=True)
class Answer:
    """What is known of a booking when the request must be answered: its body, or only its id."""

    booking_id: str
    body: dict[str, Any] | None

    @property
    def decided(self) -> bool:
        return self.body is not None


Take = Callable[[Sequence[int] | None], Awaitable[T]]
"""Takes exactly these units, or with None any. Raises `Refusal` unit_taken if one of them is gone."""
Choose = Callable[[Take[bool]], Awaitable[bool]]


async def any_units(take: Take[bool]) -> bool:
    return await take(None)


class BookingRefused(Refusal):
    """The end of the very booking that was asked for, told when it was decided."""


class Desk:
    """Takes holds and bookings for users who are admitted. Refusals are raised as `Refusal`."""

    def __init__(
        self,
        *,
        stock: Stock,
        rooms: Rooms,
        database: Database,
        results: Results,
        brake: Brake,
        gateway: Gateway,
        settings: Settings,
    ) -> None:
        self._stock = stock
        self._rooms = rooms
        self._database = database
        self._results = results
        self._brake = brake
        self._gateway = gateway
        self._settings = settings

    async def hold(
        self,
        event: Event,
        user: User,
        visitor: str,
        ticket_type_id: int,
        *,
        quantity: int = 0,
        units: Sequence[int] | None = None,
    ) -> Hold:
        """Set tickets aside for the user. Raises what `Stock.hold` raises, and other_account."""
        await self._check_account(event, user, visitor)
        reached(Point.HOLD_ASKED)
        hold = await self._stock.hold(
            event,
            await self._leases(event),
            user_id=user.id,
            visitor=visitor,
            ticket_type_id=ticket_type_id,
            seconds=self._settings.hold_seconds,
            quantity=quantity,
            units=units,
        )
        reached(Point.HELD)
        return hold

    async def release(self, event: Event, user: User, hold_id: str) -> None:
        """Give a hold back. Raises hold_gone, hold_in_use."""
        await self._stock.release(event, await self._leases(event), hold_id, user.id)

    async def extend(self, event: Event, user: User, hold_id: str) -> Hold:
        """Give a hold more time, once. Raises what `Stock.extend` raises."""
        seconds = self._settings.hold_extension_seconds
        return await self._stock.extend(event, await self._leases(event), hold_id, user.id, seconds)

    async def basket(self, event: Event, user: User) -> Hold | None:
        """The tickets the user holds at this event."""
        return await self._stock.basket(event.id, user.id)

    async def held(self, event: Event, user: User, hold_id: str) -> Hold:
        """The user's hold while it can be paid. Raises hold_gone (over, or another's), hold_in_use."""
        hold = await self._stock.find(event.id, hold_id, user.id)
        if hold is None or (not hold.paying and hold.expires_at <= await self._stock.time()):
            raise Refusal("hold_gone", REFUSALS["hold_gone"])
        if hold.paying:
            raise Refusal("hold_in_use", REFUSALS["hold_in_use"])
        return hold

    async def booking_of(self, event: Event, user: User, hold_id: str) -> str | None:
        """The id of the booking that the user's hold became, or is becoming; None if there is none."""
        # In this order: a hold leaves Redis only when its booking is in the database.
        hold = await self._stock.find(event.id, hold_id, user.id)
        if hold and hold.booking_id:
            return hold.booking_id
        return await bookings.id_of_hold(self._database, hold_id, user.id)

    async def book(self, event: Event, user: User, hold_id: str, payment: Payment) -> Answer:
        """Book what is held. Raises payment_declined, hold_gone, idempotency_mismatch and others."""
        wanted = booking_id(user.id, payment.key)
        await self._brake.press(user.id, wanted)
        self._check_method(payment.method)

        async def submit() -> None:
            reached(Point.SUBMIT_ASKED)
            await self._stock.submit(
                event,
                await self._leases(event),
                hold_id=hold_id,
                user_id=user.id,
                booking_id=wanted,
                request_hash=payment.fingerprint,
                method=payment.method,
                keep_hold=True,
                stream_limit=self._settings.stream_limit,
            )
            reached(Point.SUBMITTED)

        return await self._outcome(user, wanted, payment, submit)

    async def book_at_once(
        self,
        event: Event,
        user: User,
        visitor: str,
        ticket_type_id: int,
        quantity: int,
        payment: Payment,
        choose: Choose = any_units,
    ) -> Answer:
        """Hold and book in one step. Nothing stays held if the payment is declined.

        `choose` tries the units it likes until some are to be had, and gives what the last try gave.
        """
        wanted = booking_id(user.id, payment.key)
        await self._brake.press(user.id, wanted)
        self._check_method(payment.method)

        async def take(units: Sequence[int] | None) -> bool:
            return await self._stock.book(
                event,
                await self._leases(event),
                user_id=user.id,
                visitor=visitor,
                ticket_type_id=ticket_type_id,
                quantity=quantity,
                units=units,
                seconds=self._settings.hold_seconds,
                booking_id=wanted,
                request_hash=payment.fingerprint,
                method=payment.method,
                stream_limit=self._settings.stream_limit,
            )

        async def submit() -> None:
            await self._check_account(event, user, visitor)
            reached(Point.BOOK_ASKED)
            await choose(take)
            reached(Point.BOOKED)

        return await self._outcome(user, wanted, payment, submit)

    async def known(
        self, user: User, payment: Payment, hold_id: str | None, events: Sequence[Event]
    ) -> Answer | None:
        """The booking made under the payment's key, decided or on its way; None if there is none.

        Raises `Refusal` idempotency_mismatch, or what the booking was refused for.
        """
        wanted = booking_id(user.id, payment.key)
        with self._results.expect(wanted) as arriving:
            # In this order: an order leaves Redis only when its booking is in the database.
            order = await self.processing(user, wanted, events)
            booking = await bookings.by_id(self._database, wanted, user.id)
            # The database goes first: an order may be of another body under a key that is decided.
            if (first := booking or order) is None:
                return None
            _check_body(first, payment)
            if booking is None:
                return await self._ended(user, wanted, payment, arriving)
        kept = hold_id is not None and await self._stock.find(booking.event_id, hold_id, user.id) is not None
        return _answer({**result_of(booking), "hold_kept": kept})

    async def find(self, user: User, wanted: str) -> Booking | None:
        """The user's booking of that id, as the database has it; None if there is none yet."""
        return await bookings.by_id(self._database, wanted, user.id)

    async def processing(self, user: User, wanted: str, events: Sequence[Event]) -> Order | None:
        """The user's order of that id, while it is on its way through the ledger."""
        return await self._stock.pending([event.id for event in events], wanted, user.id)

    def _check_method(self, method: str) -> None:
        if not self._gateway.accepts(method):
            raise Refusal("bad_payment_method", f"There is no way to pay called {method!r} here.")

    async def _outcome(
        self,
        user: User,
        wanted: str,
        payment: Payment,
        submit: Callable[[], Awaitable[None]],
    ) -> Answer:
        """The end of the booking that `submit` hands to the ledger, if it is not there already."""
        with self._results.expect(wanted) as arriving:
            await submit()
            return await self._ended(user, wanted, payment, arriving)

    async def _ended(
        self, user: User, wanted: str, payment: Payment, arriving: "asyncio.Future[Result]"
    ) -> Answer:
        """The booking's end, or after the time the booker would wait only its id."""
        if (result := await _within(payment.wait_seconds, arriving)) is not None:
            return _answer(result)
        # Publishing may have failed while the commit did not: the database has the last word.
        booking = await bookings.by_id(self._database, wanted, user.id)
        if booking is None:
            return Answer(wanted, None)
        _check_body(booking, payment)
        return _answer(result_of(booking))

    async def _check_account(self, event: Event, user: User, visitor: str) -> None:
        if event.queue_needs_account and visitor != await self._rooms.visitor_of(event.id, user.id):
            raise Refusal(
                "other_account",
                "This place in the queue belongs to another account. "
                "Sign in with that account, or join with yours.",
            )

    async def _leases(self, event: Event) -> str:
        return (await self._rooms.of(event.id)).keys.active


def result_of(booking: Booking) -> Result:
    """What is told about a decided booking, to the request that waits and to the booker's sockets."""
    return {
        "booking_id": booking.id,
        "user_id": booking.user_id,
        "event_id": booking.event_id,
        "status": booking.status.value,
        "reason": booking.reason,
        "booking": booking.public(),
    }


def mismatch_of(booking: Booking) -> Result:
    """What is told when a key came back with another body."""
    return {**result_of(booking), "status": BookingStatus.REFUSED.value, "reason": "idempotency_mismatch"}


def _check_body(first: Booking | Order, payment: Payment) -> None:
    if first.request_hash != payment.fingerprint:
        raise Refusal("idempotency_mismatch", "This key was used for another booking.")


async def _within(seconds: float, arriving: "asyncio.Future[Result]") -> Result | None:
    try:
        async with asyncio.timeout(seconds):
            return await arriving
    except TimeoutError:
        return None


def _answer(result: Result) -> Answer:
    """The answer to a decided booking. Raises `BookingRefused` if it was refused."""
    if result["status"] == BookingStatus.REFUSED.value:
        reason = result["reason"] or "payment_declined"
        raise BookingRefused(
            reason,
            f"{REASONS.get(reason, reason)} Nothing was charged.",
            booking_id=result["booking_id"],
            hold_kept=bool(result.get("hold_kept")),
        )
    return Answer(result["booking_id"], dict(result["booking"]))

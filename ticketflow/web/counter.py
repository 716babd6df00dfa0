"""The desk's commands, one function each: the one set of handlers behind both doors.

The HTTP routes and the desk socket only bring what was asked and carry the reply away.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from ticketflow.booking.best_seats import best_together
from ticketflow.booking.desk import Answer, BookingRefused, Payment, T, Take
from ticketflow.domain import Booking, BookingStatus, Event, Hold, Order, Refusal, SaleState, User, iso
from ticketflow.stock import event_of_hold
from ticketflow.stock.underway import underway as underway_orders
from ticketflow.web.asks import BookAsk, HoldAsk
from ticketflow.web.measuring import measured
from ticketflow.web.services import Services
from waiting_room import WaitingRoomError

BEST_AMONG = (1, 8, 32, 128, 128, 128)
"""Of how many good places one is drawn at each try: many may want the best seats in the same moment."""

BOOKED = {
    "hold_gone": ("already_booked", "These tickets are booked already, by you. They were not charged twice."),
    "hold_in_use": ("hold_in_use", "You are paying for these tickets already. They are not charged twice."),
}
"""What is said of a hold that is gone or in use because a booking has it: the code, and words."""

FindVisitor = Callable[[], Awaitable[str | None]]
"""Gives who the request's pass or ticket names. Raises `WaitingRoomError` if it is forged."""


@dataclass(frozen=True)
class Reply:
    """Status and body, as HTTP sends them and as a socket repeats them."""

    status: int
    body: dict[str, Any] | None = None


async def hold(services: Services, event: Event, user: User, visitor: str, ask: HoldAsk) -> Reply:
    """Set tickets aside. Raises what `Desk.hold` raises, called_off and sale_closed."""
    _check_not_closed(services, event)
    if ask.quantity and event.ticket_type(ask.ticket_type_id).seated:
        type_id, quantity = ask.ticket_type_id, ask.quantity

        async def take(units: Sequence[int] | None) -> Hold:
            asked = quantity if units is None else 0
            return await services.desk.hold(event, user, visitor, type_id, quantity=asked, units=units)

        taken = await _take_best(services, event, type_id, quantity, take)
    else:
        taken = await services.desk.hold(
            event, user, visitor, ask.ticket_type_id, quantity=ask.quantity or 0, units=ask.units
        )
    return Reply(HTTPStatus.CREATED, await hold_view(services, event, taken))


def _check_not_closed(services: Services, event: Event) -> None:
    _check_takes_place(event)
    if services.catalogue.sale_state(event) is SaleState.CLOSED:
        raise Refusal("sale_closed", "The sale is closed. What you have booked stays yours.")


def _check_takes_place(event: Event) -> None:
    if event.called_off is not None:
        raise Refusal(
            "called_off",
            "The organiser has called this event off, so nothing can be held or booked. Nothing was charged.",
        )


async def _take_best(services: Services, event: Event, type_id: int, quantity: int, take: Take[T]) -> T:
    """Take the best seats side by side; where others are faster again and again, or none are left, any."""
    look = services.seat_board.look
    rows = (await services.seat_board.plan(event))[type_id]
    for among in BEST_AMONG:
        units = best_together(rows, (await look(event)).free[type_id], quantity, among)
        if not units:
            break
        try:
            return await take(units)
        except Refusal as refusal:
            if refusal.code != "unit_taken":
                raise
        look = services.seat_board.look_again
    return await take(None)


async def release(services: Services, user: User, hold_id: str) -> Reply:
    """Give a hold back. Raises not_found if it is not the user's, or over; hold_in_use, already_booked."""
    try:
        async with _booked_or_gone(services, user, hold_id):
            await services.desk.release(_event_of(services, hold_id), user, hold_id)
    except Refusal as refusal:
        if refusal.code == "hold_gone":
            raise Refusal(
                "not_found", "You hold no such tickets. They may have gone back by themselves."
            ) from None
        raise
    return Reply(HTTPStatus.NO_CONTENT)


async def look_at_hold(services: Services, user: User, hold_id: str) -> Reply:
    """The hold, while it can be paid. Raises hold_gone, hold_in_use, already_booked."""
    event = _event_of(services, hold_id)
    async with _booked_or_gone(services, user, hold_id):
        return Reply(
            HTTPStatus.OK, await hold_view(services, event, await services.desk.held(event, user, hold_id))
        )


@asynccontextmanager
async def _booked_or_gone(services: Services, user: User, hold_id: str) -> AsyncIterator[None]:
    """A hold that a booking of the user's has taken has not gone back: the refusal leads to that booking."""
    try:
        yield
    except Refusal as refusal:
        if refusal.code not in BOOKED:
            raise
        booking_id = await booking_of(services, user, hold_id)
        if booking_id is None:
            raise
        code, detail = BOOKED[refusal.code]
        raise Refusal(code, detail, booking_id=booking_id) from None


async def booking_of(services: Services, user: User, hold_id: str) -> str | None:
    """The id of the user's booking, made or being made, that has what was held; None if there is none."""
    try:
        return await services.desk.booking_of(_event_of(services, hold_id), user, hold_id)
    except Refusal:  # no hold's id
        return None


async def extend(services: Services, user: User, hold_id: str) -> Reply:
    """Give a hold more time, once. Raises what `Desk.extend` raises, sale_closed, called_off and
    already_booked."""
    event = _event_of(services, hold_id)
    _check_takes_place(event)
    if services.catalogue.sale_state(event) is SaleState.CLOSED:
        raise Refusal(
            "sale_closed",
            "The sale is closed, so no more time is given. What you hold stays held for what is left.",
        )
    async with _booked_or_gone(services, user, hold_id):
        extended = await services.desk.extend(event, user, hold_id)
    return Reply(HTTPStatus.OK, await hold_view(services, event, extended))


async def book(
    services: Services,
    user: User,
    ask: BookAsk,
    *,
    visitor: FindVisitor,
    key: str | None,
    wait_seconds: float,
) -> Reply:
    """Book what is held, or in one step. `visitor` finds who the pass or ticket names; one step needs it.

    A key that is known answers before any refusal: its booking is the same for ever. Nobody asks for that
    until there is a refusal, so that a booking that goes well costs no look.
    """
    method = ask.payment.method if ask.payment else services.gateway.default_method
    payment = Payment(method, key, ask.fingerprint, wait_seconds)
    try:
        booking = _book(services, user, ask, visitor, payment)
        return _booked(services, await measured(services, ask, wait_seconds, booking))
    except BookingRefused:
        raise
    except (Refusal, WaitingRoomError):
        if key is None:
            raise
        known = await services.desk.known(user, payment, ask.hold_id, services.catalogue.all())
        if known is None:
            raise
        return _booked(services, known)


async def _book(
    services: Services, user: User, ask: BookAsk, find_visitor: FindVisitor, payment: Payment
) -> Answer:
    visitor = await find_visitor()
    if ask.hold_id is not None:
        async with _booked_or_gone(services, user, ask.hold_id):
            event = _event_of(services, ask.hold_id)
            _check_takes_place(event)
            return await services.desk.book(event, user, ask.hold_id, payment)
    event = services.catalogue.event(ask.event_id or 0)
    _check_not_closed(services, event)
    if visitor is None:
        raise Refusal("not_admitted", "It is not your turn at the desk. Join the queue to come in.")
    type_id = ask.ticket_type_id or event.ticket_types[0].id
    quantity, book_at_once = ask.quantity or 1, services.desk.book_at_once
    if not event.ticket_type(type_id).seated:
        return await book_at_once(event, user, visitor, type_id, quantity, payment)

    async def best(take: Take[bool]) -> bool:
        return await _take_best(services, event, type_id, quantity, take)

    return await book_at_once(event, user, visitor, type_id, quantity, payment, best)


async def find_booking(services: Services, user: User, booking_id: str) -> Booking:
    """The user's booking: decided, or `processing` while the ledger has it. Raises not_found."""
    booking = await services.desk.find(user, booking_id)
    if booking is None:
        order = await services.desk.processing(user, booking_id, services.catalogue.all())
        # Where there is no order either, it may have been decided between the two looks.
        booking = _processing(order) if order else await services.desk.find(user, booking_id)
    if booking is None:
        # An order is on its way only in Redis: should that be lost, this is all that is left to say of it.
        raise Refusal(
            "not_found",
            "This account has no such booking. If it was made with another account, sign in with that one to "
            "see it. If it was made with this one, and there is still none a minute after you were told that "
            "it is on its way, it did not go through, and nothing was charged.",
        )
    return booking


async def underway(services: Services, user: User) -> list[Booking]:
    """The user's bookings that are being paid for right now, as far as what they held leads to them."""
    event_ids = [event.id for event in services.catalogue.all()]
    orders = await underway_orders(services.redis, services.stock, event_ids, user.id)
    return [_processing(order) for order in orders]


async def cancel_booking(services: Services, user: User, booking_id: str) -> Booking:
    """Cancel the user's booking, with its refund. Raises not_found, and what `check_cancellable` raises."""
    booking = await find_booking(services, user, booking_id)
    return await services.cancellations.by_booker(services.catalogue.event_of(booking), booking)


async def hold_view(services: Services, event: Event, taken: Hold) -> dict[str, Any]:
    """The contract's hold, with the names of its seats."""
    seats = await services.catalogue.seats(event.ticket_type(taken.ticket_type_id))
    return {
        "id": taken.id,
        "event_id": taken.event_id,
        "ticket_type_id": taken.ticket_type_id,
        "units": list(taken.units),
        "seats": [str(seats[unit]) for unit in taken.units] if seats else [],
        "amount": taken.amount,
        "fee": taken.fee,
        "currency": taken.currency,
        "expires_at": iso(taken.expires_at),
        "extended": taken.extended,
    }


def _processing(order: Order) -> Booking:
    return Booking(
        id=order.booking_id,
        status=BookingStatus.PROCESSING,
        event_id=order.event_id,
        user_id=order.user_id,
        ticket_type_id=order.ticket_type_id,
        quantity=len(order.units),
        amount=order.amount,
        fee=order.fee,
        currency=order.currency,
        created_at=order.submitted_at,
        request_hash=order.request_hash,
    )


def signed(services: Services, body: dict[str, Any]) -> dict[str, Any]:
    """A booking's body, each of its tickets with the code that a door can check by itself."""
    sign, event_id = services.ticket_codes.sign, body["event_id"]
    tickets = [{**ticket, "signed": sign(event_id, ticket["code"])} for ticket in body["tickets"]]
    return {**body, "tickets": tickets}


def _booked(services: Services, answer: Answer) -> Reply:
    if answer.body is None:
        return Reply(HTTPStatus.ACCEPTED, {"id": answer.booking_id, "status": BookingStatus.PROCESSING.value})
    return Reply(HTTPStatus.CREATED, signed(services, answer.body))


def _event_of(services: Services, hold_id: str) -> Event:
    event = services.catalogue.find(event_of_hold(hold_id))
    if event is None:
        raise Refusal("hold_gone", "There is no such hold. Nothing was charged.")
    return event

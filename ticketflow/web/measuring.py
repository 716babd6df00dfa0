"""What a booking's answer tells the meter: how long it took, or that it failed for a fault of ours."""

from collections.abc import Awaitable
from http import HTTPStatus
from time import monotonic

from ticketflow.booking.desk import Answer, BookingRefused
from ticketflow.domain import Refusal
from ticketflow.stock import event_of_hold
from ticketflow.web.asks import BookAsk
from ticketflow.web.problems import STATUS
from ticketflow.web.services import Services
from waiting_room import RoomLost, WaitingRoomError


async def measured(
    services: Services, ask: BookAsk, wait_seconds: float, booking: Awaitable[Answer]
) -> Answer:
    """The booking's answer, or what it raises, with the meter told.

    A declined card is a decision like any other. What is refused before there is an order tells nothing of
    how bookings fare; nor does who would not wait as long as the house lets everybody wait.
    """
    began = monotonic()
    try:
        answer = await booking
    except BookingRefused:
        _took(services, ask, monotonic() - began)
        raise
    except Exception as error:
        if is_our_fault(error):
            _failed(services, ask)
        raise
    if answer.decided:
        _took(services, ask, monotonic() - began)
    elif wait_seconds >= services.settings.booking_wait_seconds > 0:
        _failed(services, ask)
    return answer


def is_our_fault(error: Exception) -> bool:
    """Whether it is answered with a status of 500 or above."""
    if isinstance(error, Refusal):
        return STATUS.get(error.code, HTTPStatus.CONFLICT) >= HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, RoomLost) or not isinstance(error, WaitingRoomError)


def _took(services: Services, ask: BookAsk, seconds: float) -> None:
    if event_id := _event_of(services, ask):
        services.meter.took(event_id, seconds)


def _failed(services: Services, ask: BookAsk) -> None:
    if event_id := _event_of(services, ask):
        services.meter.failed(event_id)


def _event_of(services: Services, ask: BookAsk) -> int | None:
    """Of an event that there is: nobody makes keys in Redis by asking for others."""
    try:
        wanted = ask.event_id or event_of_hold(ask.hold_id or "")
    except Refusal:
        return None
    return wanted if services.catalogue.find(wanted) else None

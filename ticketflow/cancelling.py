"""Whether a booking may be cancelled by who made it, and what they are told if not."""

from datetime import datetime

from ticketflow.domain import Booking, BookingStatus, Event, Refusal, iso


def check_cancellable(event: Event, booking: Booking, at: datetime) -> None:
    """Whether the booker may cancel at that time. Raises `Refusal` still_processing, not_confirmed,
    ticket_used, cancel_not_allowed, cancel_too_late."""
    if booking.status is BookingStatus.PROCESSING:
        raise Refusal("still_processing", "This booking is still being paid. Cancel it once it is confirmed.")
    if booking.status is not BookingStatus.CONFIRMED:
        raise Refusal("not_confirmed", "This booking did not go through, and nothing was charged.")
    if any(ticket.used_at for ticket in booking.tickets):
        raise ticket_used()
    if event.cancel_until is None:
        raise Refusal(
            "cancel_not_allowed",
            "The organiser takes no tickets of this event back. Your booking stays as it is.",
        )
    if at >= event.cancel_until:
        raise Refusal(
            "cancel_too_late",
            "The time in which these tickets could be cancelled is over. Your booking stays as it is.",
            cancel_until=iso(event.cancel_until),
        )


def ticket_used() -> Refusal:
    """Why a booking stands: somebody came in with a ticket of it."""
    return Refusal(
        "ticket_used",
        "A ticket of this booking was used at the door, so it cannot be cancelled any more. Nothing was "
        "changed: the booking stands, and tickets that were not used stay good.",
    )


def can_cancel(event: Event, booking: Booking, at: datetime) -> bool:
    """Whether a page should offer it; what decides is `check_cancellable` when it is asked."""
    try:
        check_cancellable(event, booking, at)
    except Refusal:
        return False
    return True

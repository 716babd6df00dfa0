"""A booking as an entry for the fan's own calendar."""

from datetime import datetime
from urllib.parse import urlsplit

from icalendar import Calendar
from icalendar import Event as Entry

from ticketflow.domain import Booking, BookingStatus, Event

_STATUS = {
    BookingStatus.PROCESSING: "TENTATIVE",
    BookingStatus.CONFIRMED: "CONFIRMED",
    BookingStatus.CANCELLED: "CANCELLED",
}


def calendar_file(event: Event, booking: Booking, public_url: str, at: datetime) -> bytes:
    """An iCalendar file (RFC 5545) of the event, written at `at`.

    Its UID is the booking's for ever, so that a calendar replaces what it has; the number goes up with each
    state. It has a begin and no end: how long an evening lasts is not known here.
    """
    url = f"{public_url.rstrip('/')}/bookings/{booking.id}"
    entry = Entry()
    entry.add("uid", f"booking-{booking.id}@{urlsplit(public_url).hostname}")
    status = _status(event, booking)
    entry.add("sequence", list(_STATUS).index(status))
    entry.add("dtstamp", at)
    entry.add("dtstart", event.starts_at)
    entry.add("summary", event.name)
    entry.add("location", event.venue)
    entry.add("description", _words(event, booking, url))
    entry.add("url", url)
    entry.add("status", _STATUS[status])
    calendar = Calendar()
    calendar.add("prodid", "-//TicketFlow//Tickets//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method_of(event, booking))
    calendar.add_component(entry)
    return bytes(calendar.to_ical())


def method_of(event: Event, booking: Booking) -> str:
    """What a calendar is to do with the file (RFC 5546): keep the entry, or take it out again."""
    return "CANCEL" if _status(event, booking) is BookingStatus.CANCELLED else "PUBLISH"


def _status(event: Event, booking: Booking) -> BookingStatus:
    """Nobody goes to an event that is called off, whether its booking is cancelled yet or not."""
    return BookingStatus.CANCELLED if event.called_off is not None else booking.status


def _words(event: Event, booking: Booking, url: str) -> str:
    kind = event.ticket_type(booking.ticket_type_id).name
    lines = [f"{booking.quantity} {'ticket' if booking.quantity == 1 else 'tickets'}: {kind}"]
    if event.called_off is not None:
        lines = ["The organiser has called this event off.", event.called_off, *lines]
    elif booking.status is BookingStatus.CANCELLED:
        lines = ["This booking was cancelled. Its tickets are not valid any more.", *lines]
    else:
        lines += [
            f"{ticket.seat}: {ticket.code}" if ticket.seat else ticket.code for ticket in booking.tickets
        ]
    return "\n".join([*lines, f"Booking {booking.code}" if booking.code else "Being paid", url])

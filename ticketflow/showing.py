"""Events and bookings as templates show them, in pages and in mail."""

import io
from collections.abc import Callable, Mapping
from typing import Any

import segno

from ticketflow import png
from ticketflow.domain import CANCELLED_BY, REASONS, Booking, Event, Ticket
from ticketflow.ticket_codes import TicketCodes

TICKET_QR_SCALE = 4
QUIET_MODULES = 4
"""The white around a code: as much as the standard (ISO/IEC 18004) asks for."""
QR_MASK = 1
"""Of eight masks. The best of them for each code takes four times as long to find as the code to draw; what
stands in ours is signed, and as even under any of them."""


def hue_of(event_id: int) -> int:
    """The event's own colour: an angle in oklch, in steps of ten degrees."""
    return event_id * 137 % 360 // 10 * 10


def show_event(event: Event, public: Mapping[str, Any]) -> dict[str, Any]:
    """The contract's event with real times, by the clocks where it is, and its colour."""
    return {
        **public,
        "starts_at": event.local(event.starts_at),
        "sale_starts_at": event.local(event.sale_starts_at),
        "lobby_opens_at": event.lobby_opens_at and event.local(event.lobby_opens_at),
        "sale_ends_at": event.sale_ends_at and event.local(event.sale_ends_at),
        "hue": hue_of(event.id),
    }


def show_booking(
    booking: Booking, event: Event, codes: TicketCodes, draw: Callable[[str], Any] | None = None
) -> dict[str, Any]:
    """A booking with its event, the name of its ticket type, and for each ticket its signed code, as text
    and as a QR code: an SVG, unless something else is to draw it."""
    draw = draw or qr_svg
    return {
        "id": booking.id,
        "code": booking.code,
        "status": booking.status.value,
        "reason": booking.reason and (REASONS | CANCELLED_BY).get(booking.reason, booking.reason),
        "refund": booking.refund,
        "quantity": booking.quantity,
        "amount": booking.amount,
        "fee": booking.fee,
        "currency": booking.currency,
        "created_at": booking.created_at,
        "event": {**_event_facts(event), "hue": hue_of(event.id)},
        "ticket_type": event.ticket_type(booking.ticket_type_id).name,
        "tickets": [
            _show_ticket(ticket, codes.sign(event.id, ticket.code), draw) for ticket in booking.tickets
        ],
    }


def _show_ticket(ticket: Ticket, signed: str, draw: Callable[[str], Any]) -> dict[str, Any]:
    shown = {"code": ticket.code, "seat": ticket.seat, "used_at": ticket.used_at}
    return {**shown, "signed": signed, "qr": draw(signed)}


def qr_svg(text: str) -> str:
    """A QR code as inline SVG, black on white in either theme: scanners want it so."""
    out = io.BytesIO()
    _qr(text).save(
        out,
        kind="svg",
        scale=TICKET_QR_SCALE,
        border=QUIET_MODULES,
        light="white",
        xmldecl=False,
        svgns=True,
        omitsize=True,
    )
    return out.getvalue().decode()


def qr_png(text: str) -> bytes:
    """A QR code as a PNG, for letters: twice as large as they show it, for screens with fine dots."""
    return png.squares(_qr(text).matrix, QUIET_MODULES)


def _qr(text: str) -> segno.QRCode:
    return segno.make_qr(text, error="m", mask=QR_MASK)


def _event_facts(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "slug": event.slug,
        "name": event.name,
        "venue": event.venue,
        "starts_at": event.local(event.starts_at),
        "cancel_until": event.cancel_until and event.local(event.cancel_until),
        "called_off": event.called_off,
    }

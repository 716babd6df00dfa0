"""The page of one booking, whatever has become of it, and the page that asks before it is cancelled."""

from quart import Blueprint, redirect, request, url_for
from quart.typing import ResponseReturnValue

from ticketflow.cancelling import check_cancellable
from ticketflow.domain import Booking, BookingStatus, User, now
from ticketflow.web import counter
from ticketflow.web.paging import fresh, shown_booking, sign_in_first, with_codes
from ticketflow.web.services import Services, services
from ticketflow.web.session import signed_in

blueprint = Blueprint("booking_pages", __name__)


@blueprint.get("/bookings/<booking_id>")
async def booking_page(booking_id: str) -> ResponseReturnValue:
    found = services()
    user = await signed_in()
    if user is None:
        return sign_in_first(request.path)
    booking = await counter.find_booking(found, user, booking_id)
    kept = booking.status is BookingStatus.REFUSED and await _still_held(found, user, booking)
    waited = (now() - booking.created_at).total_seconds()
    return await with_codes(
        "booking.html", booking=shown_booking(found, booking), hold_kept=kept, waited=max(0, int(waited))
    )


@blueprint.get("/bookings/<booking_id>/cancel")
async def ask_cancel(booking_id: str) -> ResponseReturnValue:
    """Ask before a booking is cancelled, for a page whose script does not run."""
    found = services()
    user = await signed_in()
    if user is None:
        return sign_in_first(request.path)
    booking = await counter.find_booking(found, user, booking_id)
    if booking.status is BookingStatus.CANCELLED:
        return redirect(url_for("booking_pages.booking_page", booking_id=booking_id))
    shown = shown_booking(found, booking)
    check_cancellable(found.catalogue.event_of(booking), booking, now())
    return await fresh("cancel.html", booking=shown)


@blueprint.post("/bookings/<booking_id>/cancel")
async def cancel(booking_id: str) -> ResponseReturnValue:
    """Cancel a booking, from its page or from the page that asks."""
    user = await signed_in()
    if user is None:
        return sign_in_first(f"/bookings/{booking_id}/cancel")
    await counter.cancel_booking(services(), user, booking_id)
    return redirect(url_for("booking_pages.booking_page", booking_id=booking_id), 303)


async def _still_held(found: Services, user: User, booking: Booking) -> bool:
    """Whether the tickets of a refused booking wait for another card."""
    hold = await found.desk.basket(found.catalogue.event_of(booking), user)
    return hold is not None and not hold.paying and hold.expires_at > now()

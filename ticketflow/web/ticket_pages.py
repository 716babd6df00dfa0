"""What a fan has: their tickets, event by event, and each booking as a file for their calendar."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from quart import Blueprint, Response, request
from quart.typing import ResponseReturnValue

from ticketflow.calendar_file import calendar_file
from ticketflow.cancelling import can_cancel
from ticketflow.domain import Booking, BookingStatus, Event, Refusal, now
from ticketflow.showing import show_booking
from ticketflow.store import bookings as booking_store
from ticketflow.web import counter
from ticketflow.web.listing import LASTS
from ticketflow.web.paging import said, sign_in_first, with_codes
from ticketflow.web.services import Services, services
from ticketflow.web.session import signed_in

blueprint = Blueprint("ticket_pages", __name__)

MOST_CODES = 24
"""Codes that the list itself shows; the others are a step away, on their booking's page."""
_IN_USE = (BookingStatus.CONFIRMED, BookingStatus.PROCESSING)


@blueprint.get("/tickets")
async def tickets() -> ResponseReturnValue:
    """The account's bookings: what is to come, the next first, then what is over or was cancelled."""
    found, at = services(), now()
    user = await signed_in()
    if user is None:
        return sign_in_first(request.path)
    mine = await booking_store.of_user(found.database, user.id)
    known = {booking.id for booking in mine}
    underway = [booking for booking in await counter.underway(found, user) if booking.id not in known]
    groups = _by_event(found, [*underway, *mine])
    coming = [group for group in groups if _is_coming(*group, at)]
    over = [group for group in reversed(groups) if not _is_coming(*group, at)]
    codes = _codes_shown(coming)
    return await with_codes(
        "tickets.html",
        said=said(),
        coming=[_shown(found, group, at, codes) for group in coming],
        over=[_shown(found, group, at, set()) for group in over],
    )


@blueprint.get("/bookings/<booking_id>/calendar.ics")
async def calendar(booking_id: str) -> ResponseReturnValue:
    """The booking as a calendar file, for its owner. What did not go through has none."""
    found = services()
    user = await signed_in()
    if user is None:
        return sign_in_first(request.path)
    booking = await counter.find_booking(found, user, booking_id)
    if booking.status is BookingStatus.REFUSED:
        raise Refusal("not_found", "This booking did not go through, so there is nothing for a calendar.")
    event = found.catalogue.event_of(booking)
    file = calendar_file(event, booking, found.settings.public_url, now())
    headers = {
        "Content-Disposition": f'attachment; filename="{event.slug}.ics"',
        "Cache-Control": "private, no-store",
    }
    return Response(file, content_type="text/calendar; charset=utf-8", headers=headers)


Group = tuple[Event, list[Booking]]


def _by_event(found: Services, bookings: Iterable[Booking]) -> list[Group]:
    """Bookings by their event, the next event first; in each, what is valid before what was cancelled."""
    of_event: defaultdict[int, list[Booking]] = defaultdict(list)
    for booking in bookings:
        of_event[booking.event_id].append(booking)
    groups = [
        (found.catalogue.event_of(own[0]), sorted(own, key=lambda booking: booking.status not in _IN_USE))
        for own in of_event.values()
    ]
    return sorted(groups, key=lambda group: group[0].starts_at)


def _is_coming(event: Event, bookings: list[Booking], at: datetime) -> bool:
    return event.starts_at + LASTS > at and any(booking.status in _IN_USE for booking in bookings)


def _codes_shown(groups: Iterable[Group]) -> set[str]:
    """The ids of the bookings whose codes the list shows: whole bookings, the next event's first."""
    shown, room = set(), MOST_CODES
    for _, bookings in groups:
        for booking in bookings:
            room -= len(booking.tickets)
            if room >= 0:
                shown.add(booking.id)
    return shown


def _shown(found: Services, group: Group, at: datetime, codes: set[str]) -> dict[str, Any]:
    event, bookings = group
    shown = [
        {
            **show_booking(booking, event, found.ticket_codes),
            "can_cancel": can_cancel(event, booking, at),
            "codes": booking.id in codes and booking.status is BookingStatus.CONFIRMED,
        }
        for booking in bookings
    ]
    return {"event": shown[0]["event"], "bookings": shown}

"""The pages a fan sees: events, the queue, the checkout, the tickets."""

import re
from typing import Any

from quart import Blueprint, Response, redirect, render_template, request, url_for
from quart.typing import ResponseReturnValue

from ticketflow.domain import (
    Booking,
    BookingStatus,
    Event,
    Hold,
    SaleState,
    can_cancel,
    check_cancellable,
    from_micros,
    now,
)
from ticketflow.showing import show_booking, show_event
from ticketflow.web import counter, waiting
from ticketflow.web.listing import found_by, is_over, nearness
from ticketflow.web.newcomers import newcomer, own_ticket
from ticketflow.web.pictures import share_of
from ticketflow.web.services import Services, services
from ticketflow.web.session import account_id, signed_in
from waiting_room import NotCalled, NotOpen, RoomClosed, Standing, State, TooManyJoins, WaitingRoom
from waiting_room.shown import as_shown, first_shown, keep_shown
from waiting_room.views import queue_view
from waiting_room.web import cookie_name, good_cookie, problem, set_ticket

blueprint = Blueprint("pages", __name__)

FEW_EVENTS = 8
"""So many are looked through by eye; above that the landing page offers a search."""
_NUMBERS = re.compile(r"[0-9]{1,7}(,[0-9]{1,7}){0,99}")


@blueprint.get("/")
async def landing() -> ResponseReturnValue:
    catalogue, at = services().catalogue, now()
    shown = [show_event(event, catalogue.public(event)) for event in catalogue.published()]
    over = [event for event in shown if is_over(event, at)]
    coming = sorted((event for event in shown if event not in over), key=nearness)
    return await render_template(
        "landing.html",
        events=found_by(coming, request.args.get("q", "")),
        over=found_by(over, request.args.get("q", "")),
        asked=request.args.get("q", ""),
        many=len(shown) > FEW_EVENTS,
        said_at=at,
    )


@blueprint.get("/events/<slug>")
async def event_page(slug: str) -> ResponseReturnValue:
    found, event = _event(slug)
    room = await found.rooms.of(event.id)
    ticket = await _ticket(found, room, event)
    standing = await room.look(ticket) if ticket else None
    shown = _shown(found, event)
    return await render_template(
        "event.html",
        event=shown,
        standing=standing and queue_view(standing),
        share=share_of(event, shown["sale_state"], found.settings.public_url),
        said_at=now(),
    )


@blueprint.post("/events/<slug>/queue")
async def join(slug: str) -> ResponseReturnValue:
    """Take a place; who is let in at once goes straight to the desk: a quiet sale shows no queue."""
    found, event = _event(slug)
    room = await found.rooms.of(event.id)
    if event.queue_needs_account and account_id() is None:
        return redirect(url_for("pages.queue", slug=slug), 303)
    who = await newcomer(found, event)
    ticket = await _ticket(found, room, event)
    try:
        standing = await room.join(ticket, visitor=who.visitor, sources=who.sources)
    except (TooManyJoins, NotOpen, RoomClosed) as refused:
        return await _door(found, event, refused)
    page = "pages.queue"
    if standing.new and standing.state is State.CALLED:
        await room.claim(standing.ticket)
        page = "pages.book"
    response = redirect(url_for(page, slug=slug), 303)
    set_ticket(response, event.id, standing.ticket, secure=found.settings.secure)  # type: ignore[arg-type]
    return response


@blueprint.get("/events/<slug>/queue")
async def queue(slug: str) -> ResponseReturnValue:
    found, event = _event(slug)
    room = await found.rooms.of(event.id)
    ticket = await _ticket(found, room, event)
    if ticket is None and event.queue_needs_account:
        return await _door(found, event)
    if ticket is None:
        return redirect(url_for("pages.event_page", slug=slug))
    found_at = await room.look(ticket, present=False)
    standing = as_shown(found_at, room, event.id)
    page = await _fresh(
        "queue.html",
        event=_shown(found, event),
        standing=waiting.view(standing, await room.policy(), first=first_shown(standing, room, event.id)),
        outlook=found.catalogue.left_at_turn(event, found_at.ahead),
        mark=room.mark(standing),
    )
    keep_shown(page, standing, room, event.id, secure=found.settings.secure)
    return page


@blueprint.post("/events/<slug>/queue/claim")
async def claim(slug: str) -> ResponseReturnValue:
    """Come in, for a page whose script does not run."""
    found, event = _event(slug)
    room = await found.rooms.of(event.id)
    ticket = await _ticket(found, room, event)
    try:
        if ticket:
            await room.claim(ticket)
    except NotCalled:
        return redirect(url_for("pages.queue", slug=slug), 303)
    return redirect(url_for("pages.book", slug=slug), 303)


@blueprint.post("/events/<slug>/queue/leave")
async def leave(slug: str) -> ResponseReturnValue:
    """Give the place up, for a page whose script does not run."""
    found, event = _event(slug)
    room = await found.rooms.of(event.id)
    ticket = await _ticket(found, room, event)
    if ticket:
        await room.leave(ticket)
    response = redirect(url_for("pages.event_page", slug=slug), 303)
    response.delete_cookie(cookie_name(event.id))
    return response


@blueprint.get("/events/<slug>/book")
async def book(slug: str) -> ResponseReturnValue:
    found, event = _event(slug)
    user = await signed_in()
    standing = await _admitted(found, await found.rooms.of(event.id), event)
    hold = await found.desk.basket(event, user) if user else None
    return await _fresh(
        "book.html",
        event=_shown(found, event),
        admitted=standing is not None,
        expires_at=from_micros(int(standing.expires_at * 1e6)) if standing and standing.expires_at else None,
        hold=await _hold_view(found, event, hold) if hold and not hold.paying else None,
        selected={"type": _number("type"), "quantity": _number("quantity"), "units": _numbers("units")},
        methods=[{"id": method, "label": label} for method, label in found.gateway.methods.items()],
    )


@blueprint.get("/bookings/<booking_id>")
async def booking_page(booking_id: str) -> ResponseReturnValue:
    found = services()
    user = await signed_in()
    if user is None:
        return redirect(url_for("account_pages.sign_in_page", next=request.path))
    booking = await counter.find_booking(found, user, booking_id)
    return await _fresh("booking.html", booking=_shown_booking(found, booking))


@blueprint.get("/bookings/<booking_id>/cancel")
async def ask_cancel(booking_id: str) -> ResponseReturnValue:
    """Ask before a booking is cancelled, for a page whose script does not run."""
    found = services()
    user = await signed_in()
    if user is None:
        return redirect(url_for("account_pages.sign_in_page", next=request.path))
    booking = await counter.find_booking(found, user, booking_id)
    if booking.status is BookingStatus.CANCELLED:
        return redirect(url_for("pages.booking_page", booking_id=booking_id))
    shown = _shown_booking(found, booking)
    check_cancellable(found.catalogue.event_of(booking), booking, now())
    return await _fresh("cancel.html", booking=shown)


@blueprint.post("/bookings/<booking_id>/cancel")
async def cancel(booking_id: str) -> ResponseReturnValue:
    """Cancel a booking, from its page or from the page that asks."""
    user = await signed_in()
    if user is None:
        return redirect(url_for("account_pages.sign_in_page", next=request.path), 303)
    await counter.cancel_booking(services(), user, booking_id)
    return redirect(url_for("pages.booking_page", booking_id=booking_id), 303)


def _event(slug: str) -> tuple[Services, Event]:
    found = services()
    return found, found.catalogue.event_of_slug(slug)


def _shown(found: Services, event: Event) -> dict[str, Any]:
    frame = found.catalogue.frame(event.id)
    return {**show_event(event, found.catalogue.public(event)), "message": frame.message if frame else ""}


async def _ticket(found: Services, room: WaitingRoom, event: Event) -> str | None:
    return await own_ticket(found, event, room, good_cookie(room, request.cookies.get(cookie_name(event.id))))


async def _door(
    found: Services, event: Event, refused: TooManyJoins | NotOpen | RoomClosed | None = None
) -> Response:
    """The page before the line, for who is not in it: sign in first, join, join in a moment, or why not.

    With `?join` in its address, which is how the sign-in form leads here, it joins by itself.
    """
    status, body = problem(refused) if refused else (200, {})
    shown = _shown(found, event)
    match refused:
        # The room itself has said so: it is ahead of the last frame.
        case RoomClosed():
            shown |= {"sale_state": SaleState.CLOSED.value, "message": refused.message}
        case NotOpen():
            shown |= {"sale_state": SaleState.SCHEDULED.value}
    later = body.get("retry_after")
    page = await _fresh(
        "door.html",
        event=shown,
        detail=body.get("detail") if later else None,
        join_in=later or (0 if "join" in request.args else None),
    )
    page.status_code = status
    if later:
        page.headers["Retry-After"] = str(later)
    return page


async def _admitted(found: Services, room: WaitingRoom, event: Event) -> Standing | None:
    """The fan's standing if they are let in; looking at the desk is use, which renews the lease."""
    ticket = await _ticket(found, room, event)
    standing = await room.look(ticket) if ticket else None
    if ticket is None or standing is None or standing.state is not State.ACTIVE:
        return None
    await room.renew(standing.visitor)
    return await room.look(ticket)


async def _hold_view(found: Services, event: Event, hold: Hold) -> dict[str, Any]:
    return {
        **await counter.hold_view(found, event, hold),
        "ticket_type": event.ticket_type(hold.ticket_type_id).name,
        "quantity": len(hold.units),
    }


def _shown_booking(found: Services, booking: Booking) -> dict[str, Any]:
    event = found.catalogue.event_of(booking)
    return {**show_booking(booking, event), "can_cancel": can_cancel(event, booking, now())}


def _number(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _numbers(name: str) -> list[int]:
    """A few numbers with commas between them; [] if there is anything else."""
    text = request.args.get(name, "")
    return [int(number) for number in text.split(",")] if _NUMBERS.fullmatch(text) else []


async def _fresh(template: str, **context: Any) -> Response:
    """A page about one person at one moment: never kept by anything on the way."""
    page = await render_template(template, **context)
    return Response(page, content_type="text/html; charset=utf-8", headers={"Cache-Control": "no-store"})

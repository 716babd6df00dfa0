"""The pages a fan sees before the desk: events and the queue."""

from quart import Blueprint, Response, redirect, render_template, request, url_for
from quart.typing import ResponseReturnValue

from ticketflow.domain import Event, SaleState, now
from ticketflow.showing import show_event
from ticketflow.web import waiting
from ticketflow.web.listing import found_by, is_over, nearness
from ticketflow.web.newcomers import newcomer
from ticketflow.web.paging import event_at, fresh, said, shown_event, ticket_of
from ticketflow.web.pictures import share_of
from ticketflow.web.reminders import wish_of
from ticketflow.web.services import Services, services
from ticketflow.web.session import account_id
from waiting_room import NotCalled, NotOpen, RoomClosed, State, TooManyJoins
from waiting_room.shown import as_shown, first_shown, keep_shown
from waiting_room.views import queue_view
from waiting_room.web import forget_ticket, problem, set_ticket

blueprint = Blueprint("pages", __name__)

FEW_EVENTS = 8
"""So many are looked through by eye; above that the landing page offers a search."""


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
    found, event = event_at(slug)
    room = await found.rooms.of(event.id)
    ticket = await ticket_of(found, room, event)
    standing = await room.look(ticket) if ticket else None
    shown = shown_event(found, event)
    return await render_template(
        "event.html",
        event=shown,
        standing=standing and queue_view(standing),
        share=share_of(event, shown["sale_state"], found.settings.public_url),
        wish=await wish_of(found, event, shown["sale_state"]),
        said=said(),
        said_at=now(),
    )


@blueprint.post("/events/<slug>/queue")
async def join(slug: str) -> ResponseReturnValue:
    """Take a place; who is let in at once goes straight to the desk: a quiet sale shows no queue."""
    found, event = event_at(slug)
    room = await found.rooms.of(event.id)
    if event.queue_needs_account and account_id() is None:
        return redirect(url_for("pages.queue", slug=slug), 303)
    who = await newcomer(found, event)
    ticket = await ticket_of(found, room, event)
    try:
        standing = await room.join(ticket, visitor=who.visitor, sources=who.sources)
    except (TooManyJoins, NotOpen, RoomClosed) as refused:
        return await _door(found, event, refused)
    page = "pages.queue"
    if standing.new and standing.state is State.CALLED:
        await room.claim(standing.ticket)
        page = "checkout.book"
    response = redirect(url_for(page, slug=slug), 303)
    set_ticket(response, event.id, standing.ticket, secure=found.settings.secure)  # type: ignore[arg-type]
    return response


@blueprint.get("/events/<slug>/queue")
async def queue(slug: str) -> ResponseReturnValue:
    found, event = event_at(slug)
    room = await found.rooms.of(event.id)
    ticket = await ticket_of(found, room, event)
    if ticket is None and event.queue_needs_account:
        return await _door(found, event)
    if ticket is None:
        return redirect(url_for("pages.event_page", slug=slug))
    found_at = await room.look(ticket, present=False)
    standing = as_shown(found_at, room, event.id)
    page = await fresh(
        "queue.html",
        event=shown_event(found, event),
        standing=waiting.view(standing, await room.policy(), first=first_shown(standing, room, event.id)),
        outlook=found.catalogue.left_at_turn(event, found_at.ahead),
        mark=room.mark(standing),
    )
    keep_shown(page, standing, room, event.id, secure=found.settings.secure)
    return page


@blueprint.post("/events/<slug>/queue/claim")
async def claim(slug: str) -> ResponseReturnValue:
    """Come in, for a page whose script does not run."""
    found, event = event_at(slug)
    room = await found.rooms.of(event.id)
    ticket = await ticket_of(found, room, event)
    try:
        if ticket:
            await room.claim(ticket)
    except NotCalled:
        return redirect(url_for("pages.queue", slug=slug), 303)
    return redirect(url_for("checkout.book", slug=slug), 303)


@blueprint.post("/events/<slug>/queue/leave")
async def leave(slug: str) -> ResponseReturnValue:
    """Give the place up, for a page whose script does not run."""
    found, event = event_at(slug)
    room = await found.rooms.of(event.id)
    ticket = await ticket_of(found, room, event)
    if ticket:
        await room.leave(ticket)
    response = redirect(url_for("pages.event_page", slug=slug), 303)
    forget_ticket(response, event.id, secure=found.settings.secure)  # type: ignore[arg-type]
    return response


async def _door(
    found: Services, event: Event, refused: TooManyJoins | NotOpen | RoomClosed | None = None
) -> Response:
    """The page before the line, for who is not in it: sign in first, join, join in a moment, or why not.

    With `?join` in its address, which is how the sign-in form leads here, it joins by itself.
    """
    status, body = problem(refused) if refused else (200, {})
    shown = shown_event(found, event)
    match refused:
        # The room itself has said so: it is ahead of the last frame.
        case RoomClosed():
            shown |= {"sale_state": SaleState.CLOSED.value, "message": refused.message}
        case NotOpen():
            shown |= {"sale_state": SaleState.SCHEDULED.value}
    later = body.get("retry_after")
    page = await fresh(
        "door.html",
        event=shown,
        detail=body.get("detail") if later else None,
        join_in=later or (0 if "join" in request.args else None),
    )
    page.status_code = status
    if later:
        page.headers["Retry-After"] = str(later)
    return page

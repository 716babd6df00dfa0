"""The checkout: choose, hold, pay. Each step is a form, and works without scripts; they do the same in place.

Each POST ends in a redirect, with what was chosen and what there is to say in its address: a reload repeats
nothing, and the way back gives the choice back.
"""

import secrets
from typing import Any

from pydantic import ValidationError
from quart import Blueprint, redirect, request, url_for
from quart.typing import ResponseReturnValue
from werkzeug.wrappers import Response as Redirect

from ticketflow.booking.desk import BookingRefused
from ticketflow.domain import Event, Hold, Refusal, User, from_micros, iso, now
from ticketflow.web import counter
from ticketflow.web.asks import BookAsk, PaymentAsk
from ticketflow.web.bookings import idempotency_key
from ticketflow.web.choice import Choice, seat_list
from ticketflow.web.paging import event_at, fresh, onward, said, shown_event, sign_in_first, ticket_of
from ticketflow.web.problems import problem_of
from ticketflow.web.services import Services
from ticketflow.web.session import signed_in
from waiting_room import Standing, State, WaitingRoom, WaitingRoomError
from waiting_room.web import presented_visitor

blueprint = Blueprint("checkout", __name__)

PAY_WAIT_SECONDS = 2.0
"""How long a form waits for the bank: a page that says what is going on is better company than none."""
TIME_OVER = "The time to pay has passed, so the tickets went back. Nothing was charged. Choose again."
SENT_BEFORE = "That page was sent once already, with another way to pay. Nothing was charged by this one."
NOTHING_HELD = "You hold no tickets at the moment. What you have bought is under My tickets."


@blueprint.get("/events/<slug>/book")
async def book(slug: str) -> ResponseReturnValue:
    """Choose; or, while something is held, go on with it or give it back."""
    found, event = event_at(slug)
    hold = await _held(found, event, await signed_in())
    if hold and hold.booking_id:
        return _to_booking(hold.booking_id)
    return await _page(found, event, hold, paying=False)


@blueprint.get("/events/<slug>/checkout")
async def checkout(slug: str) -> ResponseReturnValue:
    """Pay for what is held."""
    found, event = event_at(slug)
    user = await signed_in()
    if user is None:
        return sign_in_first(request.path)
    hold = await _held(found, event, user)
    if hold is None:
        ended = request.args.get("ended")
        if ended and (booking_id := await counter.booking_of(found, user, ended)):
            return _to_booking(booking_id)
        return _to_choice(event, None, wrong=NOTHING_HELD if ended is None else TIME_OVER)
    if hold.booking_id:
        return _to_booking(hold.booking_id)
    return await _page(found, event, hold, paying=True)


@blueprint.post("/events/<slug>/book")
async def hold(slug: str) -> ResponseReturnValue:
    """Hold what the form chose; who holds something already is led to it, so a double press holds once."""
    found, event = event_at(slug)
    choice = Choice.read(event, await request.form, _first_type(found, event))
    user = await signed_in()
    if user is None:
        return sign_in_first(_choice_path(event, choice))
    if await _held(found, event, user):
        return onward(url_for("checkout.checkout", slug=slug))
    try:
        visitor = presented_visitor(await found.rooms.of(event.id), event.id, secure=found.settings.secure)
        await counter.hold(found, event, user, visitor, choice.ask())
    except (Refusal, WaitingRoomError, ValidationError) as refused:
        gone = refused.extra.get("unit") if isinstance(refused, Refusal) else None
        left = choice if gone is None else choice.without(gone)
        return _to_choice(event, left, wrong=await _why(found, event, choice, refused))
    return onward(url_for("checkout.checkout", slug=slug))


@blueprint.post("/events/<slug>/checkout")
async def pay(slug: str) -> ResponseReturnValue:
    """Pay. The key was written into the form, so a double press books once."""
    found, event = event_at(slug)
    form = await request.form
    user = await signed_in()
    if user is None:
        return sign_in_first(url_for("checkout.checkout", slug=slug))
    try:
        ask = BookAsk(hold_id=form.get("hold_id", ""), payment=PaymentAsk(method=form.get("method", "")))
        reply = await counter.book(
            found,
            user,
            ask,
            visitor=_nobody,
            key=idempotency_key(form.get("key")),
            wait_seconds=min(PAY_WAIT_SECONDS, found.settings.booking_wait_seconds),
        )
    except (Refusal, WaitingRoomError, ValidationError) as refused:
        return await _not_paid(found, event, user, refused)
    return _to_booking((reply.body or {})["id"])


@blueprint.post("/events/<slug>/checkout/extend")
async def extend(slug: str) -> ResponseReturnValue:
    """Give what is held more time, once."""
    found, _ = event_at(slug)
    user = await signed_in()
    if user is None:
        return sign_in_first(url_for("checkout.checkout", slug=slug))
    try:
        await counter.extend(found, user, (await request.form).get("hold_id", ""))
    except Refusal as refused:
        if _took_it(refused):
            return _to_booking(refused.extra["booking_id"])
        return onward(url_for("checkout.checkout", slug=slug), wrong=refused.detail)
    return onward(url_for("checkout.checkout", slug=slug))


@blueprint.post("/events/<slug>/checkout/release")
async def release(slug: str) -> ResponseReturnValue:
    """Give back what is held, and go back to choosing with the same choice made."""
    found, event = event_at(slug)
    form = await request.form
    user = await signed_in()
    if user is None:
        return sign_in_first(url_for("checkout.checkout", slug=slug))
    choice = Choice.read(event, form, _first_type(found, event))
    try:
        await counter.release(found, user, form.get("hold_id", ""))
    except Refusal as refused:
        if _took_it(refused):
            return _to_booking(refused.extra["booking_id"])
        if refused.code != "not_found":  # gone is what was wanted
            return onward(url_for("checkout.checkout", slug=slug), wrong=refused.detail)
    return _to_choice(event, choice, fine="The tickets went back, and nothing was charged. Choose again.")


async def _page(found: Services, event: Event, hold: Hold | None, *, paying: bool) -> ResponseReturnValue:
    standing = await _standing(found, await found.rooms.of(event.id), event)
    admitted = standing is not None and standing.state is State.ACTIVE
    kept = Choice(hold.ticket_type_id, len(hold.units), hold.units) if hold else None
    choice = Choice.read(event, request.args, _first_type(found, event))
    if kept and "type" not in request.args:
        choice = kept
    here = "pay" if paying else "held" if hold else "choose" if admitted else "outside"
    ends = standing.expires_at if standing and admitted else None
    return await fresh(
        "book.html",
        event=shown_event(found, event),
        step=here,
        standing=standing.state.value if standing else None,
        expires_at=from_micros(int(ends * 1e6)) if ends else None,
        hold=await _hold_view(found, event, hold) if hold else None,
        chosen=choice,
        hall=await _hall(found, event, choice) if here == "choose" else None,
        said=said(),
        key=secrets.token_hex(16),
        at=iso(now()),
        hold_seconds=found.settings.hold_seconds,
        extension=found.settings.hold_extension_seconds,
        methods=[{"id": method, "label": label} for method, label in found.gateway.methods.items()],
    )


async def _hall(found: Services, event: Event, choice: Choice) -> dict[str, Any] | None:
    """The seats as a list, if there is one to go on with: a map needs none, and a large hall's is long."""
    asked = "list" in request.args or choice.units
    if not asked or not any(t.seated for t in event.ticket_types):
        return None
    plan, seats = await found.seat_board.plan(event), await found.seat_board.look(event)
    return seat_list(event, plan, seats, choice, request.args.get("row", ""))


async def _standing(found: Services, room: WaitingRoom, event: Event) -> Standing | None:
    """Where the fan stands; looking at the desk is use, which renews the lease of who is let in."""
    ticket = await ticket_of(found, room, event)
    standing = await room.look(ticket) if ticket else None
    if ticket is None or standing is None or standing.state is not State.ACTIVE:
        return standing
    await room.renew(standing.visitor)
    return await room.look(ticket)


async def _held(found: Services, event: Event, user: User | None) -> Hold | None:
    """What the user holds here. The sweep may not have been there yet: what is over counts no more."""
    hold = await found.desk.basket(event, user) if user else None
    return hold if hold and (hold.paying or hold.expires_at > now()) else None


async def _hold_view(found: Services, event: Event, hold: Hold) -> dict[str, Any]:
    """The contract's hold with what the page says besides. `apart`: not all of its seats are side by side."""
    kind = event.ticket_type(hold.ticket_type_id)
    rows = (await found.seat_board.plan(event)).get(kind.id, [])
    units = sorted(hold.units)
    in_a_row = any(row.first <= units[0] and units[-1] < row.first + len(row.numbers) for row in rows)
    return {
        **await counter.hold_view(found, event, hold),
        "ticket_type": kind.name,
        "quantity": len(units),
        "apart": kind.seated and not (in_a_row and units[-1] - units[0] == len(units) - 1),
        "left": max(0, int((hold.expires_at - now()).total_seconds())),
        "ends": hold.expires_at,
    }


async def _why(found: Services, event: Event, choice: Choice, refused: Exception) -> str:
    """Why nothing was held, with the name of a seat that somebody else has."""
    unit = refused.extra.get("unit") if isinstance(refused, Refusal) else None
    detail = str(problem_of(refused)["detail"])
    if unit is None:
        return detail
    seats = await found.catalogue.seats(event.ticket_type(choice.type_id))
    rest = " Your other seats are still chosen." if len(choice.units) > 1 else ""
    return f"Somebody was a moment faster with {seats[unit]}.{rest} Nothing was charged."


async def _not_paid(found: Services, event: Event, user: User, refused: Exception) -> Redirect:
    """Back to paying while the tickets are still held, else to choosing."""
    if isinstance(refused, Refusal) and _took_it(refused):
        return _to_booking(refused.extra["booking_id"])
    detail = str(problem_of(refused)["detail"])
    if isinstance(refused, Refusal) and refused.code == "idempotency_mismatch":
        detail = SENT_BEFORE
    hold = await _held(found, event, user)
    if hold is None:
        return _to_choice(event, None, wrong=detail)
    again = " Your tickets are still held: try again, or pay another way."
    kept = isinstance(refused, BookingRefused)
    return onward(url_for("checkout.checkout", slug=event.slug), wrong=detail + (again if kept else ""))


def _took_it(refused: Refusal) -> bool:
    """Whether another booking of the fan's has what was held: in another tab, or by the way back."""
    return refused.code in ("already_booked", "hold_in_use") and "booking_id" in refused.extra


def _to_choice(event: Event, choice: Choice | None, **words: str) -> Redirect:
    return onward(url_for("checkout.book", slug=event.slug), **words, **(choice.query if choice else {}))


def _choice_path(event: Event, choice: Choice) -> str:
    return url_for("checkout.book", slug=event.slug, **choice.query)


def _to_booking(booking_id: str) -> Redirect:
    return redirect(url_for("booking_pages.booking_page", booking_id=booking_id), 303)


def _first_type(found: Services, event: Event) -> int:
    """The type that is offered first: one of which some are left, if there is one."""
    counts = found.catalogue.counts(event.id)
    left = [t.id for t in event.ticket_types if counts and counts.remaining.get(t.id, 0) > 0]
    return left[0] if left else event.ticket_types[0].id


async def _nobody() -> None:
    """No pass is needed for what is held already."""

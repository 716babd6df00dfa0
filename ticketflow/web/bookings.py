"""Holds and bookings over the API."""

import json
import re

from quart import Blueprint, Response, request
from quart.typing import ResponseReturnValue
from quart_schema import validate_request

from ticketflow.domain import Refusal
from ticketflow.stock import event_of_hold
from ticketflow.store import bookings as booking_store
from ticketflow.web import counter
from ticketflow.web.asks import BookAsk, HoldAsk
from ticketflow.web.counter import Reply
from ticketflow.web.services import Services, services
from ticketflow.web.session import require_user
from waiting_room.web import PASS_HEADER, TICKET_HEADER, NotAdmitted, presented_visitor

blueprint = Blueprint("bookings", __name__, url_prefix="/api")

LONGEST_WAIT_SECONDS = 30.0
_PREFER_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,4})(?:$|[,;\s])")
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


@blueprint.post("/events/<int:event_id>/holds")
@validate_request(HoldAsk)
async def hold(event_id: int, data: HoldAsk) -> ResponseReturnValue:
    """Set tickets aside for a while. Needs a pass, or the ticket of who is let in."""
    found = services()
    event = found.catalogue.event(event_id)
    user = await require_user()
    visitor = presented_visitor(await found.rooms.of(event.id), event.id, secure=found.settings.secure)
    return _send(await counter.hold(found, event, user, visitor, data))


@blueprint.get("/holds/<hold_id>")
async def held(hold_id: str) -> ResponseReturnValue:
    """What is held, while it can be paid; where it became a booking, the refusal names that."""
    return _send(await counter.look_at_hold(services(), await require_user(), hold_id))


@blueprint.delete("/holds/<hold_id>")
async def release(hold_id: str) -> ResponseReturnValue:
    """Give held tickets back."""
    return _send(await counter.release(services(), await require_user(), hold_id))


@blueprint.post("/holds/<hold_id>/extend")
async def extend(hold_id: str) -> ResponseReturnValue:
    """Give held tickets more time, once."""
    return _send(await counter.extend(services(), await require_user(), hold_id))


@blueprint.post("/bookings")
@validate_request(BookAsk)
async def book(data: BookAsk) -> ResponseReturnValue:
    """Pay for what is held, or hold and pay in one step. Waits for the result up to `Prefer: wait=N`."""
    found = services()
    user = await require_user()
    reply = await counter.book(
        found,
        user,
        data,
        visitor=lambda: _visitor(found, data),
        key=idempotency_key(request.headers.get("Idempotency-Key")),
        wait_seconds=_wait(found),
    )
    response = _send(reply)
    if reply.body:
        response.headers["Location"] = f"/api/bookings/{reply.body['id']}"
    return response


@blueprint.get("/bookings")
async def mine() -> ResponseReturnValue:
    """The account's bookings, the newest first."""
    user = await require_user()
    found = services()
    mine = await booking_store.of_user(found.database, user.id)
    return [counter.signed(found, booking.public()) for booking in mine]


@blueprint.get("/bookings/<booking_id>")
async def one(booking_id: str) -> ResponseReturnValue:
    """One booking of the account: confirmed, refused, or still on its way."""
    found, user = services(), await require_user()
    return counter.signed(found, (await counter.find_booking(found, user, booking_id)).public())


@blueprint.post("/bookings/<booking_id>/cancel")
async def cancel(booking_id: str) -> ResponseReturnValue:
    """Cancel a booking while the organiser allows it: the tickets end, the money goes back."""
    found, user = services(), await require_user()
    return counter.signed(found, (await counter.cancel_booking(found, user, booking_id)).public())


def idempotency_key(key: str | None) -> str | None:
    """The key as it may be used. Raises `Refusal` invalid_request."""
    if key is not None and not _KEY.fullmatch(key):
        raise Refusal("invalid_request", "An Idempotency-Key is 1 to 200 visible ASCII characters.")
    return key


async def _visitor(found: Services, ask: BookAsk) -> str | None:
    """Who the pass or ticket names. A forged one is refused even where the hold itself would do."""
    if ask.event_id is not None:
        event_id = found.catalogue.event(ask.event_id).id
    elif PASS_HEADER in request.headers or TICKET_HEADER in request.headers:
        event_id = event_of_hold(ask.hold_id or "")
    else:
        return None
    try:
        return presented_visitor(await found.rooms.of(event_id), event_id, secure=found.settings.secure)
    except NotAdmitted:
        return None


def _wait(found: Services) -> float:
    wanted = _PREFER_WAIT.search(request.headers.get("Prefer", ""))
    return min(float(wanted[1]), LONGEST_WAIT_SECONDS) if wanted else found.settings.booking_wait_seconds


def _send(reply: Reply) -> Response:
    if reply.body is None:
        response = Response(status=reply.status)
        response.headers.pop("Content-Type", None)
        return response
    # Not by jsonify, which takes twice as long.
    return Response(json.dumps(reply.body), reply.status, content_type="application/json")

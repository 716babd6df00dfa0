"""The seat map over the API: where the seats are, and which are free."""

from hashlib import sha256

from quart import Blueprint, Response, json, request
from quart.typing import ResponseReturnValue

from ticketflow.live.seat_board import plan_view, seats_view
from ticketflow.web.services import services

blueprint = Blueprint("seats", __name__, url_prefix="/api/events")

PLAN_SECONDS = 3600


@blueprint.get("/<int:event_id>/seats/plan")
async def plan(event_id: int) -> ResponseReturnValue:
    """The rows of the event's seated types, from the front to the back; seats beside one another follow
    one another. They never change."""
    found = services()
    body = json.dumps(plan_view(await found.seat_board.plan(found.catalogue.event(event_id))))
    tag = sha256(body.encode()).hexdigest()[:16]
    return await _unless_known(body, tag, f"public, max-age={PLAN_SECONDS}")


@blueprint.get("/<int:event_id>/seats/state")
async def state(event_id: int) -> ResponseReturnValue:
    """Which units of the seated types are free and which are held, one bit each in base64; else sold."""
    found = services()
    seats = await found.seat_board.look(found.catalogue.event(event_id))
    return await _unless_known(json.dumps(seats_view(seats)), f"{seats.epoch}.{seats.version}", "no-cache")


async def _unless_known(body: str, tag: str, cache: str) -> Response:
    """The body, or 304 to who has it."""
    response = Response(body, content_type="application/json", headers={"Cache-Control": cache})
    response.set_etag(tag)
    return await response.make_conditional(request)

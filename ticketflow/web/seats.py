"""The seat map over the API: where the seats are, and which are free."""

from typing import Any

from quart import Blueprint, Response, json

from ticketflow.live.seat_board import plan_view, seats_view
from ticketflow.web.polling import conditional, pollable
from ticketflow.web.services import services

blueprint = Blueprint("seats", __name__, url_prefix="/api/events")

PLAN_SECONDS = 3600


@blueprint.get("/<int:event_id>/seats/plan")
async def plan(event_id: int) -> Response:
    """The rows of the event's seated types, from the front to the back; seats beside one another follow
    one another. They never change."""
    found = services()
    rows = plan_view(await found.seat_board.plan(found.catalogue.event(event_id)))
    return await conditional(_json(rows, f"public, max-age={PLAN_SECONDS}"))


@blueprint.get("/<int:event_id>/seats/state")
async def state(event_id: int) -> Response:
    """Which units of the seated types are free and which are held, one bit each in base64; else sold."""
    found = services()
    seats = await found.seat_board.look(found.catalogue.event(event_id))
    response = _json(seats_view(seats), "no-cache")
    response.set_etag(f"{seats.epoch}.{seats.version}")
    return await pollable(response)


def _json(body: Any, cache: str) -> Response:
    return Response(json.dumps(body), content_type="application/json", headers={"Cache-Control": cache})

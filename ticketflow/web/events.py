"""Events over the API: what is on, what is left, which seats."""

from quart import Blueprint, Response, jsonify
from quart.typing import ResponseReturnValue

from ticketflow.web.polling import pollable
from ticketflow.web.services import services

blueprint = Blueprint("events", __name__, url_prefix="/api/events")


@blueprint.get("")
async def every() -> ResponseReturnValue:
    """The events on show, the next to start first."""
    catalogue = services().catalogue
    return [catalogue.public(event) for event in catalogue.published()]


@blueprint.get("/<int:event_id>")
async def one(event_id: int) -> Response:
    """One event with what is left of each ticket type."""
    catalogue = services().catalogue
    response = jsonify(catalogue.public(catalogue.event(event_id)))
    response.headers["Cache-Control"] = "no-cache"
    return await pollable(response)


@blueprint.get("/<int:event_id>/seats")
async def seats(event_id: int) -> ResponseReturnValue:
    """The units of the event's seated types: where they are, and whether they are free."""
    found = services()
    event = found.catalogue.event(event_id)
    listed = []
    for ticket_type in event.ticket_types:
        if not ticket_type.seated:
            continue
        bits = await found.stock.free_units(event.id, ticket_type.id)
        for unit, seat in enumerate(await found.catalogue.seats(ticket_type)):
            free = unit // 8 < len(bits) and bool(bits[unit // 8] & 0x80 >> unit % 8)
            listed.append(
                {
                    "ticket_type_id": ticket_type.id,
                    "unit": unit,
                    "section": seat.section,
                    "row": seat.row,
                    "number": seat.number,
                    "state": "free" if free else "taken",
                }
            )
    return listed

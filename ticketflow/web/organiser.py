"""The organiser's API: making a sale, and cancelling its bookings."""

import re
import secrets
import unicodedata
from http import HTTPStatus
from typing import Any

from quart import Blueprint
from quart.typing import ResponseReturnValue
from quart_schema import validate_request

from ticketflow.domain import Event, Refusal, User
from ticketflow.store import audit
from ticketflow.store import events as event_store
from ticketflow.store.events import NewSale, NewTicketType
from ticketflow.web.asks import EventAsk, TicketTypeAsk
from ticketflow.web.counter import signed
from ticketflow.web.services import Services, services
from ticketflow.web.session import require_organiser

blueprint = Blueprint("organiser", __name__, url_prefix="/api/organiser")


@blueprint.post("/events")
@validate_request(EventAsk)
async def create(data: EventAsk) -> ResponseReturnValue:
    """Make a sale: the event, its ticket types with every unit, and its waiting room."""
    found = services()
    user = await require_organiser()
    event = await create_event(found, user, data)
    return found.catalogue.public(event), HTTPStatus.CREATED


@blueprint.post("/events/<int:event_id>/bookings/<booking_id>/cancel")
async def cancel(event_id: int, booking_id: str) -> ResponseReturnValue:
    """Cancel a booking of an own event, at any time, with its refund."""
    found = services()
    user = await require_organiser()
    event = found.catalogue.own_event(event_id, user)
    cancelled = await found.cancellations.by_organiser(event, user, booking_id)
    return signed(found, cancelled.public())


async def create_event(found: Services, user: User, ask: EventAsk) -> Event:
    """Write a new event down and open its room and stock, so that it can be joined at once."""
    new = NewSale(
        slug=slug_of(ask.name),
        name=ask.name,
        venue=ask.venue,
        starts_at=ask.starts_at,
        sale_starts_at=ask.sale_starts_at,
        lobby_opens_at=ask.lobby_opens_at,
        currency=ask.currency,
        per_user_limit=ask.per_user_limit,
        fee_basis_points=ask.fee_basis_points,
        published=ask.publish,
        rate_per_minute=ask.rate_per_minute,
        max_active=ask.max_active,
        types=[new_type(t) for t in ask.ticket_types],
        queue_needs_account=ask.queue_needs_account,
        cancel_until=ask.cancel_until,
        sale_ends_at=ask.sale_ends_at,
        timezone=ask.timezone,
    )
    # Of a large hall the seats are more than a row of the log can keep; they stand in the tables.
    kinds = [{"name": t.name, "price": t.price, "tickets": t.units} for t in ask.ticket_types]
    return await write_event(
        found, user, new, ask.model_dump(mode="json", exclude={"ticket_types"}) | {"ticket_types": kinds}
    )


async def write_event(found: Services, user: User, new: NewSale, asked: dict[str, Any]) -> Event:
    """Write a new event down, with what was asked for in the audit log, and open its room and stock."""
    async with found.database.transaction():
        event_id = await event_store.create(found.database, user.id, new)
        await audit.record(
            found.database,
            actor_id=user.id,
            event_id=event_id,
            action="event.create",
            after=asked,
        )
    event = await event_store.by_id(found.database, event_id)
    if event is None:
        raise Refusal("not_found", "The event was taken away again while it was being made.")
    await found.keeper.prepare(event)
    await found.hub.announce(event.id)
    return event


def new_type(ask: TicketTypeAsk) -> NewTicketType:
    """The type with one seat for each unit, row by row, or with plain units."""
    return NewTicketType(ask.name, ask.price, ask.units, ask.seats)


def slug_of(name: str) -> str:
    """The event's name as it stands in an address, with a few letters that keep two apart."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")[:100]
    return f"{words or 'event'}-{secrets.token_hex(3)}"

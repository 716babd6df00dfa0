"""An event's ticket types over the API: made, changed, taken away; and an event made like another."""

from http import HTTPStatus
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from quart import Blueprint
from quart.typing import ResponseReturnValue
from quart_schema import validate_querystring, validate_request

from ticketflow.domain import Event, Refusal, User, check_times
from ticketflow.store import rooms as records
from ticketflow.store.events import NewSale, NewTicketType
from ticketflow.web.asks import MOST_ID
from ticketflow.web.organiser import new_type, slug_of, write_event
from ticketflow.web.organiser_events import own_view
from ticketflow.web.services import Services, services
from ticketflow.web.session import require_organiser
from ticketflow.web.type_asks import DuplicateAsk, TicketTypeAddAsk, TicketTypeEditAsk

blueprint = Blueprint("ticket_types", __name__, url_prefix="/api/organiser/events/<int:event_id>")

MOST_TYPES = 20


class RevisionQuery(BaseModel):
    """The revision of the event that the edit was made against."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    revision: Annotated[int, Field(ge=0, le=MOST_ID)] | None = None


@blueprint.post("/ticket-types")
@validate_request(TicketTypeAddAsk)
async def add(event_id: int, data: TicketTypeAddAsk) -> ResponseReturnValue:
    """Offer one more type, before the doors have ever been open."""
    found = services()
    user = await require_organiser()
    event = await add_type(found, found.catalogue.own_event(event_id, user), user, data)
    return own_view(found, event), HTTPStatus.CREATED


@blueprint.patch("/ticket-types/<int:type_id>")
@validate_request(TicketTypeEditAsk)
async def change(event_id: int, type_id: int, data: TicketTypeEditAsk) -> ResponseReturnValue:
    """Rename a type, change its price or how many tickets it has, at any time; its seats before the sale."""
    found = services()
    user = await require_organiser()
    event = await change_type(found, found.catalogue.own_event(event_id, user), type_id, user, data)
    return own_view(found, event)


@blueprint.delete("/ticket-types/<int:type_id>")
@validate_querystring(RevisionQuery)
async def remove(event_id: int, type_id: int, query_args: RevisionQuery) -> ResponseReturnValue:
    """Offer a type no more, before the doors have ever been open."""
    found = services()
    user = await require_organiser()
    event = found.catalogue.own_event(event_id, user)
    return own_view(found, await remove_type(found, event, type_id, user, query_args.revision))


@blueprint.post("/duplicate")
@validate_request(DuplicateAsk)
async def duplicate(event_id: int, data: DuplicateAsk) -> ResponseReturnValue:
    """Make an event like this one: its types, seats, prices and levers, but nothing of its sale."""
    found = services()
    user = await require_organiser()
    event = found.catalogue.own_event(event_id, user)
    copy = await duplicate_event(found, event, user, data)
    return own_view(found, copy), HTTPStatus.CREATED


async def add_type(found: Services, event: Event, user: User, ask: TicketTypeAddAsk) -> Event:
    """For either door; gives the event as it is then."""
    if len(event.ticket_types) >= MOST_TYPES:
        raise Refusal("invalid_request", f"An event has at most {MOST_TYPES} ticket types.")
    await found.offer.add(event, new_type(ask), user, ask.revision)
    return await _announced(found, event, user)


async def change_type(
    found: Services, event: Event, type_id: int, user: User, ask: TicketTypeEditAsk
) -> Event:
    """The same. What may be refused goes first: then nothing was changed."""
    kind, revision, words = event.ticket_type(type_id), ask.revision, ask.words
    if (seats := ask.seats) is not None:
        new = NewTicketType(words.get("name", kind.name), words.get("price", kind.price), len(seats), seats)
        await found.offer.replace(event, type_id, new, user, revision)
        return await _announced(found, event, user)
    if ask.capacity is not None:
        await found.offer.set_capacity(event, type_id, ask.capacity, user, revision)
        revision = None
    if words:
        await found.offer.change(event, type_id, words, user, revision)
    return await _announced(found, event, user)


async def remove_type(found: Services, event: Event, type_id: int, user: User, revision: int | None) -> Event:
    """The same."""
    await found.offer.remove(event, type_id, user, revision)
    return await _announced(found, event, user)


async def duplicate_event(found: Services, event: Event, user: User, ask: DuplicateAsk) -> Event:
    """The same; gives the copy."""
    times = ask.model_dump(exclude={"name", "publish"})
    try:
        check_times(**times)
    except ValueError as wrong:
        raise Refusal("invalid_request", f"Something in the request cannot be used: {wrong}.") from None
    record = await records.of_own_event(found.database, event.id, user)
    name = ask.name or f"{event.name[:190]} (copy)"
    new = NewSale(
        slug=slug_of(name),
        name=name,
        venue=event.venue,
        **times,
        currency=event.currency,
        per_user_limit=event.per_user_limit,
        fee_basis_points=event.fee_basis_points,
        published=ask.publish,
        rate_per_minute=record.rate_per_minute,
        max_active=record.max_active,
        types=await types_like(found, event),
        queue_needs_account=event.queue_needs_account,
        timezone=event.timezone,
    )
    asked = ask.model_dump(mode="json") | {"name": name, "copy_of": event.id}
    return await write_event(found, user, new, asked)


async def types_like(found: Services, event: Event) -> list[NewTicketType]:
    """New types that are as the event's are now."""
    return [
        NewTicketType(t.name, t.price, t.capacity, list(await found.catalogue.seats(t)) if t.seated else None)
        for t in event.ticket_types
    ]


async def _announced(found: Services, event: Event, user: User) -> Event:
    await found.hub.announce(event.id)
    return found.catalogue.own_event(event.id, user)

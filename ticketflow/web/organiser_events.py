"""The organiser's events over the API: listed, read, edited; their bookings and what was done to them."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from quart import Blueprint
from quart.typing import ResponseReturnValue
from quart_schema import validate_querystring, validate_request

from ticketflow.domain import Event, Refusal, User
from ticketflow.store import events as event_store
from ticketflow.store import organised
from ticketflow.web.asks import MOST_ID, EventEditAsk
from ticketflow.web.services import Services, services
from ticketflow.web.session import require_organiser

blueprint = Blueprint("organiser_events", __name__, url_prefix="/api/organiser/events")

MOST_A_PAGE, USUAL_A_PAGE = 200, 50
BEFORE_THE_LOBBY = {"sale_starts_at", "lobby_opens_at", "queue_needs_account"}
"""What people in the line go by: it stands from the moment on when somebody can be in it."""


class PageQuery(BaseModel):
    """A page of a list: `after` is the `next` of the page before it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=MOST_A_PAGE)] = USUAL_A_PAGE
    after: Annotated[int, Field(ge=1, le=MOST_ID)] | None = None


class BookingsQuery(PageQuery):
    """The same for bookings, whose ids are words."""

    after: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None  # type: ignore[assignment]


@blueprint.get("")
@validate_querystring(PageQuery)
async def mine(query_args: PageQuery) -> ResponseReturnValue:
    """The organiser's events, an admin's all, published or not, the newest first."""
    found = services()
    events = found.catalogue.seen_to_by(await require_organiser())
    listed = sorted(events, key=lambda event: -event.id)
    rest = [event for event in listed if query_args.after is None or event.id < query_args.after]
    shown = [own_view(found, event) for event in rest[: query_args.limit + 1]]
    return _page("events", shown, query_args.limit)


@blueprint.get("/<int:event_id>")
async def one(event_id: int) -> ResponseReturnValue:
    """One event as its organiser sees it."""
    found = services()
    return own_view(found, found.catalogue.own_event(event_id, await require_organiser()))


@blueprint.patch("/<int:event_id>")
@validate_request(EventEditAsk)
async def edit(event_id: int, data: EventEditAsk) -> ResponseReturnValue:
    """Change an event; what is left out stays. Times and rules of the queue only before anybody can join."""
    found = services()
    user = await require_organiser()
    return own_view(found, await edit_event(found, found.catalogue.own_event(event_id, user), user, data))


async def edit_event(found: Services, event: Event, user: User, ask: EventEditAsk) -> Event:
    """Change an event of the user's, for either door; gives it as it is then."""
    changes = ask.changes
    waits = BEFORE_THE_LOBBY & set(changes)

    async def told(edited: Event) -> None:
        """Inside the transaction: what the room refuses is not written down either."""
        hides = event.published and not edited.published
        if (waits or hides) and not await found.rooms.reschedule(edited):
            raise Refusal(
                "sale_opened",
                "People can be in this queue already, and go by what was said: when it opens, who may join, "
                "and that it is there. Nothing was changed.",
            )

    await event_store.edit(found.database, event.id, user, changes, told, ask.revision)
    await found.hub.announce(event.id)
    edited = found.catalogue.own_event(event.id, user)
    if "per_user_limit" in changes:
        await found.offer.set_limit(edited)
    return edited


@blueprint.get("/<int:event_id>/bookings")
@validate_querystring(BookingsQuery)
async def bookings(event_id: int, query_args: BookingsQuery) -> ResponseReturnValue:
    """The event's bookings with who made them, the newest first."""
    found = services()
    user = await require_organiser()
    found.catalogue.own_event(event_id, user)
    rows = await organised.bookings_of_event(
        found.database, user, event_id, query_args.after, query_args.limit + 1
    )
    return _page("bookings", rows, query_args.limit)


@blueprint.get("/<int:event_id>/audit")
@validate_querystring(PageQuery)
async def audit(event_id: int, query_args: PageQuery) -> ResponseReturnValue:
    """What was done to the event, by whom, from what to what; the newest first."""
    found = services()
    user = await require_organiser()
    found.catalogue.own_event(event_id, user)
    rows = await organised.audit_of_event(
        found.database, user, event_id, query_args.after, query_args.limit + 1
    )
    return _page("audit", rows, query_args.limit)


def _page(name: str, found: Sequence[dict[str, Any]], limit: int) -> ResponseReturnValue:
    """A page, of which one more was read to know whether there is another."""
    shown = list(found[:limit])
    following = shown[-1]["id"] if len(found) > limit else None
    return {name: shown, "next": following}, HTTPStatus.OK, {"Cache-Control": "no-store"}


def own_view(found: Services, event: Event) -> dict[str, Any]:
    """The contract's event with what its organiser sees besides."""
    return {
        **found.catalogue.public(event),
        "published": event.published,
        "fee_basis_points": event.fee_basis_points,
        "revision": event.revision,
    }

"""An event is called off, over the API: said once with the password, looked at until all is paid back."""

from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field
from quart import Blueprint
from quart.typing import ResponseReturnValue
from quart_schema import validate_request

from ticketflow.domain import Event, User, iso
from ticketflow.store import calling_off
from ticketflow.store.calling_off import Progress
from ticketflow.web.account_asks import Given
from ticketflow.web.asks import Ask, Line
from ticketflow.web.services import Services, services
from ticketflow.web.session import require_organiser

blueprint = Blueprint("calling_off", __name__, url_prefix="/api/organiser/events")

MOST_REASON = 400
NO_STORE = {"Cache-Control": "no-store"}


class CallOffAsk(Ask):
    """Why, in words for everybody who wanted to come; it takes the organiser's own password."""

    reason: Annotated[Line, Field(max_length=MOST_REASON)]
    current_password: Given


@blueprint.post("/<int:event_id>/cancel")
@validate_request(CallOffAsk)
async def call_off(event_id: int, data: CallOffAsk) -> ResponseReturnValue:
    """Call an event off, for good: its sale is closed, all bookings are cancelled and paid back. That goes on
    by itself; the second time nothing more is done."""
    found = services()
    user = await require_organiser()
    event = found.catalogue.own_event(event_id, user)
    await begin(found, event, user, data)
    far = await calling_off.progress(found.database, user, event_id)
    return progress_view(event, far), HTTPStatus.ACCEPTED, NO_STORE


@blueprint.get("/<int:event_id>/cancel")
async def look(event_id: int) -> ResponseReturnValue:
    """How far the calling off is, or what there would be to do."""
    found = services()
    user = await require_organiser()
    event = found.catalogue.own_event(event_id, user)
    far = await calling_off.progress(found.database, user, event_id)
    return progress_view(event, far), HTTPStatus.OK, NO_STORE


async def begin(found: Services, event: Event, user: User, ask: CallOffAsk) -> None:
    """Call it off. Raises `Refusal` wrong_password, too_many_requests, not_found."""
    await calling_off.progress(found.database, user, event.id)
    # Who comes upon an open session must not be able to end a sale.
    await found.accounts.confirm(user, ask.current_password)
    await found.calling_off.begin(event, user, ask.reason)
    await found.hub.announce(event.id)


def progress_view(event: Event, far: Progress) -> dict[str, Any]:
    """The progress as the API tells it."""
    return {
        "event_id": event.id,
        "state": far.state,
        "reason": far.reason,
        "bookings": far.bookings,
        "tickets": far.tickets,
        "amount": far.amount,
        "currency": event.currency,
        "cancelled": far.cancelled,
        "refunded": far.refunded,
        "failed": far.failed,
        "left_alone": far.left_alone,
        "left_alone_codes": list(far.left_alone_codes),
        "started_at": far.started_at and iso(far.started_at),
        "finished_at": far.finished_at and iso(far.finished_at),
    }

"""Background work over the API: how it goes, and what is tried again now."""

from http import HTTPStatus
from typing import Any

from quart import Blueprint
from quart.typing import ResponseReturnValue
from quart_schema import validate_querystring, validate_request

from ticketflow.domain import User
from ticketflow.stock.backlog import put_back
from ticketflow.store import audit, work
from ticketflow.store.work import Desk
from ticketflow.web.asks import Ask, Id
from ticketflow.web.mail_desk import ScopeQuery, scope_of
from ticketflow.web.services import Services, services
from ticketflow.web.session import require_organiser

blueprint = Blueprint("work", __name__, url_prefix="/api/organiser/work")

MOST_AT_ONCE = 1000
NO_STORE = {"Cache-Control": "no-store"}


class AgainAsk(Ask):
    """Whose to try again: of all events one sees to, or of one."""

    event_id: Id | None = None


@blueprint.get("")
@validate_querystring(ScopeQuery)
async def look(query_args: ScopeQuery) -> ResponseReturnValue:
    """Letters, orders and payments on their way: how many, how old, how fast, and what failed."""
    found = services()
    user = await require_organiser()
    return await count(found, user, query_args.event_id), HTTPStatus.OK, NO_STORE


@blueprint.post("/payments/<booking_id>/retry")
async def retry_payment(booking_id: str) -> ResponseReturnValue:
    """Have the payment gateway asked again now for a payment that it has not ended."""
    found = services()
    user = await require_organiser()
    await work.retry_payment(found.database, user, booking_id)
    found.work_room.forget()
    return {"retried": 1, "left": 0}


@blueprint.post("/payments/retry")
@validate_request(AgainAsk)
async def retry_payments(data: AgainAsk) -> ResponseReturnValue:
    """The same for all payments that have failed before, a thousand at most."""
    found = services()
    return await payments_again(found, await require_organiser(), data.event_id)


@blueprint.post("/orders/retry")
@validate_request(AgainAsk)
async def retry_orders(data: AgainAsk) -> ResponseReturnValue:
    """Put back what was no order when a worker read it and is one for this version."""
    found = services()
    return await orders_again(found, await require_organiser(), data.event_id)


def desk_of(found: Services, user: User, event_id: int | None) -> Desk:
    """The events whose work somebody sees. Raises `Refusal` not_found for an event of somebody else's."""
    if event_id is not None:
        return Desk(user, (found.catalogue.own_event(event_id, user).id,))
    return Desk(user, tuple(event.id for event in found.catalogue.seen_to_by(user)))


async def count(found: Services, user: User, event_id: int | None) -> dict[str, Any]:
    """The numbers. Raises `Refusal` not_found."""
    return await found.work_room.count(scope_of(found, user, event_id), desk_of(found, user, event_id))


async def payments_again(found: Services, user: User, event_id: int | None) -> dict[str, int]:
    """Try failed payments again. Raises `Refusal` not_found."""
    desk = desk_of(found, user, event_id)
    retried, more = await work.retry_payments(found.database, desk, MOST_AT_ONCE)
    found.work_room.forget()
    return {"retried": retried, "left": int(more)}


async def orders_again(found: Services, user: User, event_id: int | None) -> dict[str, int]:
    """Put entries back that are orders after all. Raises `Refusal` not_found."""
    retried = left = 0
    for each in desk_of(found, user, event_id).event_ids:
        back, stay = await put_back(found.redis, found.stock.keys(each), MOST_AT_ONCE)
        retried, left = retried + back, left + stay
        if back or each == event_id:
            what = {"orders": back}
            await audit.record(
                found.database, actor_id=user.id, event_id=each, action="orders.put_back", after=what
            )
    found.work_room.forget()
    return {"retried": retried, "left": left}

"""The autopilot of a sale's admission over the API: looked at, switched on, handed back."""

from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field, model_validator
from quart import Blueprint
from quart.typing import ResponseReturnValue
from quart_schema import validate_request

from ticketflow.domain import Event
from ticketflow.store import autopilots
from ticketflow.store.autopilots import Asked
from ticketflow.web.asks import Ask
from ticketflow.web.services import Services, services
from ticketflow.web.session import require_organiser

blueprint = Blueprint("autopilot", __name__, url_prefix="/api/organiser/events/<int:event_id>/autopilot")

Rate = Annotated[int, Field(ge=1, le=1_000_000)]
"""At least one a minute: with nobody let in, nothing would ever show that all is well again."""


class AutopilotAsk(Ask):
    """The bounds of the rate, and what the bookings are to keep under."""

    low: Rate
    high: Rate
    target_p95_ms: Annotated[int, Field(ge=50, le=60_000)]
    target_error_rate: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _in_order(self) -> "AutopilotAsk":
        if self.low > self.high:
            raise ValueError("low must not be above high")
        return self


@blueprint.get("")
async def look(event_id: int) -> ResponseReturnValue:
    """Whether it flies, how bookings fare, why it last moved, and what could be asked of it."""
    found = services()
    event = found.catalogue.own_event(event_id, await require_organiser())
    return await _view(found, event)


@blueprint.put("")
@validate_request(AutopilotAsk)
async def switch_on(event_id: int, data: AutopilotAsk) -> ResponseReturnValue:
    """Let it keep the rate between bounds, so that bookings stay under the targets. Acts within seconds."""
    found = services()
    user = await require_organiser()
    event = found.catalogue.own_event(event_id, user)
    asked = Asked(data.low, data.high, data.target_p95_ms, data.target_error_rate)
    await autopilots.switch_on(found.database, event.id, user, asked)
    return await _view(found, event)


@blueprint.delete("")
async def hand_back(event_id: int) -> ResponseReturnValue:
    """Take the rate back, as it stands. To move the rate or the mode by hand does the same."""
    found = services()
    user = await require_organiser()
    event = found.catalogue.own_event(event_id, user)
    await autopilots.switch_off(found.database, event.id, user)
    return "", HTTPStatus.NO_CONTENT


async def _view(found: Services, event: Event) -> dict[str, Any]:
    policy = await (await found.rooms.of(event.id)).policy()
    return await found.autopilots.whole_view(event.id, policy.rate_per_minute)

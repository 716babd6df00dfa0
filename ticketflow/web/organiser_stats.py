"""The numbers of an organiser's charts: how a sale went, second by second or minute by minute."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from quart import Blueprint
from quart.typing import ResponseReturnValue
from quart_schema import validate_querystring

from ticketflow.figures.history import MINUTE, SECOND
from ticketflow.web.services import services
from ticketflow.web.session import require_organiser

blueprint = Blueprint("organiser_stats", __name__, url_prefix="/api/organiser/events")

MOST_MINUTES = 7 * 24 * 60
MOST_OF_SECONDS = 60
"""Seconds are kept for an hour."""


def _whole(given: object) -> object:
    """A query has texts, and a choice of numbers takes none."""
    return int(given) if isinstance(given, str) and given.isascii() and given.isdigit() else given


class StatsQuery(BaseModel):
    """How far back, and in which steps: without a word of it, seconds for an hour at most, else minutes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minutes: Annotated[int, Field(ge=1, le=MOST_MINUTES)] = 60
    step: Annotated[Literal[1, 60] | None, BeforeValidator(_whole)] = None

    @model_validator(mode="after")
    def seconds_are_kept_for_an_hour(self) -> "StatsQuery":
        if self.step == SECOND and self.minutes > MOST_OF_SECONDS:
            raise ValueError("seconds are kept for 60 minutes")
        return self

    @property
    def step_seconds(self) -> int:
        return self.step or (SECOND if self.minutes <= MOST_OF_SECONDS else MINUTE)


@blueprint.get("/<int:event_id>/stats")
@validate_querystring(StatsQuery)
async def stats(event_id: int, query_args: StatsQuery) -> ResponseReturnValue:
    """The chart's numbers: a number a step and series, null where nothing was recorded."""
    found = services()
    event = found.catalogue.own_event(event_id, await require_organiser())
    now = (await found.stock.time()).timestamp()
    series = await found.history.series(
        event.id, minutes=query_args.minutes, step=query_args.step_seconds, now=now
    )
    return series, 200, {"Cache-Control": "no-store"}

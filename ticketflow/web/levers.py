"""The levers of a sale's waiting room: moved, and told what moving them would mean."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field
from quart import Blueprint
from quart.typing import ResponseReturnValue
from quart_schema import validate_querystring, validate_request

from ticketflow.domain import Event, Refusal, User
from ticketflow.stock.more_time import extend_all
from ticketflow.store import audit
from ticketflow.store import rooms as records
from ticketflow.store.rooms import RoomRecord, StaleRevision
from ticketflow.web.asks import ExtendAsk, RoomAsk
from ticketflow.web.services import Services, services
from ticketflow.web.session import require_organiser
from waiting_room import Expected, Frame, Mode, RoomPolicy

blueprint = Blueprint("levers", __name__, url_prefix="/api/organiser/events/<int:event_id>/room")

MOST = 1_000_000


class OutlookQuery(BaseModel):
    """How the levers would stand; what is left out is as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rate_per_minute: Annotated[int, Field(ge=0, le=MOST)] | None = None
    max_active: Annotated[int, Field(ge=0, le=MOST)] | None = None


@blueprint.get("")
async def room(event_id: int) -> ResponseReturnValue:
    """The room's levers as they stand."""
    found = services()
    event = found.catalogue.own_event(event_id, await require_organiser())
    return await levers_of(found, event)


@blueprint.patch("")
@validate_request(RoomAsk)
async def steer(event_id: int, data: RoomAsk) -> ResponseReturnValue:
    """Move the levers; acts on the next tick. A change against an older revision moves nothing."""
    found = services()
    user = await require_organiser()
    event = found.catalogue.own_event(event_id, user)
    waiting_room = await found.rooms.of(event.id)
    policy, changes = await waiting_room.policy(), data.levers
    levers = {**changes, "mode": Mode(changes["mode"])} if "mode" in changes else changes
    replace(policy, **levers)  # what cannot be a policy is refused before it is written down
    # Written down first: what is cut off in between is an act on record that is asked for again, and not one
    # that nobody knows of.
    try:
        async with found.database.transaction():
            record = await records.lock(found.database, event.id, user, data.revision)
            before = {**_as_recorded(record, policy), "revision": record.revision}
            manual = {"manual": True} if changes.get("mode", before["mode"]) != before["mode"] else {}
            revision = await records.steer(found.database, event.id, user, **changes, **manual)
            after = {**before, **changes, "revision": revision}
            await _write_down(found, user, event, "room.steer", before, after)
    except StaleRevision:
        await _refuse_stale(found, event, data.revision or 0)
    moved = await waiting_room.steer(**levers, revision=revision)
    # Admission acts on the next tick; what this house itself decides by (a closed sale) does not wait for it.
    await found.hub.announce(event.id)
    return {**policy_view(moved), "revision": revision}


@blueprint.post("/extend")
@validate_request(ExtendAsk)
async def extend(event_id: int, data: ExtendAsk) -> ResponseReturnValue:
    """Give everybody inside, and every hold, so many minutes more."""
    found = services()
    user = await require_organiser()
    event = found.catalogue.own_event(event_id, user)
    waiting_room, seconds = await found.rooms.of(event.id), data.minutes * 60
    inside = (await waiting_room.snapshot()).active
    try:
        async with found.database.transaction():
            revision = await records.steer(found.database, event.id, user, seen=data.revision)
            before = {"revision": revision - 1}
            after = {"extended_by_minutes": data.minutes, "inside": inside, "revision": revision}
            await _write_down(found, user, event, "room.extend", before, after)
    except StaleRevision:
        await _refuse_stale(found, event, data.revision or 0)
    people = await waiting_room.extend(seconds, revision=revision)
    # After the turns: a hold can be paid only in a turn.
    holds = await extend_all(found.redis, found.stock, event, waiting_room.keys.active, seconds)
    return {"minutes": data.minutes, "people": people, "holds": holds, "revision": revision}


@blueprint.get("/outlook")
@validate_querystring(OutlookQuery)
async def outlook(event_id: int, query_args: OutlookQuery) -> ResponseReturnValue:
    """When the line would be gone with such levers and open doors, by what the room has measured."""
    found = services()
    event = found.catalogue.own_event(event_id, await require_organiser())
    frame = found.catalogue.frame(event.id) or await (await found.rooms.of(event.id)).snapshot()
    asked = {name: value for name, value in query_args.model_dump().items() if value is not None}
    return outlook_of(frame, **asked), 200, {"Cache-Control": "no-store"}


def outlook_of(
    frame: Frame, *, rate_per_minute: int | None = None, max_active: int | None = None
) -> dict[str, Any]:
    """What these levers would mean for the line that waits now."""
    rate = frame.rate_per_minute if rate_per_minute is None else rate_per_minute
    cap = frame.max_active if max_active is None else max_active
    forecast = frame.forecast
    expected = (
        forecast.expect(frame.waiting - 1, mode=Mode.OPEN, rate_per_minute=rate, max_active=cap)
        if frame.waiting and not frame.recovering
        else None
    )
    return {
        "rate_per_minute": rate,
        "max_active": cap,
        "waiting": frame.waiting,
        "line_gone_seconds": _span(expected),
        "cap_per_minute": round(cap / forecast.stay * 60),
    }


def _span(expected: Expected | None) -> dict[str, int] | None:
    if expected is None:
        return None
    low, likely, high = expected.low, expected.plain, expected.high
    return {"low": math.floor(low), "likely": round(likely), "high": math.ceil(high)}


async def levers_of(found: Services, event: Event) -> dict[str, Any]:
    """The contract's levers, and their revision."""
    record = await records.by_event(found.database, event.id)
    policy = await (await found.rooms.of(event.id)).policy()
    return {**policy_view(policy), "revision": record.revision if record else 0}


def policy_view(policy: RoomPolicy) -> dict[str, Any]:
    return {
        "mode": policy.mode.value,
        "rate_per_minute": policy.rate_per_minute,
        "max_active": policy.max_active,
        "message": policy.message,
    }


def _as_recorded(record: RoomRecord, policy: RoomPolicy) -> dict[str, Any]:
    """The levers before a change: as they were last written down, which the room may not have heard yet. Only
    the schedule moves one by itself."""
    return {
        "mode": record.mode if record.manual else policy.mode.value,
        "rate_per_minute": record.rate_per_minute,
        "max_active": record.max_active,
        "message": record.message,
    }


async def _write_down(
    found: Services,
    user: User,
    event: Event,
    action: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    await audit.record(
        found.database, actor_id=user.id, event_id=event.id, action=action, before=before, after=after
    )


async def _refuse_stale(found: Services, event: Event, seen: int) -> NoReturn:
    since = await audit.steered(found.database, event.id, seen)
    by = f" by {since['by']}" if since["by"] else ""
    raise Refusal(
        "stale",
        f"The levers were moved{by} since you looked, so nothing was changed. Look at what moved, and decide "
        "again.",
        **since,
    )

"""Edits of an event, one after another: each is made for a revision, is noted, and makes the next one."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from databases import Database
from sqlalchemy import select, update

from ticketflow.domain import Refusal, User, iso
from ticketflow.store import audit
from ticketflow.store.called_off import is_called_off
from ticketflow.store.ownership import seen_to_by
from ticketflow.store.tables import audit as acts
from ticketflow.store.tables import events, users

KINDS = ("event.edit", "type.add", "type.edit", "type.remove", "type.capacity")
"""What makes a revision: exactly one row of these in the audit log for each."""


async def begin(database: Database, event_id: int, actor: User, revision: int | None) -> dict[str, Any]:
    """The row of an event that the actor sees to, locked until the transaction ends.

    Raises `Refusal` not_found, called_off, and stale if it was edited since `revision`.
    """
    this = (events.c.id == event_id) & seen_to_by(actor)
    row = await database.fetch_one(select(events).where(this).with_for_update())
    if row is None:
        raise Refusal("not_found", "There is no such event of yours.")
    if await is_called_off(database, event_id):
        raise Refusal("called_off", "This event is called off: it stays as it was. Nothing was changed.")
    found = dict(row._mapping)
    if revision is not None and revision != found["revision"]:
        raise await _stale(database, event_id, revision, found["revision"])
    return found


async def note(
    database: Database,
    event_id: int,
    actor: User,
    action: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write the edit into the audit log, and let the next revision begin. One of `KINDS`."""
    next_one = events.c.revision + 1
    await database.execute(update(events).where(events.c.id == event_id).values(revision=next_one))
    await audit.record(
        database,
        actor_id=actor.id,
        event_id=event_id,
        action=action,
        before=before and {name: _plain(value) for name, value in before.items()},
        after=after and {name: _plain(value) for name, value in after.items()},
    )


async def _stale(database: Database, event_id: int, revision: int, current: int) -> Refusal:
    """The refusal that says what has changed since that revision, and who changed it last."""
    since = max(0, min(current - revision, 100)) if revision <= current else 0
    rows = await database.fetch_all(
        select(acts, users.c.name.label("actor"))
        .join_from(acts, users, users.c.id == acts.c.actor_id)
        .where((acts.c.event_id == event_id) & acts.c.action.in_(KINDS))
        .order_by(acts.c.id.desc())
        .limit(since)
    )
    changed: dict[str, dict[str, Any]] = {}
    for row in reversed(rows):
        for field, values in _fields(row).items():
            changed.setdefault(field, values)["to"] = values["to"]
    last = rows[0] if rows else None
    who = f"{last['actor']} has" if last else "Somebody has"
    return Refusal(
        "stale",
        f"{who} edited this event meanwhile. Nothing of yours was written: look at what has changed, and "
        "send yours again.",
        revision=current,
        changed=changed,
        by=last and last["actor"],
        at=last and iso(last["at"]),
    )


def _fields(act: Any) -> dict[str, dict[str, Any]]:
    """Field -> what it was and became; a ticket type's fields carry its name."""
    before, after = (json.loads(act[side] or "{}") for side in ("before", "after"))
    kind = (after or before).get("ticket_type")
    whose = f"{kind['name']}: " if kind else ""
    names = [name for name in dict.fromkeys([*before, *after]) if name != "ticket_type"]
    if act["action"] in ("type.add", "type.remove"):
        return {f"{whose}type": {"from": bool(before), "to": bool(after)}}
    return {f"{whose}{name}": {"from": before.get(name), "to": after.get(name)} for name in names}


def _plain(value: Any) -> Any:
    return iso(value) if isinstance(value, datetime) else value

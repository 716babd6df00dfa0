"""Who changed what on a sale, and from what to what."""

import json
from collections.abc import Mapping
from typing import Any

from databases import Database
from sqlalchemy import insert, select

from ticketflow.domain import iso, now
from ticketflow.store.tables import audit, users

STEERING = ("room.steer", "room.extend")
"""The acts that make a revision of a room's levers; `after` has its number."""
LOOKED_BACK = 50


async def record(
    database: Database,
    *,
    actor_id: int,
    event_id: int | None,
    action: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add a row to the audit log."""
    row = {
        "at": now(),
        "actor_id": actor_id,
        "event_id": event_id,
        "action": action,
        "before": before and json.dumps(before),
        "after": after and json.dumps(after),
    }
    await database.execute(insert(audit).values(row))


async def steered(database: Database, event_id: int, since: int) -> dict[str, Any]:
    """What has become of an event's levers since a revision: `revision`, `changed`, and of the last act who
    did it (`by`) and when (`at`); null where nothing is on record."""
    query = (
        select(audit.c.at, audit.c.before, audit.c.after, users.c.name)
        .join_from(audit, users, users.c.id == audit.c.actor_id)
        .where((audit.c.event_id == event_id) & audit.c.action.in_(STEERING))
        .order_by(audit.c.id.desc())
        .limit(LOOKED_BACK)
    )
    acts = [
        (row, json.loads(row["before"]), json.loads(row["after"])) for row in await database.fetch_all(query)
    ]
    newest = acts[0] if acts else None
    changed: dict[str, dict[str, Any]] = {}
    for _, before, after in acts:
        if after.get("revision", 0) <= since:
            break
        for lever, value in after.items():
            if lever != "revision" and before.get(lever) != value:
                # The newest act comes first: what stands now is what it says.
                changed.setdefault(lever, {"to": value})["from"] = before.get(lever)
    return {
        "revision": newest[2].get("revision", 0) if newest else 0,
        "changed": {lever: value for lever, value in changed.items() if value["from"] != value["to"]},
        "by": newest[0]["name"] if newest else None,
        "at": iso(newest[0]["at"]) if newest else None,
    }


async def last_hand(database: Database, event_id: int) -> str | None:
    """Who moved an event's levers last."""
    query = (
        select(users.c.name)
        .join_from(audit, users, users.c.id == audit.c.actor_id)
        .where((audit.c.event_id == event_id) & audit.c.action.in_(STEERING))
        .order_by(audit.c.id.desc())
        .limit(1)
    )
    name: str | None = await database.fetch_val(query)
    return name

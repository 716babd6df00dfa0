"""What an organiser reads of their events: bookings and the audit log, a page at a time."""

import json
from typing import Any

from databases import Database
from sqlalchemy import select, tuple_

from ticketflow.domain import User, iso
from ticketflow.store.ownership import of_event_seen_to_by
from ticketflow.store.tables import audit, bookings, users


async def bookings_of_event(
    database: Database, actor: User, event_id: int, after: str | None, most: int
) -> list[dict[str, Any]]:
    """The event's bookings with who made them, the newest first, those after the booking `after`. Of an
    event that the actor does not see to there are none."""
    theirs = of_event_seen_to_by(actor, bookings.c.event_id, event_id)
    query = (
        select(bookings, users.c.name.label("booker"), users.c.email)
        .join_from(bookings, users, users.c.id == bookings.c.user_id)
        .where(theirs)
    )
    if after is not None:
        last = select(bookings.c.created_at, bookings.c.id).where(theirs & (bookings.c.id == after))
        query = query.where(tuple_(bookings.c.created_at, bookings.c.id) < last.scalar_subquery())
    newest_first = query.order_by(bookings.c.created_at.desc(), bookings.c.id.desc()).limit(most)
    return [_booking(row) for row in await database.fetch_all(newest_first)]


def _booking(row: Any) -> dict[str, Any]:
    same = ("id", "code", "status", "reason", "ticket_type_id", "quantity", "amount", "fee", "currency")
    booker = {"id": row["user_id"], "name": row["booker"], "email": row["email"]}
    return {**{name: row[name] for name in same}, "created_at": iso(row["created_at"]), "booker": booker}


async def audit_of_event(
    database: Database, actor: User, event_id: int, after: int | None, most: int
) -> list[dict[str, Any]]:
    """What was done to the event and by whom, the newest first, what is older than the row `after`."""
    query = (
        select(audit, users.c.name.label("actor"))
        .join_from(audit, users, users.c.id == audit.c.actor_id)
        .where(of_event_seen_to_by(actor, audit.c.event_id, event_id))
    )
    if after is not None:
        query = query.where(audit.c.id < after)
    rows = await database.fetch_all(query.order_by(audit.c.id.desc()).limit(most))
    return [
        {
            "id": row["id"],
            "at": iso(row["at"]),
            "actor": {"id": row["actor_id"], "name": row["actor"]},
            "action": row["action"],
            "before": row["before"] and json.loads(row["before"]),
            "after": row["after"] and json.loads(row["after"]),
        }
        for row in rows
    ]

"""Who changed what on a sale, and from what to what."""

import json
from collections.abc import Mapping
from typing import Any

from databases import Database
from sqlalchemy import insert

from ticketflow.domain import now
from ticketflow.store.tables import audit


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

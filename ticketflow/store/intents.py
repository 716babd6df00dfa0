"""Which Stripe intent stands for which booking. The first one written down counts, for ever."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from databases import Database
from sqlalchemy import select
from sqlalchemy.dialects import mysql, sqlite

from ticketflow.store.tables import stripe_intents as intents


@dataclass(frozen=True)
class IntentRow:
    key: str
    intent_id: str
    created_at: datetime


async def add(database: Database, new: Sequence[IntentRow]) -> None:
    """Write intents down; a key that has one keeps it."""
    rows = [
        {"charge_key": row.key, "intent_id": row.intent_id, "created_at": row.created_at}
        # One statement must not name a key twice with two intents: here too the first counts.
        for row in {row.key: row for row in reversed(new)}.values()
    ]
    if database.url.dialect == "sqlite":
        await database.execute(sqlite.insert(intents).values(rows).on_conflict_do_nothing())
        return
    # Setting the key to itself changes nothing; INSERT IGNORE would warn, and ignore other faults too.
    unchanged = {"charge_key": intents.c.charge_key}
    await database.execute(mysql.insert(intents).values(rows).on_duplicate_key_update(unchanged))


async def id_of(database: Database, key: str) -> str | None:
    """The intent that counts for this key, or None."""
    found: str | None = await database.fetch_val(
        select(intents.c.intent_id).where(intents.c.charge_key == key)
    )
    return found


async def key_of(database: Database, intent_id: str) -> str | None:
    """The key an intent was made for, or None if it is none of ours."""
    found: str | None = await database.fetch_val(
        select(intents.c.charge_key).where(intents.c.intent_id == intent_id)
    )
    return found

"""What the simulated gateway remembers of its charges."""

from collections.abc import Sequence
from dataclasses import dataclass

from databases import Database
from sqlalchemy import select, update
from sqlalchemy.dialects import mysql, sqlite

from ticketflow.domain import now
from ticketflow.store.tables import simulated_charges as charges


@dataclass(frozen=True)
class Charge:
    key: str
    amount: int
    currency: str
    status: str
    """`authorised` or `declined`, later `captured` or `voided`."""


async def add(database: Database, new: Sequence[Charge]) -> None:
    """Write charges down; one whose key is known stays as it is."""
    rows = [
        {
            "charge_key": charge.key,
            "amount": charge.amount,
            "currency": charge.currency,
            "status": charge.status,
            "created_at": now(),
        }
        for charge in new
    ]
    if database.url.dialect == "sqlite":
        await database.execute(sqlite.insert(charges).values(rows).on_conflict_do_nothing())
        return
    # Setting the key to itself changes nothing; INSERT IGNORE would warn, and ignore other faults too.
    unchanged = {"charge_key": charges.c.charge_key}
    await database.execute(mysql.insert(charges).values(rows).on_duplicate_key_update(unchanged))


async def status(database: Database, key: str) -> str | None:
    """The charge's status, or None if there is none under this key."""
    found: str | None = await database.fetch_val(select(charges.c.status).where(charges.c.charge_key == key))
    return found


async def close(database: Database, keys: Sequence[str], outcome: str) -> None:
    """Let what is authorised become `captured` or `voided`; what has ended otherwise stays so."""
    open_ones = charges.c.charge_key.in_(keys) & (charges.c.status == "authorised")
    await database.execute(update(charges).where(open_ones).values(status=outcome))

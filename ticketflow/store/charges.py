"""What the simulated gateway remembers of its charges."""

from collections.abc import Sequence
from dataclasses import dataclass

from databases import Database
from sqlalchemy import insert, select, update

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
    ignoring = insert(charges).prefix_with("OR IGNORE", dialect="sqlite")
    await database.execute(ignoring.prefix_with("IGNORE", dialect="mysql").values(rows))


async def status(database: Database, key: str) -> str | None:
    """The charge's status, or None if there is none under this key."""
    found: str | None = await database.fetch_val(select(charges.c.status).where(charges.c.charge_key == key))
    return found


async def close(database: Database, keys: Sequence[str], outcome: str) -> None:
    """Let what is authorised become `captured` or `voided`; what has ended otherwise stays so."""
    open_ones = charges.c.charge_key.in_(keys) & (charges.c.status == "authorised")
    await database.execute(update(charges).where(open_ones).values(status=outcome))

"""What the simulated gateway remembers of its charges."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from databases import Database
from sqlalchemy import ClauseElement, Subquery, Update, case, select, true, update
from sqlalchemy.dialects import mysql, sqlite

from ticketflow.store.bulk import Bulk
from ticketflow.store.tables import simulated_charges as charges


@dataclass(frozen=True)
class ChargeRow:
    key: str
    amount: int
    currency: str
    status: str
    """`authorised` or `declined`, later `captured`, `voided` or `refunded`."""
    created_at: datetime


async def add(database: Database, new: Sequence[ChargeRow]) -> None:
    """Write charges down; one whose key is known stays as it is."""
    rows = [
        {
            "charge_key": charge.key,
            "amount": charge.amount,
            "currency": charge.currency,
            "status": charge.status,
            "created_at": charge.created_at,
        }
        for charge in new
    ]
    statement = _ADD_SQLITE if database.url.dialect == "sqlite" else _ADD
    await database.execute(statement.of(database, rows))


def _add(entries: Subquery) -> ClauseElement:
    # Setting the key to itself changes nothing; INSERT IGNORE would warn, and ignore other faults too.
    these = mysql.insert(charges).from_select(charges.c.keys(), select(entries))
    return these.on_duplicate_key_update(charge_key=these.inserted.charge_key)


def _add_sqlite(entries: Subquery) -> ClauseElement:
    # Without a WHERE, SQLite would take the ON of ON CONFLICT for that of a join.
    new_ones = sqlite.insert(charges).from_select(charges.c.keys(), select(entries).where(true()))
    return new_ones.on_conflict_do_nothing()


_ADD, _ADD_SQLITE = Bulk(charges.c, _add), Bulk(charges.c, _add_sqlite)


async def status(database: Database, key: str) -> str | None:
    """The charge's status, or None if there is none under this key."""
    found: str | None = await database.fetch_val(select(charges.c.status).where(charges.c.charge_key == key))
    return found


async def close(database: Database, keys: Sequence[str], outcome: str) -> None:
    """Let what is authorised become `captured` or `voided`; what has ended otherwise stays so."""
    await database.execute(_closing(outcome).of(database, _named(keys)))


async def refund(database: Database, keys: Sequence[str]) -> None:
    """Let what is captured become `refunded`, and what is only authorised `voided`."""
    await database.execute(_REFUND.of(database, _named(keys)))


@cache
def _closing(outcome: str) -> Bulk:
    def build(asked: Subquery) -> Update:
        open_ones = (charges.c.charge_key == asked.c.charge_key) & (charges.c.status == "authorised")
        return update(charges).where(open_ones).values(status=outcome)

    return Bulk([charges.c.charge_key], build)


def _refunding(asked: Subquery) -> Update:
    ended = case((charges.c.status == "captured", "refunded"), else_="voided")
    open_ones = (charges.c.charge_key == asked.c.charge_key) & charges.c.status.in_(
        ["authorised", "captured"]
    )
    return update(charges).where(open_ones).values(status=ended)


_REFUND = Bulk([charges.c.charge_key], _refunding)


def _named(keys: Sequence[str]) -> Iterator[dict[str, str]]:
    return ({"charge_key": key} for key in keys)


PAGE = 500


async def since(database: Database, moment: datetime) -> AsyncIterator[ChargeRow]:
    """The charges made at `moment` or later, read a page at a time."""
    after = ""
    while True:
        page = await database.fetch_all(
            select(charges)
            .where((charges.c.created_at >= moment) & (charges.c.charge_key > after))
            .order_by(charges.c.charge_key)
            .limit(PAGE)
        )
        for row in page:
            yield ChargeRow(
                row["charge_key"], row["amount"], row["currency"], row["status"], row["created_at"]
            )
        if len(page) < PAGE:
            return
        after = page[-1]["charge_key"]

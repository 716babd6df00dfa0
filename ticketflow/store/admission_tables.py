"""The tables of the admission log, a part of `tables`: everybody imports them from there."""

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table

from ticketflow.store.columns import MYSQL, Id, Moment, exact, metadata

# Who was called when: a chain of rows for each event (`admission_log.py`). Nothing here is ever changed, and
# what could make two rows of one, the next number, is taken by the first who writes it.
admissions = Table(
    "admissions",
    metadata,
    Column("event_id", Id, ForeignKey("events.id"), primary_key=True, autoincrement=False),
    Column("number", Id, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("visitor", exact(64), nullable=False),
    Column("order", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("before", exact(64), nullable=False),
    Column("signature", exact(100)),
    **MYSQL,
)

# The last row of each chain, and the last entry of the room's journal that is in it.
admission_heads = Table(
    "admission_heads",
    metadata,
    Column("event_id", Id, ForeignKey("events.id"), primary_key=True, autoincrement=False),
    Column("number", Id, nullable=False),
    Column("hash", exact(64), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("entry", exact(40), nullable=False),
    **MYSQL,
)

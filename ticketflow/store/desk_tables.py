"""The tables of the organiser's desk, a part of `tables`: everybody imports them from there."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, String, Table

from ticketflow.store.columns import MYSQL, Id, Moment, exact, metadata

# How a sale stood at the end of each minute of it: the desk's charts of hours and days. What grows is kept as
# its total. A number that could not be had is empty.
minutes = Table(
    "minutes",
    metadata,
    Column("event_id", Id, ForeignKey("events.id"), primary_key=True, autoincrement=False),
    # Since 1970.
    Column("minute", Integer, primary_key=True, autoincrement=False),
    *(Column(name, Integer) for name in ("waiting", "called", "active")),
    *(Column(name, Integer) for name in ("admitted_per_minute", "target_per_minute")),
    *(Column(name, BigInteger) for name in ("joins", "left", "missed")),
    *(Column(name, Integer) for name in ("held", "paying", "sold", "free")),
    Column("revenue", BigInteger),
    *(Column(name, Integer) for name in ("payment_failures", "mail_waiting")),
    **MYSQL,
)

# What an organiser asked of the autopilot, and its last move. One that is not engaged was handed back, and
# `why` says by what.
autopilots = Table(
    "autopilots",
    metadata,
    Column("event_id", Id, ForeignKey("events.id"), primary_key=True, autoincrement=False),
    Column("engaged", Boolean, nullable=False),
    Column("low", Integer, nullable=False),
    Column("high", Integer, nullable=False),
    Column("target_p95_ms", Integer, nullable=False),
    Column("target_error_basis_points", Integer, nullable=False),
    # Its moves are in the audit log under this name.
    Column("switched_on_by", Id, ForeignKey("users.id"), nullable=False),
    Column("why", String(300), nullable=False),
    Column("moved_at", Moment),
    Column("cut_at", Moment),
    **MYSQL,
)

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

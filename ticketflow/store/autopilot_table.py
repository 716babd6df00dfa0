"""The table of autopilots, a part of `tables`: everybody imports it from there."""

from sqlalchemy import Boolean, Column, ForeignKey, Integer, String, Table

from ticketflow.store.columns import MYSQL, Id, Moment, metadata

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

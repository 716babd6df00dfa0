"""The table of minutes, a part of `tables`: everybody imports it from there."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Table

from ticketflow.store.columns import MYSQL, Id, metadata

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

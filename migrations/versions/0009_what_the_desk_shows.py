"""what the desk shows: minutes of each sale, what a room had counted, bookings counted by an index alone

Revision: 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OPTIONS = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}


def upgrade() -> None:
    op.create_table(
        "minutes",
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("minute", sa.Integer, nullable=False),
        sa.Column("waiting", sa.Integer),
        sa.Column("called", sa.Integer),
        sa.Column("active", sa.Integer),
        sa.Column("admitted_per_minute", sa.Integer),
        sa.Column("target_per_minute", sa.Integer),
        sa.Column("joins", sa.BigInteger),
        sa.Column("left", sa.BigInteger),
        sa.Column("missed", sa.BigInteger),
        sa.Column("held", sa.Integer),
        sa.Column("paying", sa.Integer),
        sa.Column("sold", sa.Integer),
        sa.Column("free", sa.Integer),
        sa.Column("revenue", sa.BigInteger),
        sa.Column("payment_failures", sa.Integer),
        sa.Column("mail_waiting", sa.Integer),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_minutes_event_id")),
        sa.PrimaryKeyConstraint("event_id", "minute", name=op.f("pk_minutes")),
        **_OPTIONS,
    )
    op.add_column("rooms", sa.Column("tally", sa.Text))
    # The new one first: MariaDB wants one for the foreign key at any time.
    op.create_index(
        "ix_bookings_event_takings", "bookings", ["event_id", "status", "reason", "user_id", "amount"]
    )
    op.drop_index("ix_bookings_event_status", "bookings")


def downgrade() -> None:
    op.create_index("ix_bookings_event_status", "bookings", ["event_id", "status"])
    op.drop_index("ix_bookings_event_takings", "bookings")
    op.drop_column("rooms", "tally")
    op.drop_table("minutes")

"""events that are called off, and payments that the gateway did not end at once

Revision: 0012, after 0008. No event was called off before; no payment's failures were counted.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
MYSQL = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_unicode_ci"}


def upgrade() -> None:
    op.create_table(
        "called_off",
        sa.Column("event_id", ID, autoincrement=False, nullable=False),
        sa.Column("called_by", ID, nullable=False),
        sa.Column("reason", sa.String(400), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_called_off")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_called_off_event_id")),
        sa.ForeignKeyConstraint(["called_by"], ["users.id"], name=op.f("fk_called_off_called_by")),
        **MYSQL,
    )
    op.create_index("ix_bookings_event_decided", "bookings", ["event_id", "decided_at"])
    with op.batch_alter_table("payments") as payments:
        payments.add_column(sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
        payments.add_column(sa.Column("last_error", sa.Text(), nullable=True))
        payments.add_column(sa.Column("due_at", MOMENT, nullable=True))


def downgrade() -> None:
    """That an event was called off is forgotten: what was cancelled stays so, and its room stays closed."""
    with op.batch_alter_table("payments") as payments:
        for name in ("due_at", "last_error", "attempts"):
            payments.drop_column(name)
    op.drop_index("ix_bookings_event_decided", "bookings")
    op.drop_table("called_off")

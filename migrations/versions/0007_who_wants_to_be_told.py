"""who wants to be told when a sale opens

Revision: 0007, after 0006. Nobody has asked before.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
MYSQL = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_unicode_ci"}


def upgrade() -> None:
    op.create_table(
        "reminders",
        sa.Column("event_id", ID, autoincrement=False, nullable=False),
        sa.Column("user_id", ID, autoincrement=False, nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("written_at", MOMENT, nullable=True),
        sa.Column("told_for", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("event_id", "user_id", name=op.f("pk_reminders")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_reminders_event_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_reminders_user_id")),
        **MYSQL,
    )
    op.create_index("ix_reminders_user_id", "reminders", ["user_id"])
    op.create_index("ix_reminders_owed", "reminders", ["event_id", "told_for"])


def downgrade() -> None:
    """Who wanted to be told is lost. Letters that were written stay, and are not sent."""
    op.drop_table("reminders")

"""what is left after a sale: the admission log with its chain, and attendees found page by page

Revision: 0013, after 0008. Who was called before is not known any more: a log begins with the first worker.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
MYSQL = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_unicode_ci"}


def exact(length: int) -> sa.String:
    return sa.String(length).with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "admissions",
        sa.Column("event_id", ID, autoincrement=False, nullable=False),
        sa.Column("number", ID, autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("visitor", exact(64), nullable=False),
        sa.Column("order", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("before", exact(64), nullable=False),
        sa.Column("signature", exact(100), nullable=True),
        sa.PrimaryKeyConstraint("event_id", "number", name=op.f("pk_admissions")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_admissions_event_id")),
        **MYSQL,
    )
    op.create_table(
        "admission_heads",
        sa.Column("event_id", ID, autoincrement=False, nullable=False),
        sa.Column("number", ID, nullable=False),
        sa.Column("hash", exact(64), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("entry", exact(40), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_admission_heads")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_admission_heads_event_id")),
        **MYSQL,
    )
    op.create_index("ix_tickets_event", "tickets", ["event_id", "id"])


def downgrade() -> None:
    """The log is lost."""
    op.drop_index("ix_tickets_event", "tickets")
    op.drop_table("admission_heads")
    op.drop_table("admissions")

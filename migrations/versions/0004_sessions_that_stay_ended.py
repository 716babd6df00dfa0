"""sessions that stay ended: what has ended is kept as long as its cookie could still be shown

Revision: 0004, after 0003. A token carries the number of its account's sessions, and ends with them.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
MYSQL = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_unicode_ci"}

USERS = sa.table("users", sa.column("id"), sa.column("session_epoch"))
ENDS = sa.table("session_ends", sa.column("user_id"), sa.column("epoch"), sa.column("ended_at"))


def exact(length: int) -> sa.String:
    """Text compared letter by letter, case included."""
    return sa.String(length).with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "session_ends",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("session", exact(80), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session_ends")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_session_ends_user_id")),
        **MYSQL,
    )
    op.create_index("ix_session_ends_user_id", "session_ends", ["user_id"])
    op.create_index("ix_session_ends_ended_at", "session_ends", ["ended_at"])
    # What has ended until now, as if it were just now: nobody has written down when.
    at = datetime.now(UTC).replace(tzinfo=None)
    ended = sa.select(USERS.c.id, USERS.c.session_epoch, sa.literal(at, MOMENT)).where(
        USERS.c.session_epoch > 0
    )
    op.execute(ENDS.insert().from_select(["user_id", "epoch", "ended_at"], ended))
    with op.batch_alter_table("api_tokens") as tokens:
        tokens.add_column(sa.Column("session_epoch", sa.Integer(), nullable=False, server_default="0"))
    op.execute(
        "UPDATE api_tokens SET session_epoch = "
        "(SELECT users.session_epoch FROM users WHERE users.id = api_tokens.user_id)"
    )


def downgrade() -> None:
    """What was signed out on one device can be shown again by who has a copy of its cookie."""
    with op.batch_alter_table("api_tokens") as tokens:
        tokens.drop_column("session_epoch")
    op.drop_table("session_ends")

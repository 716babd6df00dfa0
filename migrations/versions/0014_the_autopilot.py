"""the autopilot: what an organiser asked of it, and its last move

Revision: 0014, after 0009. No sale has one until its organiser switches it on.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
MYSQL = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_unicode_ci"}


def upgrade() -> None:
    op.create_table(
        "autopilots",
        sa.Column("event_id", ID, autoincrement=False, nullable=False),
        sa.Column("engaged", sa.Boolean(), nullable=False),
        sa.Column("low", sa.Integer(), nullable=False),
        sa.Column("high", sa.Integer(), nullable=False),
        sa.Column("target_p95_ms", sa.Integer(), nullable=False),
        sa.Column("target_error_basis_points", sa.Integer(), nullable=False),
        sa.Column("switched_on_by", ID, nullable=False),
        sa.Column("why", sa.String(300), nullable=False),
        sa.Column("moved_at", MOMENT, nullable=True),
        sa.Column("cut_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_autopilots")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_autopilots_event_id")),
        sa.ForeignKeyConstraint(["switched_on_by"], ["users.id"], name=op.f("fk_autopilots_switched_on_by")),
        **MYSQL,
    )


def downgrade() -> None:
    """Rates stay where they are; nobody moves them by itself any more."""
    op.drop_table("autopilots")

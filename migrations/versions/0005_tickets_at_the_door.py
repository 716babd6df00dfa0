"""tickets at the door: the first use of each

Revision: 0005, after 0004. Tickets from before have not been used.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
MYSQL = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_unicode_ci"}


def upgrade() -> None:
    op.create_table(
        "ticket_uses",
        sa.Column("ticket_id", ID, autoincrement=False, nullable=False),
        sa.Column("used_at", MOMENT, nullable=False),
        sa.Column("checked_by", ID, nullable=True),
        sa.Column("door", sa.String(80), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_ticket_uses")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_uses_ticket_id")),
        sa.ForeignKeyConstraint(["checked_by"], ["users.id"], name=op.f("fk_ticket_uses_checked_by")),
        **MYSQL,
    )


def downgrade() -> None:
    """Which tickets were used is lost."""
    op.drop_table("ticket_uses")

"""events that can be edited: a time zone, an end of the sale, units taken out of it, a number of the edits

Revision: 0011, after 0008. Events from before are told in UTC, without an end of the sale, with all units.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.add_column("events", sa.Column("sale_ends_at", MOMENT, nullable=True))
    op.add_column("events", sa.Column("timezone", sa.String(64), nullable=False, server_default="UTC"))
    op.add_column("events", sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("ticket_types", sa.Column("gaps", sa.Text(), nullable=True))
    op.add_column("rooms", sa.Column("closed_for", MOMENT, nullable=True))


def downgrade() -> None:
    """Ends of sales are lost, and which units were taken out below others: they count as leaked then."""
    op.drop_column("rooms", "closed_for")
    op.drop_column("ticket_types", "gaps")
    op.drop_column("events", "revision")
    op.drop_column("events", "timezone")
    op.drop_column("events", "sale_ends_at")

"""the hold of a booking

Revision: 0002, after 0001. Bookings from before have none.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

EXACT = sa.String(64).with_variant(mysql.VARCHAR(64, collation="utf8mb4_bin"), "mysql", "mariadb")


def upgrade() -> None:
    op.add_column("bookings", sa.Column("hold_id", EXACT, nullable=True))


def downgrade() -> None:
    op.drop_column("bookings", "hold_id")

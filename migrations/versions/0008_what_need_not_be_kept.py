"""what need not be kept: links that ended long ago are found by their end, looks at accounts name no address

Revision: 0008, after 0007. Which address an admin had looked for is gone; which accounts were found stays.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_mail_links_expires_at", "mail_links", ["expires_at"])
    audit = sa.table("audit", sa.column("id"), sa.column("action"), sa.column("after"))
    looks = sa.select(audit.c.id, audit.c.after).where(audit.c.action == "account.look")
    connection = op.get_bind()
    for row_id, after in connection.execute(looks).all():
        accounts = json.dumps({"accounts": json.loads(after)["accounts"]})
        connection.execute(sa.update(audit).where(audit.c.id == row_id).values(after=accounts))


def downgrade() -> None:
    op.drop_index("ix_mail_links_expires_at", "mail_links")

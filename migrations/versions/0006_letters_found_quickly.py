"""letters found quickly: by state for the delivery desk, by the time they were sent for what passes

Revision: 0006, after 0005. The postmen's own index (state, due_at) is there already: both engines add the id.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_outbox_state", "outbox", ["state", "id"])
    op.create_index("ix_outbox_sent", "outbox", ["sent_at"])


def downgrade() -> None:
    op.drop_index("ix_outbox_sent", "outbox")
    op.drop_index("ix_outbox_state", "outbox")

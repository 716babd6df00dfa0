"""letters found quickly at the delivery desk: by state, address, booking, and the time they were sent

Revision: 0006, after 0005. The postmen's own index (state, due_at) is there already: both engines add the id.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_outbox_state", "outbox", ["state", "id"])
    op.create_index("ix_outbox_recipient", "outbox", ["recipient"])
    op.create_index("ix_outbox_booking", "outbox", ["booking_id"])
    op.create_index("ix_outbox_sent_event", "outbox", ["sent_at", "event_id"])


def downgrade() -> None:
    op.drop_index("ix_outbox_sent_event", "outbox")
    # MariaDB let go of the one that it had made for the foreign key by itself, and wants one for it.
    if op.get_bind().dialect.name != "sqlite":
        op.create_index("fk_outbox_booking_id", "outbox", ["booking_id"])
    op.drop_index("ix_outbox_booking", "outbox")
    op.drop_index("ix_outbox_recipient", "outbox")
    op.drop_index("ix_outbox_state", "outbox")

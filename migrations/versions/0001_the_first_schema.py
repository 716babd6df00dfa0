"""the first schema

Revision: 0001, the first one.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Types are spelt out here rather than imported: a migration stays what it was when the code moves on.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
MYSQL = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_unicode_ci"}


def exact(length: int) -> sa.String:
    """Text compared letter by letter, case included."""
    return sa.String(length).with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "simulated_charges",
        sa.Column("charge_key", exact(64), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("charge_key", name=op.f("pk_simulated_charges")),
        **MYSQL,
    )
    op.create_table(
        "stripe_intents",
        sa.Column("charge_key", exact(64), nullable=False),
        sa.Column("intent_id", exact(80), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("charge_key", name=op.f("pk_stripe_intents")),
        **MYSQL,
    )
    op.create_index(op.f("ix_stripe_intents_intent_id"), "stripe_intents", ["intent_id"])
    op.create_table(
        "gateway_notices",
        sa.Column("id", exact(80), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_notices")),
        **MYSQL,
    )
    op.create_table(
        "users",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("email", exact(254), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
        **MYSQL,
    )
    op.create_table(
        "events",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("slug", sa.String(length=140), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("venue", sa.String(length=200), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("sale_starts_at", MOMENT, nullable=False),
        sa.Column("lobby_opens_at", MOMENT, nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("per_user_limit", sa.Integer(), nullable=False),
        sa.Column("fee_basis_points", sa.Integer(), server_default="0", nullable=False),
        sa.Column("published", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("queue_needs_account", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("organiser_id", ID, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("per_user_limit > 0", name=op.f("ck_events_per_user_limit")),
        sa.CheckConstraint("fee_basis_points BETWEEN 0 AND 10000", name=op.f("ck_events_fee_basis_points")),
        sa.ForeignKeyConstraint(["organiser_id"], ["users.id"], name=op.f("fk_events_organiser_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("slug", name=op.f("uq_events_slug")),
        **MYSQL,
    )
    op.create_table(
        "audit",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor_id", ID, nullable=False),
        sa.Column("event_id", ID, nullable=True),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_audit_actor_id")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_audit_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        **MYSQL,
    )
    op.create_index("ix_audit_event", "audit", ["event_id", "at"])

    op.create_table(
        "rooms",
        sa.Column("event_id", ID, autoincrement=False, nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("rate_per_minute", sa.Integer(), nullable=False),
        sa.Column("max_active", sa.Integer(), nullable=False),
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.Column("manual", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("frontier", sa.BigInteger(), nullable=False),
        sa.Column("seed", exact(64), nullable=False),
        sa.Column("account_key", exact(64), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_rooms_event_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_rooms")),
        **MYSQL,
    )
    op.create_table(
        "ticket_types",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("seated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("capacity >= 0", name=op.f("ck_ticket_types_capacity")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_ticket_types_price")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_ticket_types_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_types")),
        sa.UniqueConstraint("event_id", "position", name=op.f("uq_ticket_types_event_id_position")),
        **MYSQL,
    )
    op.create_table(
        "bookings",
        sa.Column("id", exact(32), nullable=False),
        sa.Column("code", exact(32), nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("ticket_type_id", ID, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("request_hash", exact(32), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("decided_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_bookings_event_id")),
        sa.ForeignKeyConstraint(
            ["ticket_type_id"], ["ticket_types.id"], name=op.f("fk_bookings_ticket_type_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_bookings_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bookings")),
        sa.UniqueConstraint("code", name=op.f("uq_bookings_code")),
        **MYSQL,
    )
    op.create_index("ix_bookings_event_status", "bookings", ["event_id", "status"])
    op.create_index("ix_bookings_user", "bookings", ["user_id", "created_at"])

    op.create_table(
        "units",
        sa.Column("ticket_type_id", ID, autoincrement=False, nullable=False),
        sa.Column("unit", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("section", sa.String(length=40), nullable=True),
        sa.Column("row", sa.String(length=20), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["ticket_type_id"], ["ticket_types.id"], name=op.f("fk_units_ticket_type_id")
        ),
        sa.PrimaryKeyConstraint("ticket_type_id", "unit", name=op.f("pk_units")),
        **MYSQL,
    )
    op.create_table(
        "outbox",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("booking_id", exact(32), nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("message_id", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("lease", exact(32), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_outbox_booking_id")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_outbox_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("kind", "booking_id", name=op.f("uq_outbox_kind_booking_id")),
        sa.UniqueConstraint("message_id", name=op.f("uq_outbox_message_id")),
        **MYSQL,
    )
    op.create_index("ix_outbox_due", "outbox", ["state", "due_at"])
    op.create_index("ix_outbox_event", "outbox", ["event_id", "state"])

    op.create_table(
        "payments",
        sa.Column("booking_id", exact(32), nullable=False),
        sa.Column("method", sa.String(length=40), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=True),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_payments_booking_id")),
        sa.PrimaryKeyConstraint("booking_id", name=op.f("pk_payments")),
        **MYSQL,
    )
    op.create_index("ix_payments_status", "payments", ["status", "updated_at"])

    op.create_table(
        "tickets",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("code", exact(32), nullable=False),
        sa.Column("booking_id", exact(32), nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("ticket_type_id", ID, nullable=False),
        sa.Column("unit", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_tickets_booking_id")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_tickets_event_id")),
        sa.ForeignKeyConstraint(
            ["ticket_type_id", "unit"],
            ["units.ticket_type_id", "units.unit"],
            name=op.f("fk_tickets_ticket_type_id_unit"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_tickets_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sa.UniqueConstraint("code", name=op.f("uq_tickets_code")),
        sa.UniqueConstraint("event_id", "user_id", "slot", name=op.f("uq_tickets_event_id_user_id_slot")),
        sa.UniqueConstraint("ticket_type_id", "unit", name=op.f("uq_tickets_ticket_type_id_unit")),
        **MYSQL,
    )
    op.create_index("ix_tickets_booking_id", "tickets", ["booking_id"])


def downgrade() -> None:
    for table in (
        "tickets",
        "payments",
        "outbox",
        "units",
        "bookings",
        "ticket_types",
        "rooms",
        "audit",
        "events",
        "users",
        "simulated_charges",
        "stripe_intents",
        "gateway_notices",
    ):
        op.drop_table(table)

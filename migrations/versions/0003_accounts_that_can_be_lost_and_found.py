"""accounts that can be lost and found: proven addresses, links by mail, tokens, letters about accounts

Revision: 0003, after 0002. An account from before had its address to itself, so the address counts as proven.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
MYSQL = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_unicode_ci"}


def exact(length: int) -> sa.String:
    """Text compared letter by letter, case included."""
    return sa.String(length).with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")


def upgrade() -> None:
    with op.batch_alter_table("users") as users:
        users.add_column(sa.Column("verified_email", exact(254), nullable=True))
        users.add_column(sa.Column("theme", sa.String(8), nullable=False, server_default="system"))
        users.add_column(sa.Column("session_epoch", sa.Integer(), nullable=False, server_default="0"))
        users.add_column(sa.Column("closed_at", MOMENT, nullable=True))
        users.drop_constraint("uq_users_email", type_="unique")
        users.create_unique_constraint("uq_users_verified_email", ["verified_email"])
        users.create_index("ix_users_email", ["email"])
    op.execute("UPDATE users SET verified_email = email")
    op.create_table(
        "api_tokens",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("token_hash", exact(64), nullable=False),
        sa.Column("abilities", sa.String(120), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_tokens_user_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_tokens_token_hash")),
        **MYSQL,
    )
    op.create_index("ix_api_tokens_user_id", "api_tokens", ["user_id"])
    op.create_table(
        "mail_links",
        sa.Column("id", exact(32), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("email", exact(254), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_links")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_mail_links_user_id")),
        **MYSQL,
    )
    op.create_index("ix_mail_links_user_id", "mail_links", ["user_id"])
    with op.batch_alter_table("outbox") as outbox:
        outbox.alter_column("booking_id", existing_type=exact(32), nullable=True)
        outbox.alter_column("event_id", existing_type=ID, nullable=True)
        outbox.add_column(sa.Column("user_id", ID, nullable=True))
        outbox.add_column(sa.Column("link_id", exact(32), nullable=True))
        outbox.create_foreign_key("fk_outbox_user_id", "users", ["user_id"], ["id"])
        outbox.create_foreign_key("fk_outbox_link_id", "mail_links", ["link_id"], ["id"])


def downgrade() -> None:
    """Letters about accounts, links and tokens are lost; of accounts with one address, only the one that has
    proven it (or else the first) can still be signed in to."""
    op.execute("DELETE FROM outbox WHERE booking_id IS NULL")
    with op.batch_alter_table("outbox") as outbox:
        outbox.drop_constraint("fk_outbox_link_id", type_="foreignkey")
        outbox.drop_constraint("fk_outbox_user_id", type_="foreignkey")
        outbox.drop_column("link_id")
        outbox.drop_column("user_id")
        outbox.alter_column("event_id", existing_type=ID, nullable=False)
        outbox.alter_column("booking_id", existing_type=exact(32), nullable=False)
    op.drop_table("mail_links")
    op.drop_table("api_tokens")
    connection = op.get_bind()
    users = sa.table(
        "users", sa.column("id"), sa.column("email"), sa.column("verified_email"), sa.column("closed_at")
    )
    seen = set()
    in_order = sa.select(users.c.id, users.c.email).order_by(users.c.verified_email.is_(None), users.c.id)
    for user_id, email in connection.execute(in_order).all():
        if email in seen:
            other = sa.update(users).where(users.c.id == user_id).values(email=f"second-{user_id}@invalid")
            connection.execute(other)
        seen.add(email)
    with op.batch_alter_table("users") as altered:
        altered.drop_index("ix_users_email")
        altered.drop_constraint("uq_users_verified_email", type_="unique")
        altered.create_unique_constraint("uq_users_email", ["email"])
        for column in ("closed_at", "session_epoch", "theme", "verified_email"):
            altered.drop_column(column)

"""The tables. Migrations make them; a test proves that the two agree."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from ticketflow.store import columns, desk_tables
from ticketflow.store.columns import MYSQL as _MYSQL
from ticketflow.store.columns import Id as _Id
from ticketflow.store.columns import Moment
from ticketflow.store.columns import exact as _exact

metadata = columns.metadata
minutes, autopilots = desk_tables.minutes, desk_tables.autopilots
admissions, admission_heads = desk_tables.admissions, desk_tables.admission_heads

users = Table(
    "users",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("name", String(120), nullable=False),
    # Several accounts may claim an address; one at most has proven it, by a link in a mail, and then
    # `verified_email` is the same. So making an account need not tell whether there is one already.
    Column("email", _exact(254), nullable=False, index=True),
    Column("password_hash", String(255), nullable=False),
    Column("role", String(16), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("verified_email", _exact(254), unique=True),
    Column("theme", String(8), nullable=False, server_default="system"),
    # A session carries the number under which it began, and ends when this one grows.
    Column("session_epoch", Integer, nullable=False, server_default="0"),
    Column("closed_at", Moment),
    **_MYSQL,
)

# What lets a program act for an account. Only the SHA-256 of a token is kept: it is random enough not to be
# guessed from that, and a copy of this table opens nothing.
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("user_id", _Id, ForeignKey("users.id"), nullable=False, index=True),
    Column("name", String(120), nullable=False),
    Column("token_hash", _exact(64), nullable=False, unique=True),
    Column("abilities", String(120), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("last_used_at", Moment),
    # As a session, it ends when the account's number grows.
    Column("session_epoch", Integer, nullable=False, server_default="0"),
    **_MYSQL,
)

# Sessions and tokens that are over, while somebody could still show one: by its name, or all of an account
# that began under a number below `epoch`.
session_ends = Table(
    "session_ends",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("user_id", _Id, ForeignKey("users.id"), nullable=False, index=True),
    Column("session", _exact(80)),
    Column("epoch", Integer),
    Column("ended_at", Moment, nullable=False, index=True),
    **_MYSQL,
)

# What a link in a mail stands for. The link itself is the id with a signature, written when the mail is: a
# copy of this table opens nothing. `user_id` is empty where only the postman looks up whose address it is.
mail_links = Table(
    "mail_links",
    metadata,
    Column("id", _exact(32), primary_key=True),
    Column("purpose", String(16), nullable=False),
    Column("user_id", _Id, ForeignKey("users.id"), index=True),
    Column("email", _exact(254), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
    Column("used_at", Moment),
    **_MYSQL,
)

events = Table(
    "events",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("slug", String(140), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("venue", String(200), nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("sale_starts_at", Moment, nullable=False),
    Column("lobby_opens_at", Moment),
    Column("cancel_until", Moment),
    Column("currency", String(3), nullable=False),
    Column("per_user_limit", Integer, nullable=False),
    Column("fee_basis_points", Integer, nullable=False, server_default="0"),
    Column("published", Boolean, nullable=False, server_default=false()),
    Column("queue_needs_account", Boolean, nullable=False, server_default=false()),
    Column("organiser_id", _Id, ForeignKey("users.id"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("sale_ends_at", Moment),
    Column("timezone", String(64), nullable=False, server_default="UTC"),
    Column("revision", Integer, nullable=False, server_default="0"),
    CheckConstraint("per_user_limit > 0", name="per_user_limit"),
    CheckConstraint("fee_basis_points BETWEEN 0 AND 10000", name="fee_basis_points"),
    **_MYSQL,
)

# One row an event that its organiser has called off. It never goes: from then on nobody joins, holds or
# books, and workers cancel what was booked until `finished_at`.
called_off = Table(
    "called_off",
    metadata,
    Column("event_id", _Id, ForeignKey("events.id"), primary_key=True, autoincrement=False),
    Column("called_by", _Id, ForeignKey("users.id"), nullable=False),
    Column("reason", String(400), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment),
    **_MYSQL,
)

ticket_types = Table(
    "ticket_types",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("event_id", _Id, ForeignKey("events.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", String(120), nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("seated", Boolean, nullable=False),
    Column("gaps", Text),  # JSON: the runs of unit numbers, [first, last], that were taken out of the sale
    UniqueConstraint("event_id", "position"),
    CheckConstraint("price >= 0", name="price"),
    CheckConstraint("capacity >= 0", name="capacity"),
    **_MYSQL,
)

# A row a unit: a ticket's foreign key to it makes overselling impossible, whatever Redis says.
units = Table(
    "units",
    metadata,
    Column("ticket_type_id", _Id, ForeignKey("ticket_types.id"), primary_key=True, autoincrement=False),
    Column("unit", Integer, primary_key=True, autoincrement=False),
    Column("section", String(40)),
    Column("row", String(20)),
    Column("number", Integer),
    **_MYSQL,
)

bookings = Table(
    "bookings",
    metadata,
    Column("id", _exact(32), primary_key=True),
    Column("code", _exact(32), nullable=False, unique=True),
    Column("event_id", _Id, ForeignKey("events.id"), nullable=False),
    Column("user_id", _Id, ForeignKey("users.id"), nullable=False),
    Column("ticket_type_id", _Id, ForeignKey("ticket_types.id"), nullable=False),
    Column("quantity", Integer, nullable=False),
    # What was paid in all; `fee` is the part of it that is booking fee.
    Column("amount", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", String(40)),
    Column("request_hash", _exact(32), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("decided_at", Moment, nullable=False),
    # What became this booking: who asks for the hold again is led here.
    Column("hold_id", _exact(64)),
    Index("ix_bookings_user", "user_id", "created_at"),
    # The desk counts them once a second, by this index alone.
    Index("ix_bookings_event_takings", "event_id", "status", "reason", "user_id", "amount"),
    Index("ix_bookings_event_decided", "event_id", "decided_at"),
    **_MYSQL,
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("code", _exact(32), nullable=False, unique=True),
    Column("booking_id", _exact(32), ForeignKey("bookings.id"), nullable=False, index=True),
    Column("event_id", _Id, ForeignKey("events.id"), nullable=False),
    Column("user_id", _Id, ForeignKey("users.id"), nullable=False),
    Column("slot", Integer, nullable=False),
    Column("ticket_type_id", _Id, nullable=False),
    Column("unit", Integer, nullable=False),
    ForeignKeyConstraint(["ticket_type_id", "unit"], ["units.ticket_type_id", "units.unit"]),
    # No unit twice, and nobody above the limit: a user's tickets each take a slot below it.
    UniqueConstraint("ticket_type_id", "unit"),
    UniqueConstraint("event_id", "user_id", "slot"),
    # The list of attendees goes on from where its last page ended.
    Index("ix_tickets_event", "event_id", "id"),
    **_MYSQL,
)

# One row a ticket that was shown at a door: the first to write it lets somebody in, whoever else asks at the
# same moment. While it is there, its ticket cannot go, so a used ticket is not paid back.
ticket_uses = Table(
    "ticket_uses",
    metadata,
    Column("ticket_id", _Id, ForeignKey("tickets.id"), primary_key=True, autoincrement=False),
    Column("used_at", Moment, nullable=False),
    # Nobody, if it was checked by the command.
    Column("checked_by", _Id, ForeignKey("users.id")),
    Column("door", String(80), nullable=False, server_default=""),
    **_MYSQL,
)

payments = Table(
    "payments",
    metadata,
    Column("booking_id", _exact(32), ForeignKey("bookings.id"), primary_key=True),
    Column("method", String(40), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("status", String(16), nullable=False),
    Column("reference", String(80)),
    Column("updated_at", Moment, nullable=False),
    # How often the gateway failed to end it, what it said last, and when it is asked again; no time while
    # whoever wrote it has it in hand.
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    Column("due_at", Moment),
    Index("ix_payments_status", "status", "updated_at"),
    **_MYSQL,
)

# One row a cancelled booking. Its tickets are gone, so that their units can be sold again; the units are
# named here (JSON) until Redis has them back, and `load` asks here which bookings it must not count.
cancellations = Table(
    "cancellations",
    metadata,
    Column("booking_id", _exact(32), ForeignKey("bookings.id"), primary_key=True),
    Column("event_id", _Id, ForeignKey("events.id"), nullable=False),
    Column("cancelled_by", _Id, ForeignKey("users.id"), nullable=False),
    Column("units", Text, nullable=False),
    Column("cancelled_at", Moment, nullable=False),
    Column("units_back_at", Moment),
    Index("ix_cancellations_event", "event_id"),
    Index("ix_cancellations_units_back", "units_back_at", "cancelled_at"),
    **_MYSQL,
)

# What the simulated gateway remembers, as a real one would on its own machines. Nothing of ours
# refers to it: only `payments.simulated` reads and writes it.
simulated_charges = Table(
    "simulated_charges",
    metadata,
    Column("charge_key", _exact(64), primary_key=True),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", Moment, nullable=False),
    **_MYSQL,
)

# Charges that the auditor found at the gateway without a booking, and lets go of. A booking that turns up
# under such a key after all (its order was lost, its booker sent it again) must not rely on that charge.
orphans = Table(
    "orphans",
    metadata,
    Column("charge_key", _exact(64), primary_key=True),
    Column("found_at", Moment, nullable=False),
    **_MYSQL,
)

# Which Stripe intent stands for which booking: written before money is asked for, so that whoever must let
# go of it finds it. Only `payments.stripe_gateway` reads and writes it.
stripe_intents = Table(
    "stripe_intents",
    metadata,
    Column("charge_key", _exact(64), primary_key=True),
    Column("intent_id", _exact(80), nullable=False, index=True),
    Column("created_at", Moment, nullable=False),
    **_MYSQL,
)

# What the gateway has told us by itself. It sends a notice again until it knows that we have it.
gateway_notices = Table(
    "gateway_notices",
    metadata,
    Column("id", _exact(80), primary_key=True),
    Column("received_at", Moment, nullable=False),
    **_MYSQL,
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("kind", String(40), nullable=False),
    # A letter tells of a booking, or of an account (`user_id`, `link_id`).
    Column("booking_id", _exact(32), ForeignKey("bookings.id")),
    Column("event_id", _Id, ForeignKey("events.id")),
    Column("recipient", String(254), nullable=False),
    Column("message_id", String(120), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", Moment, nullable=False),
    Column("lease", _exact(32)),
    Column("last_error", Text),
    Column("created_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("user_id", _Id, ForeignKey("users.id")),
    Column("link_id", _exact(32), ForeignKey("mail_links.id")),
    # One confirmation a booking, however often its commit is tried.
    UniqueConstraint("kind", "booking_id"),
    Index("ix_outbox_due", "state", "due_at"),
    Index("ix_outbox_state", "state", "id"),
    Index("ix_outbox_event", "event_id", "state"),
    # The delivery desk: whose letter, of which booking, and how many were sent when.
    Index("ix_outbox_recipient", "recipient"),
    Index("ix_outbox_booking", "booking_id"),
    Index("ix_outbox_sent_event", "sent_at", "event_id"),
    **_MYSQL,
)

# Who wants to be told when a sale opens. `told_for` is the time that their last letter was about: a sale that
# was moved is told of again.
reminders = Table(
    "reminders",
    metadata,
    Column("event_id", _Id, ForeignKey("events.id"), primary_key=True, autoincrement=False),
    Column("user_id", _Id, ForeignKey("users.id"), primary_key=True, autoincrement=False, index=True),
    Column("asked_at", Moment, nullable=False),
    Column("written_at", Moment),
    Column("told_for", Moment),
    Index("ix_reminders_owed", "event_id", "told_for"),
    **_MYSQL,
)

# What a room needs to come back after Redis is lost, and what a new one starts with.
rooms = Table(
    "rooms",
    metadata,
    Column("event_id", _Id, ForeignKey("events.id"), primary_key=True, autoincrement=False),
    Column("mode", String(16), nullable=False),
    Column("rate_per_minute", Integer, nullable=False),
    Column("max_active", Integer, nullable=False),
    Column("message", String(500), nullable=False),
    # Set by hand: the schedule no longer opens the doors by itself.
    Column("manual", Boolean, nullable=False, server_default=false()),
    Column("epoch", Integer, nullable=False),
    Column("frontier", BigInteger, nullable=False),
    # The draw's secret, in hex: public once the sale has started.
    Column("seed", _exact(64), nullable=False),
    Column("account_key", _exact(64), nullable=False),
    Column("updated_at", Moment, nullable=False),
    # What the room had counted, as JSON: a new one goes on from there.
    Column("tally", Text),
    # Grows with every change of the levers: who changes them says which one they have seen.
    Column("revision", Integer, nullable=False, server_default="0"),
    Column("closed_for", Moment),  # the end of the sale that it was closed for
    **_MYSQL,
)

audit = Table(
    "audit",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("actor_id", _Id, ForeignKey("users.id"), nullable=False),
    Column("event_id", _Id, ForeignKey("events.id")),
    Column("action", String(60), nullable=False),
    Column("before", Text),
    Column("after", Text),
    Index("ix_audit_event", "event_id", "at"),
    **_MYSQL,
)

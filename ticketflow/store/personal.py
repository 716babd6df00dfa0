"""All that is kept of a person, table by table: each query names the account in its WHERE.

What only an address ties to an account is shown if the account has proven that address: anybody may claim
one, and would read here what was sent to another.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from databases import Database
from sqlalchemy import ColumnElement, Select, select

from ticketflow.domain import iso
from ticketflow.store.mail_links import Purpose
from ticketflow.store.tables import (
    api_tokens,
    audit,
    bookings,
    cancellations,
    events,
    mail_links,
    outbox,
    payments,
    reminders,
    ticket_types,
    tickets,
    users,
)

_ACCOUNT = ("id", "name", "email", "verified_email", "role", "theme", "created_at")
_BOOKING = ("id", "code", "quantity", "amount", "fee", "currency", "status", "reason", "created_at")
_PAYMENT = ("booking_id", "method", "amount", "currency", "status", "reference", "updated_at")
_LETTER = ("id", "kind", "booking_id", "recipient", "state", "attempts", "created_at", "sent_at")
_TOKEN = ("id", "name", "abilities", "created_at", "expires_at", "last_used_at")
_LINK = ("purpose", "email", "created_at", "expires_at", "used_at")
_REMINDER = ("event_id", "asked_at", "written_at")
_ENTRY = ("at", "event_id", "action", "before", "after")


async def account(database: Database, user_id: int) -> dict[str, Any]:
    return (await _rows(database, select(*_of(users, _ACCOUNT)).where(users.c.id == user_id)))[0]


async def bookings_of(database: Database, user_id: int) -> list[dict[str, Any]]:
    """Each booking with its event, tickets and payment; those that were refused and cancelled, too."""
    mine = bookings.c.user_id == user_id
    names = (events.c.name.label("event"), events.c.starts_at, ticket_types.c.name.label("ticket_type"))
    found = await _rows(
        database,
        select(*_of(bookings, _BOOKING), *names, cancellations.c.cancelled_at)
        .join_from(bookings, events, events.c.id == bookings.c.event_id)
        .join(ticket_types, ticket_types.c.id == bookings.c.ticket_type_id)
        .outerjoin(cancellations, cancellations.c.booking_id == bookings.c.id)
        .where(mine)
        .order_by(bookings.c.created_at, bookings.c.id),
    )
    paid = await _rows(
        database,
        select(*_of(payments, _PAYMENT))
        .join_from(payments, bookings, bookings.c.id == payments.c.booking_id)
        .where(mine),
    )
    had = await _rows(
        database,
        select(tickets.c.booking_id, tickets.c.code, tickets.c.unit)
        .where(tickets.c.user_id == user_id)
        .order_by(tickets.c.id),
    )
    payment_of = {row.pop("booking_id"): row for row in paid}
    written: dict[str, list[dict[str, Any]]] = {row["id"]: [] for row in found}
    for row in had:
        written[row.pop("booking_id")].append(row)
    return [{**row, "tickets": written[row["id"]], "payment": payment_of.get(row["id"])} for row in found]


async def letters_of(database: Database, user_id: int) -> list[dict[str, Any]]:
    """The letters about the account and its bookings."""
    about = outbox.c.booking_id.in_(select(bookings.c.id).where(bookings.c.user_id == user_id))
    through = outbox.c.link_id.in_(select(mail_links.c.id).where(_link_of(user_id)))
    mine = about | through | (outbox.c.user_id == user_id)
    return await _rows(database, select(*_of(outbox, _LETTER)).where(mine).order_by(outbox.c.id))


async def links_of(database: Database, user_id: int) -> list[dict[str, Any]]:
    links = select(*_of(mail_links, _LINK)).where(_link_of(user_id))
    return await _rows(database, links.order_by(mail_links.c.created_at))


def _link_of(user_id: int) -> ColumnElement[bool]:
    """Who asks for a new password names an address; the account is only what the postman has found for it."""
    proven = select(users.c.verified_email).where(users.c.id == user_id).scalar_subquery()
    own = (mail_links.c.purpose != Purpose.RESET.value) | (mail_links.c.email == proven)
    return (mail_links.c.user_id == user_id) & own


async def tokens_of(database: Database, user_id: int) -> list[dict[str, Any]]:
    mine = api_tokens.c.user_id == user_id
    return await _rows(database, select(*_of(api_tokens, _TOKEN)).where(mine).order_by(api_tokens.c.id))


async def reminders_of(database: Database, user_id: int) -> list[dict[str, Any]]:
    """The sales that the account asked to be told of."""
    mine = reminders.c.user_id == user_id
    return await _rows(
        database, select(*_of(reminders, _REMINDER)).where(mine).order_by(reminders.c.event_id)
    )


async def audit_of(database: Database, user_id: int) -> list[dict[str, Any]]:
    """What the account did that is kept in the audit log."""
    found = await _rows(
        database, select(*_of(audit, _ENTRY)).where(audit.c.actor_id == user_id).order_by(audit.c.id)
    )
    return [
        {**row, **{side: row[side] and json.loads(row[side]) for side in ("before", "after")}}
        for row in found
    ]


def _of(table: Any, names: Sequence[str]) -> list[Any]:
    return [table.c[name] for name in names]


async def _rows(database: Database, query: Select[Any]) -> list[dict[str, Any]]:
    rows = await database.fetch_all(query)
    names = [column.name for column in query.selected_columns]
    return [{name: _plain(row[name]) for name in names} for row in rows]


def _plain(value: Any) -> Any:
    return iso(value) if isinstance(value, datetime) else value

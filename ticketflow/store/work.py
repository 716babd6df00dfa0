"""Work that runs behind the sales, as the database has it: orders that were decided, payments still open.

Which events is asked twice: by their numbers an index finds the rows, and by whose they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from databases import Database
from sqlalchemy import ColumnElement, String, cast, func, select, update

from ticketflow.domain import PaymentStatus, Refusal, User, iso, now
from ticketflow.store import audit
from ticketflow.store.open_money import OPEN, is_open
from ticketflow.store.ownership import of_events_seen_to_by
from ticketflow.store.tables import bookings, payments

MINUTES = 15
"""How far back throughput is told, the minute at hand being the last."""
MOST_LISTED = 50
ENDED = (PaymentStatus.CAPTURED, PaymentStatus.VOIDED, PaymentStatus.REFUNDED)


@dataclass(frozen=True)
class Desk:
    """Whose work: of these events, as far as the actor sees to them."""

    actor: User
    event_ids: tuple[int, ...]

    @property
    def where(self) -> ColumnElement[bool]:
        theirs = of_events_seen_to_by(self.actor, bookings.c.event_id)
        return bookings.c.event_id.in_(self.event_ids) & theirs


async def decided(database: Database, desk: Desk, at: datetime) -> dict[str, Any]:
    """How many orders were decided in the last minute, and in each of the last."""
    return await _flow(database, bookings.c.decided_at, desk.where, at)


async def settled(database: Database, desk: Desk, at: datetime) -> dict[str, Any]:
    """The same for payments that the gateway has ended: captured, let go, or paid back."""
    ended = payments.c.status.in_([status.value for status in ENDED])
    return await _flow(database, payments.c.updated_at, ended & desk.where, at)


async def _flow(database: Database, moment: Any, those: ColumnElement[bool], at: datetime) -> dict[str, Any]:
    first = at.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    # Both engines write a time as "2026-09-01 18:30:00.000000" when it is to be text.
    minute = func.substr(cast(moment, String(26)), 1, 16).label("minute")
    source = bookings.join(payments, payments.c.booking_id == bookings.c.id)
    rows = await database.fetch_all(
        select(minute, func.count().label("done"))
        .select_from(source)
        .where(those & (moment >= first))
        .group_by(minute)
    )
    last = select(func.count()).select_from(source).where(those & (moment > at - timedelta(minutes=1)))
    by_minute: Mapping[str, int] = {row["minute"]: int(row["done"]) for row in rows}
    moments = [first + timedelta(minutes=number) for number in range(MINUTES)]
    return {
        "done_last_minute": int(await database.fetch_val(last)),
        "minutes": [{"at": iso(m), "done": by_minute.get(f"{m:%Y-%m-%d %H:%M}", 0)} for m in moments],
    }


async def open_payments(database: Database, desk: Desk, at: datetime) -> dict[str, Any]:
    """How many payments are to be captured, let go or paid back, how old the oldest is, and which."""
    joined = payments.join(bookings, bookings.c.id == payments.c.booking_id)
    those = is_open() & desk.where
    rows = await database.fetch_all(
        select(
            payments.c.status,
            func.count().label("number"),
            func.min(payments.c.updated_at).label("oldest"),
            func.sum(payments.c.attempts > 0).label("failed"),
        )
        .select_from(joined)
        .where(those)
        .group_by(payments.c.status)
    )
    found = {row["status"]: row for row in rows}
    oldest = min((row["oldest"] for row in rows), default=None)
    listed = (
        select(payments, bookings.c.code, bookings.c.event_id)
        .select_from(joined)
        .where(those)
        .order_by(payments.c.attempts.desc(), payments.c.updated_at)
        .limit(MOST_LISTED)
    )
    return {
        "waiting": {s.value: int(found[s.value]["number"]) if s.value in found else 0 for s in OPEN},
        "oldest_seconds": oldest and max(0, round((at - oldest).total_seconds())),
        "failed": sum(int(row["failed"]) for row in rows),
        "payments": [_payment(row) for row in await database.fetch_all(listed)],
    }


def _payment(row: Any) -> dict[str, Any]:
    return {
        "booking_id": row["booking_id"],
        "booking_code": row["code"],
        "event_id": row["event_id"],
        "status": row["status"],
        "amount": row["amount"],
        "currency": row["currency"],
        "attempts": row["attempts"],
        "error": row["last_error"],
        "since": iso(row["updated_at"]),
        "due_at": row["due_at"] and iso(row["due_at"]),
    }


async def retry_payment(database: Database, actor: User, booking_id: str) -> None:
    """Have the gateway asked again now. Raises `Refusal` not_found, payment_not_open."""
    theirs = of_events_seen_to_by(actor, bookings.c.event_id)
    row = await database.fetch_one(
        select(payments.c.status, bookings.c.event_id)
        .join_from(payments, bookings, bookings.c.id == payments.c.booking_id)
        .where((payments.c.booking_id == booking_id) & theirs)
    )
    if row is None:
        raise Refusal("not_found", "There is no such payment of yours.")
    if not await _due_now(database, [booking_id]):
        raise Refusal(
            "payment_not_open",
            "The gateway has ended this payment already. Nothing was changed.",
            state=row["status"],
        )
    await audit.record(
        database,
        actor_id=actor.id,
        event_id=row["event_id"],
        action="payment.retry",
        before={"booking_id": booking_id, "status": row["status"]},
    )


async def retry_payments(database: Database, desk: Desk, most: int) -> tuple[int, bool]:
    """The same for payments that have failed before: how many, and whether there are more."""
    query = (
        select(payments.c.booking_id)
        .join_from(payments, bookings, bookings.c.id == payments.c.booking_id)
        .where(is_open() & (payments.c.attempts > 0) & (payments.c.due_at > now()) & desk.where)
        .order_by(payments.c.updated_at)
        .limit(most + 1)
    )
    ids = [row["booking_id"] for row in await database.fetch_all(query)]
    await _due_now(database, ids[:most])
    await audit.record(
        database,
        actor_id=desk.actor.id,
        event_id=desk.event_ids[0] if len(desk.event_ids) == 1 else None,
        action="payment.retry_all",
        after={"payments": len(ids[:most])},
    )
    return len(ids[:most]), len(ids) > most


async def _due_now(database: Database, booking_ids: Sequence[str]) -> bool:
    """Whether one of them was open, and so is due now."""
    these = payments.c.booking_id.in_(booking_ids) & is_open()
    if await database.fetch_val(select(payments.c.booking_id).where(these).limit(1)) is None:
        return False
    await database.execute(update(payments).where(these).values(due_at=now()))
    return True

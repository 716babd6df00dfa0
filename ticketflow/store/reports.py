"""What a sale came to, counted from its bookings and payments. Who asks is in each WHERE."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from databases import Database
from sqlalchemy import ColumnElement, String, cast, func, select

from ticketflow.domain import BookingStatus, PaymentStatus, Refusal, User
from ticketflow.store import audit
from ticketflow.store.ownership import of_event_seen_to_by
from ticketflow.store.tables import bookings, events, payments

CONFIRMED, REFUSED, CANCELLED = BookingStatus.CONFIRMED, BookingStatus.REFUSED, BookingStatus.CANCELLED
HOUR = 13
"""The characters of a time up to its hour, as both databases write it."""
MOST_HOURS = 24 * 400


@dataclass
class Sum:
    """Bookings, their tickets and their money in minor units; `fees` is part of the amount."""

    bookings: int = 0
    tickets: int = 0
    amount: int = 0
    fees: int = 0

    def add(self, other: "Sum") -> None:
        self.bookings += other.bookings
        self.tickets += other.tickets
        self.amount += other.amount
        self.fees += other.fees


@dataclass(frozen=True)
class Hour:
    """What was sold in an hour and has not been cancelled since."""

    at: datetime
    tickets: int
    amount: int


@dataclass
class SalesReport:
    """By ticket type and status, by hour, and what did not come to a booking."""

    by_type: dict[int, dict[BookingStatus, Sum]] = field(default_factory=dict)
    refunds: dict[int, dict[PaymentStatus, int]] = field(default_factory=dict)
    """By ticket type: what is to be paid back, and what has been."""
    hours: Sequence[Hour] = ()
    refusals: Mapping[str, int] = field(default_factory=dict)
    """Why bookings were refused -> how many."""
    buyers: int = 0
    """People with a booking that stands."""

    def by_status(self) -> dict[BookingStatus, Sum]:
        """The same over all types."""
        sums: dict[BookingStatus, Sum] = {status: Sum() for status in (CONFIRMED, REFUSED, CANCELLED)}
        for of_type in self.by_type.values():
            for status, part in of_type.items():
                sums[status].add(part)
        return sums


async def sales_of(database: Database, actor: User, event_id: int) -> SalesReport:
    """What the event has sold so far. Of an event that the actor does not see to that is nothing."""
    these = (bookings.c.event_id == event_id) & of_event_seen_to_by(actor, bookings.c.event_id, event_id)
    report = SalesReport()
    refusals: Counter[str] = Counter()
    for row in await database.fetch_all(_sums(these)):
        status, part = BookingStatus(row["status"]), _sum(row)
        report.by_type.setdefault(row["ticket_type_id"], {}).setdefault(status, Sum()).add(part)
        if status is REFUSED:
            refusals[row["reason"] or ""] += part.bookings
    for row in await database.fetch_all(_refunds(these)):
        of_type = report.refunds.setdefault(row["ticket_type_id"], {})
        of_type[PaymentStatus(row["status"])] = int(row["amount"])
    report.refusals = dict(refusals.most_common())
    stands = these & (bookings.c.status == CONFIRMED.value)
    report.hours = _filled([_hour(row) for row in await database.fetch_all(_hours(stands))])
    people = select(func.count(bookings.c.user_id.distinct())).where(stands)
    report.buyers = int(await database.fetch_val(people))
    return report


async def note_export(database: Database, actor: User, event_id: int, action: str) -> None:
    """Write down that somebody takes away what is known of an event. Raises `Refusal` not_found if they do
    not see to it."""
    theirs = select(events.c.id).where(of_event_seen_to_by(actor, events.c.id, event_id))
    async with database.transaction():
        if await database.fetch_one(theirs) is None:
            raise Refusal("not_found", "There is no such event of yours.")
        await audit.record(database, actor_id=actor.id, event_id=event_id, action=action)


def _sums(these: ColumnElement[bool]) -> Any:
    apart = (bookings.c.ticket_type_id, bookings.c.status, bookings.c.reason)
    return (
        select(
            *apart,
            func.count().label("bookings"),
            func.sum(bookings.c.quantity).label("tickets"),
            func.sum(bookings.c.amount).label("amount"),
            func.sum(bookings.c.fee).label("fees"),
        )
        .where(these)
        .group_by(*apart)
    )


def _refunds(these: ColumnElement[bool]) -> Any:
    back = payments.c.status.in_([PaymentStatus.REFUND_DUE.value, PaymentStatus.REFUNDED.value])
    return (
        select(bookings.c.ticket_type_id, payments.c.status, func.sum(payments.c.amount).label("amount"))
        .join_from(bookings, payments, payments.c.booking_id == bookings.c.id)
        .where(these & back)
        .group_by(bookings.c.ticket_type_id, payments.c.status)
    )


def _hours(stands: ColumnElement[bool]) -> Any:
    hour = func.substr(cast(bookings.c.decided_at, String(26)), 1, HOUR).label("hour")
    sums = (func.sum(bookings.c.quantity).label("tickets"), func.sum(bookings.c.amount).label("amount"))
    return select(hour, *sums).where(stands).group_by(hour).order_by(hour)


def _sum(row: Any) -> Sum:
    return Sum(*(int(row[name]) for name in ("bookings", "tickets", "amount", "fees")))


def _hour(row: Any) -> Hour:
    at = datetime.fromisoformat(f"{row['hour']}:00").replace(tzinfo=UTC)
    return Hour(at, int(row["tickets"]), int(row["amount"]))


def _filled(hours: Sequence[Hour]) -> list[Hour]:
    """With the hours between in which nothing was sold, unless the sale has run for more than a year."""
    if not hours:
        return []
    known, step = {hour.at: hour for hour in hours}, timedelta(hours=1)
    count = (hours[-1].at - hours[0].at) // step + 1
    if count > MOST_HOURS:
        return list(hours)
    ats = (hours[0].at + number * step for number in range(count))
    return [known.get(at, Hour(at, 0, 0)) for at in ats]

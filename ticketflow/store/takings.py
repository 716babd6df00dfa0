"""What an event's bookings have come to: money, people and failures, by one count of an index."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace

from databases import Database
from sqlalchemy import func, select

from ticketflow.domain import BookingStatus, PaymentStatus
from ticketflow.store.mail_counts import WAITING
from ticketflow.store.tables import bookings, outbox, payments

NOT_PAID = ("payment_declined", "payment_unknown")


@dataclass(frozen=True)
class Takings:
    """`revenue` is what was paid for the confirmed bookings, in minor units: with fees, without cancelled
    ones. `people` have a confirmed booking. Of the `refused`, `payment_failures` are those whose payment
    failed."""

    confirmed: int = 0
    revenue: int = 0
    people: int = 0
    refused: int = 0
    payment_failures: int = 0


async def of_events(database: Database, event_ids: Collection[int]) -> defaultdict[int, Takings]:
    """Event id -> its takings now."""
    rows = await database.fetch_all(
        select(
            *(bookings.c.event_id, bookings.c.status, bookings.c.reason),
            func.count().label("number"),
            func.sum(bookings.c.amount).label("amount"),
            func.count(bookings.c.user_id.distinct()).label("people"),
        )
        .where(bookings.c.event_id.in_(event_ids))
        .group_by(bookings.c.event_id, bookings.c.status, bookings.c.reason)
    )
    found: defaultdict[int, Takings] = defaultdict(Takings)
    for row in rows:
        known, number = found[row["event_id"]], int(row["number"])
        if row["status"] == BookingStatus.CONFIRMED.value:
            # Confirmed ones have no reason: this is the only row of them.
            amount, people = int(row["amount"]), int(row["people"])
            found[row["event_id"]] = replace(known, confirmed=number, revenue=amount, people=people)
        elif row["status"] == BookingStatus.REFUSED.value:
            failed = number if row["reason"] in NOT_PAID else 0
            found[row["event_id"]] = replace(
                known, refused=known.refused + number, payment_failures=known.payment_failures + failed
            )
    return found


async def refunds_due(database: Database, event_id: int) -> int:
    """How many payments of an event wait for the gateway to give the money back, or to let go of it."""
    due = payments.c.status.in_([PaymentStatus.REFUND_DUE.value, PaymentStatus.VOID_DUE.value])
    theirs = (bookings.c.id == payments.c.booking_id) & (bookings.c.event_id == event_id)
    found = select(func.count()).select_from(payments.join(bookings, theirs)).where(due)
    return int(await database.fetch_val(found))


async def letters_waiting(database: Database, event_ids: Collection[int]) -> dict[int, int]:
    """Event id -> letters about it that have not been sent yet; without those that have none."""
    waiting = outbox.c.event_id.in_(event_ids) & outbox.c.state.in_(WAITING)
    rows = await database.fetch_all(
        select(outbox.c.event_id, func.count().label("letters")).where(waiting).group_by(outbox.c.event_id)
    )
    return {row["event_id"]: int(row["letters"]) for row in rows}

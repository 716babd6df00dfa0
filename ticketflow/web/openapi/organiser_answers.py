"""What the API answers organisers about their own events: one model an answer, for the document."""

from typing import Annotated, Any

from pydantic import Field

from ticketflow.domain import BookingStatus
from ticketflow.web.openapi.answers import (
    BOOKING_ID,
    EVENT,
    WHEN,
    Answer,
    Count,
    Currency,
    EventView,
    Levers,
    Moment,
    Money,
    example,
)

__all__ = [
    "AuditPage",
    "BookingPage",
    "EventPage",
    "Levers",
    "LineOutlook",
    "MoreTime",
    "OwnEvent",
    "Stats",
]

OWN = {**EVENT, "published": True, "fee_basis_points": 0, "revision": 3}
BOOKED = {
    "id": BOOKING_ID, "code": "K7RWQ2DXN4H9BTZV3MC6PFGJ8LS", "status": "confirmed", "reason": None,
    "ticket_type_id": 7, "quantity": 1, "amount": 250000, "fee": 0, "currency": "INR", "created_at": WHEN,
    "booker": {"id": 12, "name": "Ada", "email": "ada@example.com"},
}  # fmt: skip
ACT = {
    "id": 88, "at": WHEN, "actor": {"id": 5, "name": "Grace"}, "action": "room.steer",
    "before": {"mode": "paused"}, "after": {"mode": "open"},
}  # fmt: skip
SAMPLE = {
    "waiting": 1250, "called": 12, "active": 88, "admitted_per_minute": 594, "target_per_minute": 600,
    "joins": 310, "left": 4, "missed": 2, "held": 60, "paying": 5, "sold": 840, "free": 4100,
    "revenue": 210000000, "payment_failures": 1, "mail_waiting": 3,
}  # fmt: skip
STATS = {
    "step_seconds": 60, "from": WHEN, "to": WHEN, "at": [1788258600],
    "series": {name: [number] for name, number in SAMPLE.items()},
}  # fmt: skip
Steps = list[int | None]


class OwnEvent(EventView):
    """An event as its organiser sees it."""

    model_config = example(**OWN)
    published: Annotated[bool, Field(description="Shown to everybody.")]
    fee_basis_points: Annotated[Count, Field(description="The booking fee, in hundredths of a percent.")]
    revision: Annotated[Count, Field(description="Grows with every edit; send it along with yours.")]


class EventPage(Answer):
    """A page of events."""

    model_config = example(events=[OWN], next=None)
    events: list[OwnEvent]
    next: Annotated[int | None, Field(description="Send it as `after` for the next page; null at the end.")]


class Booker(Answer):
    """Who made a booking."""

    id: int
    name: str
    email: str


class OrganisersBooking(Answer):
    """A booking as the event's organiser sees it."""

    id: str
    code: str
    status: BookingStatus
    reason: str | None
    ticket_type_id: int
    quantity: int
    amount: Money
    fee: Money
    currency: Currency
    created_at: Moment
    booker: Booker


class BookingPage(Answer):
    """A page of an event's bookings."""

    model_config = example(bookings=[BOOKED], next=None)
    bookings: list[OrganisersBooking]
    next: Annotated[str | None, Field(description="Send it as `after` for the next page; null at the end.")]


class MoreTime(Answer):
    """What was given to whom."""

    model_config = example(minutes=5, people=214, holds=96, revision=13)
    minutes: Count
    people: Annotated[Count, Field(description="Everybody inside.")]
    holds: Annotated[Count, Field(description="Tickets in somebody's hands, by the handful.")]
    revision: Count


class Span(Answer):
    """From and to, in seconds, and what is most likely."""

    low: Count
    likely: Count
    high: Count


class LineOutlook(Answer):
    """What the levers, so set and with the doors open, mean for the line that waits now."""

    model_config = example(
        rate_per_minute=600,
        max_active=1000,
        waiting=20311,
        line_gone_seconds={"low": 1900, "likely": 2040, "high": 2200},
        cap_per_minute=740,
    )
    rate_per_minute: Count
    max_active: Count
    waiting: Count
    line_gone_seconds: Annotated[Span | None, Field(description="Null where nothing moves, or nobody waits.")]
    cap_per_minute: Annotated[
        Count, Field(description="As many a minute fit in, as long as they stay so long.")
    ]


class Actor(Answer):
    """Who did it."""

    id: int
    name: str


class Act(Answer):
    """What was done to an event."""

    id: int
    at: Moment
    actor: Actor
    action: str
    before: Any
    after: Any


class AuditPage(Answer):
    """A page of what was done to an event."""

    model_config = example(audit=[ACT], next=None)
    audit: list[Act]
    next: Annotated[int | None, Field(description="Send it as `after` for the next page; null at the end.")]


class Series(Answer):
    """A number for each step of `at`; null where nothing was recorded."""

    model_config = example(**{name: [number] for name, number in SAMPLE.items()})
    waiting: Steps
    called: Steps
    active: Steps
    admitted_per_minute: Steps
    target_per_minute: Steps
    joins: Annotated[Steps, Field(description="New places taken in the step.")]
    left: Annotated[Steps, Field(description="People who gave their place up in the step.")]
    missed: Annotated[Steps, Field(description="People who were called and did not come in, in the step.")]
    held: Steps
    paying: Steps
    sold: Steps
    free: Steps
    revenue: Annotated[Steps, Field(description="Paid for all confirmed bookings, in minor units.")]
    payment_failures: Annotated[Steps, Field(description="Payments declined or unanswered in the step.")]
    mail_waiting: Steps


class Stats(Answer):
    """How a sale went, step by step."""

    model_config = example(**STATS)
    step_seconds: Annotated[int, Field(description="1 or 60.")]
    from_: Annotated[Moment, Field(alias="from")]
    to: Moment
    at: Annotated[list[int], Field(description="When each step begins, in unix seconds.")]
    series: Series

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

__all__ = ["AuditPage", "BookingPage", "EventPage", "Levers", "OwnEvent"]

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

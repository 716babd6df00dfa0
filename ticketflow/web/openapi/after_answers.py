"""What the API answers organisers about what is left after a sale: one model an answer, for the document."""

from typing import Annotated

from pydantic import Field

from ticketflow.domain import BookingStatus
from ticketflow.web.openapi.answers import WHEN, Answer, Count, Currency, Moment, Money, example

OF_TYPE = {
    "id": 7, "name": "Standing", "capacity": 500, "sold": 480, "revenue": 1200000, "fees": 0, "cancelled": 4,
    "refunded": 10000, "refunds_due": 0,
}  # fmt: skip
ORDER = {"calls": 512, "tau": 0.9981, "pairs_turned": 121}
LINE = {
    "rows": 560, "people": 505, "calls": 512, "at_once": 12, "passed_over": 9, "no_shows": 31, "returned": 7,
    "gaps": 0, "conversion": 0.62, "order": ORDER, "first_turns": {**ORDER, "calls": 505, "tau": 1.0,
    "pairs_turned": 0}, "waits": {"count": 505, "p50": 140.5, "p90": 410.0, "longest": 622.1},
}  # fmt: skip
REPORT = {
    "currency": "EUR", "sold": 480, "revenue": 1200000, "fees": 0, "refunded": 10000, "refunds_due": 0,
    "buyers": 313, "types": [OF_TYPE],
    "statuses": [{"status": "confirmed", "bookings": 320, "tickets": 480, "amount": 1200000}],
    "refusals": [{"reason": "payment_declined", "bookings": 9}], "payment_failures": 9,
    "hours": [{"at": WHEN, "tickets": 480, "revenue": 1200000}], "line": LINE,
}  # fmt: skip
ATTENDEE = {
    "id": 9001, "code": "K7RWQ2DXN4H9BTZV3MC6PFGJ8LS", "ticket_type": "Standing", "seat": None, "name": "Ada",
    "email": "ada@example.com", "booking": "B7RWQ2DXN4H9BTZV3MC6PFGJ8LS", "booked_at": WHEN, "used_at": None,
    "door": "",
}  # fmt: skip

Tau = Annotated[
    float | None,
    Field(ge=-1, le=1, description="Kendall's tau-b; 1: the same order. Null for less than two."),
]


class TypeReport(Answer):
    """What was sold of a ticket type; what was cancelled since is not in it."""

    id: int
    name: str
    capacity: Count
    sold: Count
    revenue: Annotated[Money, Field(description="In minor units, fees included.")]
    fees: Money
    cancelled: Annotated[Count, Field(description="Tickets of bookings that were cancelled.")]
    refunded: Money
    refunds_due: Annotated[Money, Field(description="To be paid back still.")]


class StatusReport(Answer):
    """Bookings by how they stand."""

    status: BookingStatus
    bookings: Count
    tickets: Count
    amount: Money


class Refusals(Answer):
    """Bookings that were refused, by why."""

    reason: str
    bookings: Count


class HourReport(Answer):
    """What was sold in the hour that begins here."""

    at: Moment
    tickets: Count
    revenue: Money


class OrderReport(Answer):
    """The order in which people were called, against the one they stood in."""

    calls: Count
    tau: Tau
    pairs_turned: Annotated[Count, Field(description="Pairs in which who stood behind was called first.")]


class WaitsReport(Answer):
    """Seconds from joining, or from the opening for those drawn in the lobby, to being called."""

    count: Count
    p50: Annotated[float, Field(ge=0)]
    p90: Annotated[float, Field(ge=0)]
    longest: Annotated[float, Field(ge=0)]


class LineReport(Answer):
    """What became of the line, by the admission log."""

    rows: Annotated[Count, Field(description="The length of the log.")]
    people: Annotated[Count, Field(description="Who was called, each counted once.")]
    calls: Count
    at_once: Annotated[Count, Field(description="Called as they joined.")]
    passed_over: Annotated[Count, Field(description="Away too long when their turn came.")]
    no_shows: Annotated[Count, Field(description="Called, and not there in time.")]
    returned: Annotated[Count, Field(description="Calls of who came back to an old place.")]
    gaps: Annotated[
        Count, Field(description="How often Redis was lost, and with it what was not written yet.")
    ]
    conversion: Annotated[float | None, Field(ge=0, le=1, description="Buyers in people called.")]
    order: Annotated[OrderReport, Field(description="Of all calls.")]
    first_turns: Annotated[OrderReport, Field(description="Without those who came back to an old place.")]
    waits: WaitsReport | None


class Report(Answer):
    """What a sale came to."""

    model_config = example(**REPORT)
    currency: Currency
    sold: Count
    revenue: Money
    fees: Money
    refunded: Money
    refunds_due: Money
    buyers: Count
    types: list[TypeReport]
    statuses: list[StatusReport]
    refusals: list[Refusals]
    payment_failures: Count
    hours: list[HourReport]
    line: Annotated[LineReport | None, Field(description="Null while it is being worked out: ask again.")]


class Attendee(Answer):
    """A valid ticket and who booked it."""

    id: int
    code: str
    ticket_type: str
    seat: str | None
    name: str
    email: str
    booking: str
    booked_at: Moment
    used_at: Annotated[Moment | None, Field(description="When it was used at a door; null before.")]
    door: str


class AttendeePage(Answer):
    """A page of attendees."""

    model_config = example(attendees=[ATTENDEE], next=None)
    attendees: list[Attendee]
    next: Annotated[int | None, Field(description="Send it as `after` for the next page; null at the end.")]

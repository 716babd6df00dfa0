"""What is answered of events that are called off, and of background work: one model an answer."""

from typing import Annotated, Literal

from pydantic import Field

from ticketflow.store.mail_reasons import Reason
from ticketflow.web.openapi.answers import BOOKING_ID, WHEN, Answer, Count, Currency, Moment, Money, example
from ticketflow.web.openapi.mail_answers import MailServer

CODE = "K7RWQ2DXN4H9BTZV3MC6PFGJ8LS"
FAR = {
    "event_id": 3, "state": "running", "reason": "The hall is flooded.", "bookings": 5000, "tickets": 9100,
    "amount": 22750000, "currency": "EUR", "cancelled": 2150, "refunded": 2100, "failed": 1, "left_alone": 1,
    "left_alone_codes": [CODE], "started_at": WHEN, "finished_at": None,
}  # fmt: skip
MINUTES = [{"at": WHEN, "done": 900}]
PAYMENT = {
    "booking_id": BOOKING_ID, "booking_code": CODE, "event_id": 3, "status": "refund_due", "amount": 5000,
    "currency": "EUR", "attempts": 2, "error": "The payment gateway did not answer.", "since": WHEN,
    "due_at": WHEN,
}  # fmt: skip
WORK = {
    "at": WHEN,
    "event_id": 3,
    "mail": {
        "waiting": 15, "oldest_seconds": 4, "failed": 2, "reasons": {"no_such_address": 2},
        "done_last_minute": 900, "minutes": MINUTES, "server": {"state": "up", "since": None, "reason": None},
    },
    "orders": {
        "waiting": 12, "in_hand": 3, "oldest_seconds": 1, "redelivered": 0, "most_deliveries": 1,
        "workers": [{"name": "worker-1", "in_hand": 3, "idle_seconds": 0.2}], "rejected": 0,
        "rejected_entries": [], "done_last_minute": 900, "minutes": MINUTES,
    },
    "money": {
        "waiting": {"authorised": 3, "void_due": 0, "refund_due": 1}, "oldest_seconds": 80, "failed": 1,
        "payments": [PAYMENT], "done_last_minute": 900, "minutes": MINUTES,
    },
}  # fmt: skip


class CalledOffView(Answer):
    """How far an event is called off; before it is, what there would be to do."""

    model_config = example(**FAR)
    event_id: int
    state: Literal["not_started", "running", "finished"]
    reason: str | None
    bookings: Annotated[Count, Field(description="Cancelled because of it, or standing still.")]
    tickets: Count
    amount: Annotated[Money, Field(description="What those bookings cost.")]
    currency: Currency
    cancelled: Count
    refunded: Count
    failed: Annotated[Count, Field(description="Refunds that are tried again.")]
    left_alone: Annotated[Count, Field(description="Bookings that stay: a ticket of them was used.")]
    left_alone_codes: Annotated[list[str], Field(description="A hundred of them at most.")]
    started_at: Moment | None
    finished_at: Moment | None


class MinuteDone(Answer):
    """How much was done in a minute."""

    at: Moment
    done: Count


class LettersAtWork(Answer):
    """Letters on their way."""

    waiting: Count
    oldest_seconds: Count | None
    failed: Count
    reasons: dict[Reason, Count]
    done_last_minute: Count
    minutes: list[MinuteDone]
    server: MailServer


class OrdersWorker(Answer):
    """Who takes orders."""

    name: str
    in_hand: Count
    idle_seconds: float


class RejectedEntry(Answer):
    """What lay among the orders and was none."""

    event_id: int
    text: str


class OrdersAtWork(Answer):
    """Orders on their way through the ledger."""

    waiting: Count
    in_hand: Count
    oldest_seconds: Count | None
    redelivered: Annotated[Count, Field(description="In hand for the second time or more, of the oldest.")]
    most_deliveries: Count
    workers: list[OrdersWorker]
    rejected: Annotated[Count, Field(description="Put aside, because they were no orders.")]
    rejected_entries: list[RejectedEntry]
    done_last_minute: Count
    minutes: list[MinuteDone]


class OpenPayment(Answer):
    """A payment that the gateway has still to end."""

    booking_id: str
    booking_code: str
    event_id: int
    status: Literal["authorised", "void_due", "refund_due"]
    amount: Money
    currency: Currency
    attempts: Count
    error: Annotated[str | None, Field(description="What was said at the last try that failed.")]
    since: Moment
    due_at: Annotated[Moment | None, Field(description="When it is tried next; null while it is in hand.")]


class OpenMoney(Answer):
    """How many payments are to be ended in which way."""

    authorised: Count
    void_due: Count
    refund_due: Count


class MoneyAtWork(Answer):
    """Payments to be captured, let go or paid back."""

    waiting: OpenMoney
    oldest_seconds: Count | None
    failed: Count
    payments: Annotated[list[OpenPayment], Field(description="Fifty at most, most often tried first.")]
    done_last_minute: Count
    minutes: list[MinuteDone]


class WorkView(Answer):
    """What runs behind the sales."""

    model_config = example(**WORK)
    at: Moment
    event_id: int | None
    mail: LettersAtWork
    orders: OrdersAtWork
    money: MoneyAtWork


class TriedAgain(Answer):
    """How many are tried again now."""

    model_config = example(retried=12, left=0)
    retried: Count
    left: Annotated[
        Count, Field(description="Of payments, 1 if there are more. Of orders, what stays aside.")
    ]

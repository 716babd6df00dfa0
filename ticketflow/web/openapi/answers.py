"""What the API answers: one model an answer, for the document. Nothing is checked against them while serving;
the tests hold the answers of a running house to them, so a field more or less is found."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ticketflow.domain import BookingStatus, SaleState
from waiting_room import Mode, State
from waiting_room.promise import Slower

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Money = Annotated[int, Field(ge=0, description="In minor units: cents, paise, yen.")]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Count = Annotated[int, Field(ge=0)]

WHEN, LATER = "2026-09-01T18:30:00.000Z", "2026-09-01T18:40:00.000Z"
HOLD_ID, BOOKING_ID = "42-9d41c7b6f02e4a858d0f6d3a51c07be2", "0f6c1e5d9a2b47c38e1f0a7b6c5d4e3f"


def example(**given: Any) -> ConfigDict:
    """The settings of a model with one answer written out."""
    return ConfigDict(json_schema_extra={"examples": [given]})


class Answer(BaseModel):
    """The base: no field that is not told of."""

    model_config = ConfigDict(extra="forbid", use_enum_values=True)


class TicketType(Answer):
    """A kind of ticket, and what is left of it."""

    id: int
    name: str
    price: Money
    fee: Annotated[Money, Field(description="The booking fee on each ticket, on top of the price.")]
    capacity: Count
    remaining: Annotated[Count, Field(description="Free right now.")]
    held: Annotated[Count, Field(description="Set aside for somebody who has not paid yet.")]
    seated: bool


TYPE = {
    "id": 7,
    "name": "Standing",
    "price": 250000,
    "fee": 0,
    "capacity": 50000,
    "remaining": 12034,
    "held": 210,
    "seated": False,
}


EVENT = {
    "id": 42,
    "slug": "coldplay-mumbai-2026",
    "name": "Coldplay in Mumbai",
    "venue": "DY Patil Stadium",
    "starts_at": WHEN,
    "sale_starts_at": WHEN,
    "lobby_opens_at": None,
    "cancel_until": None,
    "sale_ends_at": None,
    "timezone": "Asia/Kolkata",
    "sale_state": "on_sale",
    "opened": True,
    "opens_by_hand": False,
    "gone_in_minutes": {"7": 12},
    "called_off": False,
    "called_off_because": None,
    "currency": "INR",
    "per_user_limit": 4,
    "queue_needs_account": False,
    "ticket_types": [TYPE],
}


class EventView(Answer):
    """An event and its sale as they stand."""

    model_config = example(**EVENT)
    id: int
    slug: str
    name: str
    venue: str
    starts_at: Moment
    sale_starts_at: Moment
    lobby_opens_at: Moment | None
    cancel_until: Annotated[Moment | None, Field(description="Until then tickets can be given back.")]
    sale_ends_at: Annotated[Moment | None, Field(description="When the sale closes by itself.")]
    timezone: Annotated[str, Field(description="The IANA zone of the event's own clocks.")]
    sale_state: SaleState
    opened: Annotated[bool, Field(description="The doors have been open before.")]
    opens_by_hand: bool
    gone_in_minutes: Annotated[
        dict[str, Count], Field(description="Ticket type to minutes, where the pace says when it is gone.")
    ]
    called_off: Annotated[bool, Field(description="It does not take place. Its sale is `closed` then.")]
    called_off_because: Annotated[str | None, Field(description="What its organiser says why.")]
    currency: Currency
    per_user_limit: int
    queue_needs_account: Annotated[bool, Field(description="Sign in before joining: one place an account.")]
    ticket_types: list[TicketType]


class ReminderView(Answer):
    """Whether the account is told by mail when the sale opens."""

    model_config = example(event_id=1, asked=True, asked_at=WHEN, address_confirmed=True)
    event_id: int
    asked: bool
    asked_at: Moment | None
    address_confirmed: Annotated[bool, Field(description="Letters go to proven addresses only.")]


class SeatView(Answer):
    """A seat and whether it is free."""

    model_config = example(ticket_type_id=9, unit=0, section="Balcony", row="A", number=1, state="free")
    ticket_type_id: int
    unit: Annotated[Count, Field(description="What a hold names to get this seat.")]
    section: str
    row: str
    number: int
    state: Literal["free", "taken"]


class RowView(Answer):
    """Seats beside one another."""

    section: str
    row: str
    first: Annotated[Count, Field(description="The unit of the first seat; the others follow it.")]
    numbers: list[int]


class PlanView(Answer):
    """The rows of a seated type, from the front to the back."""

    model_config = example(
        ticket_type_id=9, rows=[{"section": "Balcony", "row": "A", "first": 0, "numbers": [1, 2, 3]}]
    )
    ticket_type_id: int
    rows: list[RowView]


class SeatsView(Answer):
    """Which seats are free and which are held; all others are sold."""

    model_config = example(epoch=3, version=17, free={"9": "oA=="}, held={"9": "QA=="})
    epoch: int
    version: int
    free: Annotated[
        dict[str, str],
        Field(description="Ticket type to bits in base64: the first unit is the first byte's highest bit."),
    ]
    held: dict[str, str]


class DrawView(Answer):
    """The lobby's draw, for anybody to check."""

    model_config = example(commitment="9f86d0...", seed=None, entrants=None, digest=None, opened=False)
    commitment: Annotated[str, Field(description="SHA-256 of the seed, public before anybody is in.")]
    seed: Annotated[str | None, Field(description="In hexadecimal, once the doors have opened.")]
    entrants: Count | None
    digest: Annotated[str | None, Field(description="Of the whole list; null until it is made.")]
    opened: bool


PLACE = {
    "ticket": "eyJyb29tIjoi...",
    "state": "waiting",
    "claim_by": None,
    "expires_at": None,
    "place": 812,
    "ahead": 811,
    "wait_seconds": [240, 420],
    "slower": None,
    "waiting": 20311,
    "rate_per_minute": 180,
    "message": "Doors at half past seven.",
    "opened": True,
    "opens_at": None,
}


class QueueView(Answer):
    """A place in the queue."""

    model_config = example(**PLACE)
    ticket: Annotated[
        str, Field(description="The place itself. Who has it has the place: keep it to yourself.")
    ]
    state: State
    claim_by: Annotated[Moment | None, Field(description="Come in before then, once called.")]
    expires_at: Annotated[Moment | None, Field(description="When the turn ends, once in.")]
    place: Annotated[int | None, Field(description="1 is the next to be called. It never rises.")]
    ahead: Count | None
    wait_seconds: Annotated[
        tuple[Count, Count] | None, Field(description="From and to: four of five fans wait that long.")
    ]
    slower: Annotated[Slower | None, Field(description="Why the wait is longer than it was told before.")]
    waiting: Count
    rate_per_minute: Count
    message: Annotated[str, Field(description="What the organiser says to all who wait.")]
    opened: bool
    opens_at: Moment | None


class PassView(Answer):
    """A turn at the desk."""

    model_config = example(**{"pass": "eyJwYXNzIjoi...", "expires_at": LATER, "expires_in": 600})
    token: Annotated[str, Field(alias="pass")]
    expires_at: Annotated[Moment, Field(description="Using the desk moves it on.")]
    expires_in: Annotated[Count, Field(description="The same in seconds.")]


class HoldView(Answer):
    """Tickets set aside."""

    model_config = example(
        id=HOLD_ID,
        event_id=42,
        ticket_type_id=7,
        units=[118, 119],
        seats=[],
        amount=500000,
        fee=0,
        currency="INR",
        expires_at=LATER,
        extended=False,
    )
    id: str
    event_id: int
    ticket_type_id: int
    units: list[Count]
    seats: Annotated[list[str], Field(description="The seats' names, where there are any.")]
    amount: Annotated[Money, Field(description="Of all, fees included.")]
    fee: Money
    currency: Currency
    expires_at: Moment
    extended: Annotated[bool, Field(description="The one extension was used.")]


class TicketView(Answer):
    """A ticket of a booking."""

    code: Annotated[str, Field(description="The short code, to be read out or typed.")]
    unit: Count
    seat: str | None
    used_at: Annotated[Moment | None, Field(description="When somebody came in with it.")]
    signed: Annotated[str, Field(description="What its QR code says: a door can check it by itself.")]


class BookingView(Answer):
    """A booking as its owner may see it."""

    model_config = example(
        id=BOOKING_ID,
        status="confirmed",
        event_id=42,
        ticket_type_id=7,
        quantity=1,
        amount=250000,
        currency="INR",
        created_at=WHEN,
        code="K7RWQ2DXN4H9BTZV3MC6PFGJ8LS",
        reason=None,
        tickets=[
            {
                "code": "W2C8XKQ5NR4TB7HDV9GZ3MF6JPL",
                "unit": 118,
                "seat": None,
                "used_at": None,
                "signed": "TF1.MRGNSVQA...",
            }
        ],
        fee=0,
        refund=None,
        units=[118],
    )
    id: str
    status: BookingStatus
    event_id: int
    ticket_type_id: int
    quantity: int
    amount: Money
    currency: Currency
    created_at: Moment
    code: Annotated[str, Field(description="The order's own code; empty until it is confirmed.")]
    reason: Annotated[str | None, Field(description="Why it was refused or who cancelled it.")]
    tickets: list[TicketView]
    fee: Money
    refund: Literal["on_its_way", "refunded"] | None
    units: list[Count]


class OnItsWay(Answer):
    """A booking that is still being paid. Ask for it again at its address."""

    model_config = example(id=BOOKING_ID, status="processing")
    id: str
    status: Literal["processing"]


class Received(Answer):
    """The notice is kept."""

    model_config = example(received=True)
    received: Literal[True]


class Levers(Answer):
    """How the waiting room is set."""

    model_config = example(mode="open", rate_per_minute=600, max_active=1000, message="", revision=12)
    mode: Mode
    rate_per_minute: Count
    max_active: Count
    message: str
    revision: Annotated[Count, Field(description="Grows with every change; send it back with yours.")]


class Alive(Answer):
    """The process answers."""

    model_config = example(status="ok")
    status: Literal["ok"]


class Ready(Answer):
    """Whether the process can work, and if not, what does not answer."""

    model_config = example(ready=True, redis=True, database=True, live=True)
    ready: bool
    redis: bool
    database: bool
    live: bool


class FieldError(Answer):
    """What is wrong with one field."""

    field: str
    problem: str


class Problem(BaseModel):
    """What went wrong (RFC 9457). `code` is stable and made for programs; `detail` is made for people."""

    model_config = ConfigDict(extra="allow")
    type: Annotated[str, Field(pattern="^urn:problem:[a-z_]+$")]
    title: str
    status: int
    code: str
    detail: str
    errors: Annotated[list[FieldError] | None, Field(default=None, description="With invalid_request.")]
    retry_after: Annotated[int | None, Field(default=None, description="In seconds, as in Retry-After.")]
    booking_id: Annotated[str | None, Field(default=None, description="The booking that it is about.")]
    hold_kept: Annotated[bool | None, Field(default=None, description="The tickets are still held.")]
    queue: Annotated[QueueView | None, Field(default=None, description="With not_called: where you stand.")]
    message: Annotated[
        str | None, Field(default=None, description="With room_closed: the organiser's words.")
    ]
    limit: Annotated[int | None, Field(default=None, description="With limit_exceeded: tickets a person.")]
    taken: Annotated[int | None, Field(default=None, description="With limit_exceeded: what you have.")]
    remaining: Annotated[int | None, Field(default=None, description="With sold_out: what is left.")]
    unit: Annotated[int | None, Field(default=None, description="With unit_taken: which.")]
    abilities: Annotated[
        list[str] | None, Field(default=None, description="With ability_missing: any of them.")
    ]
    bookings: Annotated[list[Any] | None, Field(default=None, description="With tickets_ahead: which.")]
    cancel_until: Annotated[Moment | None, Field(default=None, description="With cancel_too_late.")]

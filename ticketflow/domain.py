"""What tickets, holds and bookings are, and the words for refusing them. No input, no output."""

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo


class SaleState(StrEnum):
    """Where a sale stands, as the contract names it."""

    SCHEDULED = "scheduled"
    LOBBY = "lobby"
    ON_SALE = "on_sale"
    PAUSED = "paused"
    SOLD_OUT = "sold_out"
    CLOSED = "closed"


class BookingStatus(StrEnum):
    """A booking is `processing` from the submit on, and ends as one of the others."""

    PROCESSING = "processing"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class PaymentStatus(StrEnum):
    """`authorised` -> `captured`; or `void_due` -> `voided`; or `declined` from the start.

    Cancelling makes `refund_due` of what is authorised or captured; that becomes `refunded`.
    """

    AUTHORISED = "authorised"
    CAPTURED = "captured"
    VOID_DUE = "void_due"
    VOIDED = "voided"
    DECLINED = "declined"
    REFUND_DUE = "refund_due"
    REFUNDED = "refunded"


class Role(StrEnum):
    FAN = "fan"
    ORGANISER = "organiser"
    ADMIN = "admin"


class Ability(StrEnum):
    """What a token may do. Whether its account may, is asked besides."""

    READ = "read"
    BOOK = "book"
    ORGANISE = "organise"


READ, BOOK, ORGANISE = Ability.READ, Ability.BOOK, Ability.ORGANISE

ABILITIES_OF = {
    Role.FAN: frozenset({READ, BOOK}),
    Role.ORGANISER: frozenset({READ, BOOK, ORGANISE}),
    Role.ADMIN: frozenset({READ, BOOK, ORGANISE}),
}
"""What tokens of an account may do at most, by its role."""

SESSION_DAYS = 30
"""A session ends so long after its sign-in, however it is used."""


REASONS = {
    "payment_declined": "The payment was declined.",
    "payment_unknown": "The bank gave no answer.",
    "limit_exceeded": "That would be more tickets than one person may have.",
    "unit_taken": "That seat was sold to somebody else a moment before.",
    "idempotency_mismatch": "This key was used for another booking.",
    "account_closed": "The account it was asked for is closed.",
    "called_off": "The organiser has called the event off.",
}
"""Why a booking is refused after it was accepted, in the booker's words. Nothing is charged in any."""

CANCELLED_BY = {
    "cancelled_by_booker": "You have cancelled this booking.",
    "cancelled_by_organiser": "The organiser has cancelled this booking.",
    "called_off": "The organiser has called the event off.",
}
"""Who cancelled a booking, in the booker's words."""


class Refusal(Exception):
    """Something a client asked for cannot be had. `code` is stable; the words may change.

    `ticketflow.web.problems` is the one table that turns a code into a status.
    """

    def __init__(self, code: str, detail: str = "", **extra: Any) -> None:
        super().__init__(detail or code)
        self.code = code
        self.detail = detail
        self.extra = extra


@dataclass(frozen=True)
class User:
    id: int
    name: str
    email: str
    role: Role
    verified: bool = False
    """Whether the address was proven by a link in a mail."""
    theme: str = "system"
    session_epoch: int = 0
    """Sessions that began under another number have ended."""
    closed: bool = False

    @property
    def organises(self) -> bool:
        """Whether they have sales of their own to see to, or everybody's."""
        return self.role is not Role.FAN


@dataclass(frozen=True)
class TicketType:
    id: int
    name: str
    price: int
    """Minor units of the event's currency."""
    capacity: int
    seated: bool
    fee: int = 0
    """The booking fee of one ticket, in minor units, paid on top of the price."""
    gaps: tuple[tuple[int, int], ...] = ()
    """Runs of numbers (first, last) that are no units any more, though there are units above them."""

    @property
    def size(self) -> int:
        """One more than the highest unit's number."""
        return self.capacity + sum(last - first + 1 for first, last in self.gaps)

    def missing(self) -> Iterator[int]:
        """The numbers in the gaps."""
        return (number for first, last in self.gaps for number in range(first, last + 1))

    def cost(self, quantity: int) -> tuple[int, int]:
        """What so many tickets cost in all, and how much of that is fee."""
        return quantity * (self.price + self.fee), quantity * self.fee


@dataclass(frozen=True)
class Event:
    id: int
    slug: str
    name: str
    venue: str
    starts_at: datetime
    sale_starts_at: datetime
    lobby_opens_at: datetime | None
    currency: str
    per_user_limit: int
    organiser_id: int
    published: bool
    ticket_types: tuple[TicketType, ...]
    fee_basis_points: int = 0
    """The booking fee in hundredths of a percent of a ticket's price; see `booking_fee`."""
    queue_needs_account: bool = False
    """Who queues must be signed in, and an account has one place, on all its devices."""
    cancel_until: datetime | None = None
    """Until when bookers may cancel and have their money back; None if they may not at all."""
    called_off: str | None = None
    """Why its organiser has called it off; None while it takes place."""
    sale_ends_at: datetime | None = None
    """When the sale closes by itself; None if it does not."""
    timezone: str = "UTC"
    """The IANA name of the zone in which its times are told to people."""
    revision: int = 0
    """Grows with every edit."""

    def local(self, moment: datetime) -> datetime:
        """The same moment by the clocks where the event is."""
        return moment.astimezone(ZoneInfo(self.timezone))

    def ticket_type(self, ticket_type_id: int) -> TicketType:
        """The type of that id. Raises `Refusal` not_found if it is not this event's."""
        for ticket_type in self.ticket_types:
            if ticket_type.id == ticket_type_id:
                return ticket_type
        raise Refusal("not_found", "This event has no such ticket type.")


@dataclass(frozen=True)
class Hold:
    """Units set aside for one user until `expires_at`. Money in minor units."""

    id: str
    event_id: int
    user_id: int
    visitor: str
    ticket_type_id: int
    units: tuple[int, ...]
    amount: int
    currency: str
    expires_at: datetime
    paying: bool = False
    fee: int = 0
    """How much of the amount is booking fee."""
    extended: bool = False
    """It was given more time, which is given once."""
    booking_id: str | None = None
    """The booking it is being paid as, while it is."""


@dataclass(frozen=True)
class Order:
    """A submitted booking on its way through the ledger: what the stream's entry says."""

    entry_id: str
    booking_id: str
    request_hash: str
    hold_id: str
    event_id: int
    user_id: int
    visitor: str
    ticket_type_id: int
    units: tuple[int, ...]
    amount: int
    currency: str
    method: str
    keep_hold: bool
    """Whether a declined payment leaves the units held, for another card."""
    submitted_at: datetime
    fee: int = 0

    @property
    def place(self) -> tuple[int, str]:
        """Where it lies: entry ids tell apart the orders of one event only."""
        return self.event_id, self.entry_id


@dataclass(frozen=True)
class Ticket:
    code: str
    unit: int
    seat: str | None = None
    used_at: datetime | None = None
    """When somebody came in with it."""

    def public(self) -> dict[str, Any]:
        """As the contract writes it."""
        return {**vars(self), "used_at": iso(self.used_at) if self.used_at else None}


@dataclass(frozen=True)
class Booking:
    """A booking as its owner may see it."""

    id: str
    status: BookingStatus
    event_id: int
    user_id: int
    ticket_type_id: int
    quantity: int
    amount: int
    currency: str
    created_at: datetime
    request_hash: str
    code: str = ""
    reason: str | None = None
    tickets: Sequence[Ticket] = field(default_factory=tuple)
    fee: int = 0
    """How much of the amount is booking fee."""
    refund: str | None = None
    """Of a cancelled booking: `on_its_way` until the gateway has paid the amount back, then `refunded`."""

    def public(self) -> dict[str, Any]:
        """The JSON body of the contract: everything but the owner and the request's hash."""
        body = dict(vars(self))  # `asdict` would copy each value in depth
        del body["user_id"], body["request_hash"]
        body["created_at"] = iso(self.created_at)
        body["tickets"] = [ticket.public() for ticket in self.tickets]
        body["units"] = [ticket.unit for ticket in self.tickets]
        return body


def check_times(
    *,
    starts_at: datetime,
    sale_starts_at: datetime,
    lobby_opens_at: datetime | None,
    cancel_until: datetime | None,
    sale_ends_at: datetime | None = None,
) -> None:
    """Whether an event's times can be. Raises ValueError with words for its organiser."""
    if sale_starts_at >= starts_at:
        raise ValueError("the sale must start before the event")
    if lobby_opens_at is not None and lobby_opens_at > sale_starts_at:
        raise ValueError("the lobby must open before the sale starts")
    if cancel_until is not None and not sale_starts_at < cancel_until <= starts_at:
        raise ValueError("cancelling must end after the sale starts, and not after the event does")
    if sale_ends_at is not None and sale_ends_at <= sale_starts_at:
        raise ValueError("the sale must end after it starts")
    for moment in (starts_at, sale_starts_at, lobby_opens_at, cancel_until, sale_ends_at):
        if moment is not None and not 2000 <= moment.year <= 9000:
            raise ValueError("a time lies outside the years 2000 to 9000")


def booking_fee(price: int, basis_points: int) -> int:
    """The fee on one ticket of that price, in minor units: hundredths of a percent, half a unit rounded up.

    It is rounded for each ticket, not for the sum: two tickets cost twice what one does.
    """
    return (price * basis_points + 5_000) // 10_000


def now() -> datetime:
    """The present moment, in UTC. For records only: Redis `TIME` decides who is early or late."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """A time as the contract writes it: ISO 8601, UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_micros(micros: int) -> datetime:
    """The time `micros` microseconds after the epoch, as Redis scripts count it."""
    return datetime.fromtimestamp(micros / 1_000_000, UTC)


def to_micros(moment: datetime) -> int:
    """Microseconds since the epoch."""
    return round(moment.timestamp() * 1_000_000)


def booking_id(user_id: int, key: str | None) -> str:
    """The id of the booking a user asks for under an idempotency key; without a key, a fresh one.

    The id is a function of user and key, so the same key is the same booking wherever it lands,
    even if Redis has forgotten the first time. It is also the key at the payment gateway.
    """
    if key is None:
        return secrets.token_hex(16)
    return hashlib.sha256(f"booking\0{user_id}\0{key}".encode()).hexdigest()[:32]


def request_hash(body: Mapping[str, Any]) -> str:
    """A fingerprint of a request's body, to tell a retry from another request under the same key."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def sale_state(mode: str, *, lobby_opens_at: int, at: int, unsold: int) -> SaleState:
    """The state of a sale from its room's mode, the time (microseconds) and the units not sold yet.

    Units in somebody's hold count as unsold: they may come back, so the sale is not over.
    """
    if mode == "closed":
        return SaleState.CLOSED
    if mode == "lobby":
        return SaleState.SCHEDULED if at < lobby_opens_at else SaleState.LOBBY
    if unsold == 0:
        return SaleState.SOLD_OUT
    return SaleState.PAUSED if mode in ("paused", "draining") else SaleState.ON_SALE

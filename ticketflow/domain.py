"""What tickets, holds and bookings are, and the words for refusing them. No input, no output."""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


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


class Role(StrEnum):
    FAN = "fan"
    ORGANISER = "organiser"
    ADMIN = "admin"


REASONS = {
    "payment_declined": "The payment was declined.",
    "payment_unknown": "The bank gave no answer.",
    "limit_exceeded": "That would be more tickets than one person may have.",
    "unit_taken": "That seat was sold to somebody else a moment before.",
    "idempotency_mismatch": "This key was used for another booking.",
}
"""Why a booking is refused after it was accepted, in the booker's words. Nothing is charged in any."""


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


@dataclass(frozen=True)
class Ticket:
    code: str
    unit: int
    seat: str | None = None


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

    def public(self) -> dict[str, Any]:
        """The JSON body of the contract: everything but the owner and the request's hash."""
        body = asdict(self)
        del body["user_id"], body["request_hash"]
        body["created_at"] = iso(self.created_at)
        body["units"] = [ticket.unit for ticket in self.tickets]
        return body


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


# No vowels and nothing that looks like something else: codes are read out at doors.
_CODE_LETTERS = "23456789BCDFGHJKLMNPQRSTVWXZ"


def new_code() -> str:
    """A code of 128 bits for an order or a ticket, easy to read aloud: 27 letters of an alphabet of 28."""
    return "".join(secrets.choice(_CODE_LETTERS) for _ in range(27))


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
    return SaleState.PAUSED if mode == "paused" else SaleState.ON_SALE

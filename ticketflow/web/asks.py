"""What clients may send: one model a command, checked the same at both doors."""

from functools import cache, cached_property
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from ticketflow.accounts import rules
from ticketflow.checking import MOST_DOOR
from ticketflow.domain import check_times, request_hash
from ticketflow.mail.headers import is_address
from ticketflow.store.events import Seat
from ticketflow.web import seating as seatings

MOST_TICKETS_AT_ONCE = 100
MOST_NAME, MOST_EMAIL = 120, 254
LEAST_PASSWORD, MOST_PASSWORD = rules.LEAST_PASSWORD, rules.MOST_PASSWORD
"""In characters."""
MOST_UNITS = seatings.MOST_SEATS
MOST_SEATING = 900_000
MOST_PRICE = 10**11


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has characters that cannot be shown")
    return text


def _email(text: str) -> str:
    if not is_address(text) or "." not in text.rpartition("@")[2]:
        raise ValueError("does not look like an e-mail address")
    return text


def _written_out(value: Any) -> Any:
    # Left to itself the library reads any number as seconds since 1970.
    if not isinstance(value, str) or "T" not in value:
        raise ValueError("is not a time such as 2026-09-01T18:30:00Z")
    return value


@cache
def zones() -> frozenset[str]:
    """The names of all time zones."""
    return frozenset(available_timezones())


def _zone(text: str) -> str:
    if text not in zones():
        raise ValueError("is no time zone such as Europe/Berlin")
    return text


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_printable)]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=MOST_EMAIL),
    AfterValidator(_email),
    AfterValidator(_printable),
]
MOST_ID = 2**63 - 1
Id = Annotated[int, Field(ge=1, le=MOST_ID)]
# JSON has no times: they come as text, also where everything else must have its own type.
Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_written_out)]
Zone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
Revision = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""What a change was made against; left out, it is made whatever there is now."""
Quantity = Annotated[int, Field(ge=1, le=MOST_TICKETS_AT_ONCE)]


class Ask(BaseModel):
    """The base: each value of its own type ("2" is not 2), and no field that nobody knows."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Credentials(Ask):
    email: Annotated[str, StringConstraints(strip_whitespace=True, max_length=MOST_EMAIL)]
    password: Annotated[str, Field(max_length=MOST_PASSWORD)]


class Register(Ask):
    name: Annotated[Line, Field(max_length=MOST_NAME)]
    email: Email
    password: Annotated[str, Field(min_length=LEAST_PASSWORD, max_length=MOST_PASSWORD)]


class HoldAsk(Ask):
    ticket_type_id: Id
    quantity: Quantity | None = None
    units: Annotated[list[Annotated[int, Field(ge=0, lt=MOST_UNITS)]], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "HoldAsk":
        if (self.quantity is None) == (self.units is None):
            raise ValueError("give either a quantity or units")
        if self.units is not None and len(set(self.units)) != len(self.units):
            raise ValueError("names a unit twice")
        if self.units is not None and len(self.units) > MOST_TICKETS_AT_ONCE:
            raise ValueError(f"names more than {MOST_TICKETS_AT_ONCE} units")
        return self


class PaymentAsk(Ask):
    method: Annotated[Line, Field(max_length=40)]


class BookAsk(Ask):
    """Either what is held (`hold_id`), or all in one step (`event_id`, `quantity`, `ticket_type_id`)."""

    hold_id: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    event_id: Id | None = None
    ticket_type_id: Id | None = None
    quantity: Quantity | None = None
    payment: PaymentAsk | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "BookAsk":
        at_once = (self.event_id, self.ticket_type_id, self.quantity)
        if self.hold_id is not None and any(value is not None for value in at_once):
            raise ValueError("give either hold_id, or event_id and quantity")
        if self.hold_id is None and (self.event_id is None or self.quantity is None):
            raise ValueError("give hold_id, or event_id and quantity")
        return self

    @property
    def fingerprint(self) -> str:
        """What tells this body from another under the same key, at either door."""
        return request_hash(self.model_dump(include=set(BookAsk.model_fields), exclude_none=True))


class RoomAsk(Ask):
    """The organiser's levers; what is left out stays as it is. With a `revision`, only if nobody has moved
    them since it."""

    mode: Annotated[str, Field(pattern="^(lobby|open|paused|draining|closed)$")] | None = None
    rate_per_minute: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    max_active: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    message: Annotated[str, Field(max_length=500)] | None = None
    revision: Revision | None = None

    @model_validator(mode="after")
    def _something(self) -> "RoomAsk":
        if not self.levers:
            raise ValueError("name at least one lever: mode, rate_per_minute, max_active or message")
        return self

    @property
    def levers(self) -> dict[str, Any]:
        """Those that are to be moved."""
        return self.model_dump(exclude={"revision"}, exclude_none=True)


class ExtendAsk(Ask):
    """More time for everybody inside."""

    minutes: Annotated[int, Field(ge=1, le=60)]
    revision: Revision | None = None


class CheckAsk(Ask):
    """A code at a door, as it was scanned or typed. `look` lets nobody in."""

    code: Annotated[str, Field(min_length=1, max_length=400)]
    event_id: Id | None = None
    door: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=MOST_DOOR), AfterValidator(_printable)
    ] = ""
    look: bool = False


class RowAsk(Ask):
    section: Annotated[Line, Field(max_length=40)]
    row: Annotated[Line, Field(max_length=20)]
    seats: Annotated[int, Field(ge=1, le=1000)]


class TicketTypeAsk(Ask):
    """General admission by `capacity`, or seated: by `rows`, or by `seating`, the text of a CSV file whose
    first line is section,row,number or section,row,seats."""

    name: Annotated[Line, Field(max_length=120)]
    price: Annotated[int, Field(ge=0, le=MOST_PRICE)]
    capacity: Annotated[int, Field(ge=1, le=MOST_UNITS)] | None = None
    rows: Annotated[list[RowAsk], Field(min_length=1, max_length=5000)] | None = None
    seating: Annotated[str, Field(max_length=MOST_SEATING)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "TicketTypeAsk":
        if [self.capacity, self.rows, self.seating].count(None) != 2:
            raise ValueError("give either a capacity, or rows, or seating")
        _ = self.seats  # raises where the seating cannot be read
        if self.rows is not None:
            places = [(row.section, row.row) for row in self.rows]
            if len(set(places)) != len(places):
                raise ValueError("names a row of a section twice")
        return self

    @property
    def units(self) -> int:
        """How many tickets of this type there will be."""
        return self.capacity or len(self.seats or ())

    @cached_property
    def seats(self) -> list[Seat] | None:
        """A seat for each unit, row by row; None for general admission."""
        return seats_of(self.rows, self.seating)


def seats_of(rows: list[RowAsk] | None, seating: str | None) -> list[Seat] | None:
    """The seats that are asked for in either way, if any. Raises ValueError for a seating with faults."""
    if seating is not None:
        return seatings.read(seating)
    if rows is None:
        return None
    return [Seat(row.section, row.row, number + 1) for row in rows for number in range(row.seats)]


class EventAsk(Ask):
    name: Annotated[Line, Field(max_length=200)]
    venue: Annotated[Line, Field(max_length=200)]
    starts_at: Moment
    sale_starts_at: Moment
    lobby_opens_at: Moment | None = None
    cancel_until: Moment | None = None
    sale_ends_at: Moment | None = None
    timezone: Zone = "UTC"
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    per_user_limit: Annotated[int, Field(ge=1, le=MOST_TICKETS_AT_ONCE)]
    fee_basis_points: Annotated[int, Field(ge=0, le=10_000)] = 0
    queue_needs_account: bool = False
    publish: bool = False
    rate_per_minute: Annotated[int, Field(ge=0, le=1_000_000)] = 600
    max_active: Annotated[int, Field(ge=0, le=1_000_000)] = 1000
    ticket_types: Annotated[list[TicketTypeAsk], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _in_order(self) -> "EventAsk":
        if sum(t.units for t in self.ticket_types) > MOST_UNITS:
            raise ValueError(f"has more than {MOST_UNITS} tickets in all")
        names = [t.name for t in self.ticket_types]
        if len(set(names)) != len(names):
            raise ValueError("two ticket types have one name")
        check_times(
            starts_at=self.starts_at,
            sale_starts_at=self.sale_starts_at,
            lobby_opens_at=self.lobby_opens_at,
            cancel_until=self.cancel_until,
            sale_ends_at=self.sale_ends_at,
        )
        return self


class EventEditAsk(Ask):
    """What to change of an event; what is left out stays as it is. Null ends a lobby, or cancelling, or takes
    the sale's end away. With a `revision`, nothing is written if the event was edited since."""

    name: Annotated[Line, Field(max_length=200)] | None = None
    venue: Annotated[Line, Field(max_length=200)] | None = None
    starts_at: Moment | None = None
    sale_starts_at: Moment | None = None
    lobby_opens_at: Moment | None = None
    cancel_until: Moment | None = None
    sale_ends_at: Moment | None = None
    timezone: Zone | None = None
    per_user_limit: Annotated[int, Field(ge=1, le=MOST_TICKETS_AT_ONCE)] | None = None
    queue_needs_account: bool | None = None
    publish: bool | None = None
    revision: Revision | None = None

    @model_validator(mode="after")
    def _something(self) -> "EventEditAsk":
        if not self.model_fields_set - {"revision"}:
            raise ValueError("name at least one thing to change")
        for field in self.model_fields_set - {"lobby_opens_at", "cancel_until", "sale_ends_at", "revision"}:
            if getattr(self, field) is None:
                raise ValueError(f"{field} cannot be null")
        return self

    @property
    def changes(self) -> dict[str, Any]:
        """Column -> value, for what was given."""
        given = self.model_dump(include=self.model_fields_set - {"revision"})
        return {"published" if name == "publish" else name: value for name, value in given.items()}


class Command(BaseModel):
    """What every socket command has: a number of the client's for the reply, and what to do."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    id: Annotated[int, Field(ge=0, lt=2**53)]
    do: Annotated[str, Field(max_length=20)]

    @property
    def fields(self) -> dict[str, Any]:
        """Everything else that was sent."""
        return dict(self.model_extra or {})

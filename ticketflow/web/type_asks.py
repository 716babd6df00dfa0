"""What organisers may send about ticket types, and to make an event like another."""

from functools import cached_property
from typing import Annotated, Any

from pydantic import Field, model_validator

from ticketflow.store.events import Seat
from ticketflow.web.asks import (
    MOST_PRICE,
    MOST_SEATING,
    MOST_UNITS,
    Ask,
    Line,
    Moment,
    Revision,
    RowAsk,
    TicketTypeAsk,
    seats_of,
)


class TicketTypeAddAsk(TicketTypeAsk):
    """One more type. `revision` is that of the event which it was made for."""

    revision: Revision | None = None


class TicketTypeEditAsk(Ask):
    """What to change of a type; what is left out stays as it is.

    Name, price and capacity at any time. A price holds for what is held from then on. The capacity of a type
    on sale is never less than what is sold, held or being paid for. Other seats (`rows`, `seating`) only
    before the sale; the type has another id then.
    """

    name: Annotated[Line, Field(max_length=120)] | None = None
    price: Annotated[int, Field(ge=0, le=MOST_PRICE)] | None = None
    capacity: Annotated[int, Field(ge=1, le=MOST_UNITS)] | None = None
    rows: Annotated[list[RowAsk], Field(min_length=1, max_length=5000)] | None = None
    seating: Annotated[str, Field(max_length=MOST_SEATING)] | None = None
    revision: Revision | None = None

    @model_validator(mode="after")
    def _something(self) -> "TicketTypeEditAsk":
        given = self.model_fields_set - {"revision"}
        if not given:
            raise ValueError("name at least one thing to change")
        for field in given:
            if getattr(self, field) is None:
                raise ValueError(f"{field} cannot be null")
        if len(given & {"capacity", "rows", "seating"}) > 1:
            raise ValueError("give either a capacity, or rows, or seating")
        _ = self.seats  # raises where the seating cannot be read
        return self

    @cached_property
    def seats(self) -> list[Seat] | None:
        """The other seats, if they are asked for."""
        return seats_of(self.rows, self.seating)

    @property
    def words(self) -> dict[str, Any]:
        """Name and price, as far as they were given."""
        return self.model_dump(include={"name", "price"}, exclude_none=True)


class DuplicateAsk(Ask):
    """An event like another, with times of its own. What is left out is as there; nothing of the sale is."""

    name: Annotated[Line, Field(max_length=200)] | None = None
    starts_at: Moment
    sale_starts_at: Moment
    lobby_opens_at: Moment | None = None
    cancel_until: Moment | None = None
    sale_ends_at: Moment | None = None
    publish: bool = False

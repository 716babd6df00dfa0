"""What a fan has chosen before anything is held: kept in the address, so that no detour loses it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ticketflow.booking.best_seats import Row
from ticketflow.domain import Event, Refusal, TicketType
from ticketflow.stock import Seats
from ticketflow.web.asks import MOST_TICKETS_AT_ONCE, HoldAsk

_NUMBERS = re.compile(r"[0-9]{1,7}(,[0-9]{1,7}){0,99}")
_SEAT = re.compile(r"([0-9]{1,18})\.([0-9]{1,7})")


class Fields(Protocol):
    """The fields of a form or of an address."""

    def get(self, name: str, default: str, /) -> str: ...

    def getlist(self, name: str, /) -> list[str]: ...


@dataclass(frozen=True)
class Choice:
    """A kind of ticket, and so many of it or just these units."""

    type_id: int
    quantity: int
    units: tuple[int, ...] = ()
    mixed: bool = False
    """Seats of two kinds were ticked, which no one hold can have."""

    @classmethod
    def read(cls, event: Event, fields: Fields, otherwise: int) -> "Choice":
        """The choice in some fields, as far as it makes sense; `otherwise` is the type if none is named.

        Scripts send `units` of the type, "3,4"; a page without them ticks boxes called `seat`, "12.3".
        """
        types = {t.id: t for t in event.ticket_types}
        named = whole_number(fields.get("type", ""))
        type_id = named if named in types else otherwise
        text = fields.get("units", "")
        units = [int(unit) for unit in text.split(",")] if _NUMBERS.fullmatch(text) else []
        ticked = [
            (int(seat[1]), int(seat[2])) for seat in map(_SEAT.fullmatch, fields.getlist("seat")) if seat
        ]
        ticked = [(kind, unit) for kind, unit in ticked if kind in types and types[kind].seated]
        if ticked:
            type_id, units = ticked[0][0], [unit for kind, unit in ticked if kind == ticked[0][0]]
        quantity = min(max(whole_number(fields.get("quantity", "")) or 1, 1), event.per_user_limit)
        known = types[type_id]
        inside = tuple(sorted({unit for unit in units if unit < known.capacity})) if known.seated else ()
        mixed = len({kind for kind, _ in ticked}) > 1
        return cls(type_id, quantity, inside[:MOST_TICKETS_AT_ONCE], mixed)

    def ask(self) -> HoldAsk:
        """The hold that this choice asks for. Raises `Refusal` if it asks for seats of two kinds."""
        if self.mixed:
            raise Refusal(
                "invalid_request", "One kind of ticket at a time: untick the seats of the other kind."
            )
        if self.units:
            return HoldAsk(ticket_type_id=self.type_id, units=list(self.units))
        return HoldAsk(ticket_type_id=self.type_id, quantity=self.quantity)

    def without(self, unit: int) -> "Choice":
        """The same but for a seat that is gone."""
        return Choice(self.type_id, self.quantity, tuple(other for other in self.units if other != unit))

    @property
    def query(self) -> dict[str, Any]:
        """How an address says it."""
        units = {"units": ",".join(map(str, self.units))} if self.units else {}
        return {"type": self.type_id, "quantity": self.quantity, **units}


def seat_list(
    event: Event, plan: Mapping[int, Sequence[Row]], seats: Seats, choice: Choice, wanted: str
) -> dict[str, Any]:
    """The hall as a plain list: all rows with what is free there, and the seats of one row as boxes to tick.

    `wanted` is that row's number as a form sends it; else it is the first with a free seat. `others` are the
    chosen seats of other rows: they stay ticked.
    """
    rows = [(t, row) for t in event.ticket_types if t.seated for row in plan[t.id]]
    free = [sum(seats.is_free(t.id, unit) for unit in _units(row)) for t, row in rows]
    number = whole_number(wanted)
    if number is None or number >= len(rows):
        mine = (i for i, (t, row) in enumerate(rows) if t.id == choice.type_id and _has(row, choice.units))
        number = next(mine, next((i for i, count in enumerate(free) if count), 0))
    sections: list[dict[str, Any]] = []
    for i, (kind, row) in enumerate(rows):
        title = row.section if row.section == kind.name else f"{row.section}, {kind.name}"
        if not sections or sections[-1]["title"] != title:
            sections.append({"title": title, "rows": []})
        words = f"{row.section}, row {row.row}: {free[i] or 'none'} free"
        sections[-1]["rows"].append({"number": i, "words": words, "chosen": i == number})
    return {"sections": sections, **_boxes(rows, number, seats, choice)}


def _boxes(
    rows: Sequence[tuple[TicketType, Row]], number: int, seats: Seats, choice: Choice
) -> dict[str, Any]:
    kind, row = rows[number]
    chosen = set(choice.units)
    boxes = []
    for unit, seat in enumerate(row.numbers, start=row.first):
        held = "held" if seats.is_held(kind.id, unit) else "sold"
        state = "free" if seats.is_free(kind.id, unit) else held
        ticked = kind.id == choice.type_id and unit in chosen
        boxes.append({"value": f"{kind.id}.{unit}", "number": seat, "state": state, "chosen": ticked})
    others = [
        {"value": f"{other.id}.{unit}", "words": f"{far.section}, row {far.row}, seat {seat}"}
        for other, far in rows
        if other.id == choice.type_id and far is not row
        for unit, seat in enumerate(far.numbers, start=far.first)
        if unit in chosen
    ]
    return {"row": f"{row.section}, row {row.row}", "boxes": boxes, "others": others}


def _has(row: Row, units: Sequence[int]) -> bool:
    return any(unit in _units(row) for unit in units)


def _units(row: Row) -> range:
    return range(row.first, row.first + len(row.numbers))


def whole_number(text: str) -> int | None:
    """The whole number that a form's field stands for; None if it is none, or longer than any we ask for."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None

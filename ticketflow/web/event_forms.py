"""The event editor's forms: what stands in them, and what they ask for, with our words beside each field.

Times are those of the event's own clocks, money is in whole units with a point, a fee in percent.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from ticketflow.domain import Event, TicketType, iso
from ticketflow.web import seating
from ticketflow.web.asks import EventAsk, EventEditAsk, zones
from ticketflow.web.type_asks import TicketTypeAddAsk, TicketTypeEditAsk
from ticketflow.words import DIGITS

Form = Mapping[str, str]
Told = dict[str, str]
"""What is wrong, by the field's name; "" is the form as a whole."""
AskT = TypeVar("AskT", bound=BaseModel)

TIMES = ("starts_at", "sale_starts_at", "lobby_opens_at", "sale_ends_at", "cancel_until")
PLAIN = ("name", "venue", "timezone")
MOST_BLOCKS = 20
SHOWN_ROWS = 40

HINTS = {
    "name": "Please give it a name of at most {most} characters.",
    "venue": "Please say where it is.",
    "timezone": "Please choose a zone such as Europe/Berlin.",
    "currency": "Please write the three letters of a currency, such as EUR.",
    "per_user_limit": "Please write a whole number from 1 to 100.",
    "fee": "Please write a percentage from 0 to 100.",
    "price": "Please write an amount such as 25.00.",
    "capacity": "Please write a whole number from 1 to 200,000.",
}
ABOUT = {
    "the sale must start": "sale_starts_at",
    "the lobby must": "lobby_opens_at",
    "cancelling must": "cancel_until",
    "the sale must end": "sale_ends_at",
    "two ticket types": "types-0-name",
}
"""What the rules of an event begin with, and the field that they are about."""
_AMOUNT = re.compile(r"[0-9]{1,12}([.,][0-9]{1,3})?")
_WHOLE = re.compile(r"[0-9]{1,9}")


class FormFaults(Exception):
    """What is wrong with a form; nothing of it is lost."""

    def __init__(self, told: Told) -> None:
        super().__init__(told)
        self.told = told


def new_event(form: Form) -> EventAsk:
    """The event that the form asks for. Raises `FormFaults`."""
    told: Told = {}
    asked: dict[str, Any] = {name: form.get(name, "") for name in (*PLAIN, "currency")}
    asked |= _times(form, told)
    asked["per_user_limit"] = _whole(form, "per_user_limit", told)
    asked["fee_basis_points"] = _fee(form, told)
    asked["queue_needs_account"] = "queue_needs_account" in form
    blocks = [n for n in range(blocks_of(form)) if not is_blank(form, n)] or [0]
    asked["ticket_types"] = [_type(form, f"types-{n}", asked["currency"], told) for n in blocks]
    return _checked(EventAsk, asked, told, blocks)


def event_edit(form: Form, event: Event) -> EventEditAsk | None:
    """What the form changes of the event; None for nothing. Raises `FormFaults`."""
    told: Told = {}
    before = shown(event)
    changed = {name for name, value in before.items() if name in form and form[name].strip() != value}
    asked: dict[str, Any] = {name: form[name] for name in PLAIN if name in changed}
    times = _times(form, told, only=[name for name in TIMES if name in form])
    for name, moment in times.items():
        was = getattr(event, name)
        # A field has no seconds: what stands in it as before is what was there.
        touched = name in changed or ("timezone" in changed and moment is not None)
        if touched and moment != (was and iso(was)):
            asked[name] = moment
    if "per_user_limit" in changed:
        asked["per_user_limit"] = _whole(form, "per_user_limit", told)
    if "rules" in form and ("queue_needs_account" in form) != event.queue_needs_account:
        asked["queue_needs_account"] = "queue_needs_account" in form
    if not asked and not told:
        return None
    asked["revision"] = revision_of(form)
    return _checked(EventEditAsk, asked, told)


def type_add(form: Form, event: Event) -> TicketTypeAddAsk:
    """One more type. Raises `FormFaults`."""
    told: Told = {}
    asked = {**_type(form, "types-0", event.currency, told), "revision": revision_of(form)}
    return _checked(TicketTypeAddAsk, asked, told, [], "types-0-")


def type_edit(form: Form, event: Event, kind: TicketType) -> TicketTypeEditAsk | None:
    """What the form changes of the type; None for nothing. Raises `FormFaults`."""
    told: Told = {}
    at, asked = f"type-{kind.id}", dict[str, Any]()
    name = form.get(f"{at}-name", "").strip()
    if name != kind.name:
        asked["name"] = name
    price = _amount(form, f"{at}-price", event.currency, told)
    if price != kind.price:
        asked["price"] = price
    if not kind.seated and (capacity := _whole(form, f"{at}-capacity", told)) != kind.capacity:
        asked["capacity"] = capacity
    if kind.seated and form.get(f"{at}-seating", "").strip():
        asked["seating"] = _seating(form, at, told)
    if not asked and not told:
        return None
    return _checked(TicketTypeEditAsk, {**asked, "revision": revision_of(form)}, told, [], f"{at}-")


def shown(event: Event) -> dict[str, str]:
    """The event as it stands in the fields."""
    times = {name: _local(event, getattr(event, name)) for name in TIMES}
    fields = {name: str(getattr(event, name)) for name in (*PLAIN, "currency", "per_user_limit", "revision")}
    return {**fields, **times, "fee": f"{event.fee_basis_points / 100:g}"}


def shown_types(event: Event, seatings: Mapping[int, str], at: str = "type-{id}") -> dict[str, str]:
    """The event's types as they stand in the fields; `at` is what a type's fields begin with."""
    fields: dict[str, str] = {}
    for n, kind in enumerate(event.ticket_types):
        begin = at.format(id=kind.id, n=n)
        fields |= {
            f"{begin}-name": kind.name,
            f"{begin}-price": amount_text(kind.price, event.currency),
            f"{begin}-kind": "csv" if kind.seated else "general",
            f"{begin}-capacity": "" if kind.seated else str(kind.capacity),
            f"{begin}-seating": seatings.get(kind.id, ""),
        }
    return fields


def like(event: Event, seatings: Mapping[int, str]) -> dict[str, str]:
    """The form of a new event that is like this one, with times to be filled in."""
    fields = {**shown(event), **shown_types(event, seatings, "types-{n}")}
    account = {"queue_needs_account": "yes"} if event.queue_needs_account else {}
    blocks = {"blocks": str(len(event.ticket_types))}
    return {**fields, **dict.fromkeys(TIMES, ""), **account, **blocks, "name": f"{event.name[:190]} (copy)"}


def plans(form: Form) -> dict[str, dict[str, Any]]:
    """What each type's fields begin with -> its rows as a picture shows them, where they can be read."""
    found = {}
    starts = [name.removesuffix("-seating") for name in form if name.endswith("-seating")]
    for at in [*starts, *(f"types-{n}" for n in range(blocks_of(form)) if f"types-{n}" not in starts)]:
        try:
            text = seating_text(form, at)
            if text is not None and text.strip():
                found[at] = _picture(seating.plan_of(seating.read(text)))
        except ValueError:
            continue
    return found


def blocks_of(form: Form) -> int:
    """How many types a new event's form has room for."""
    text = form.get("blocks", "")
    return min(MOST_BLOCKS, int(text)) if _WHOLE.fullmatch(text) and int(text) else 1


def is_blank(form: Form, n: int) -> bool:
    """Whether nobody has written anything into that type's fields."""
    fields = ("name", "price", "capacity", "section", "rows", "seats", "seating")
    return not any(form.get(f"types-{n}-{name}", "").strip() for name in fields)


def seating_text(form: Form, at: str) -> str | None:
    """The seating of a type, in whichever way it is given; None for general admission. Raises ValueError."""
    kind = form.get(f"{at}-kind", "csv" if at.startswith("type-") else "general")
    if kind == "general":
        return None
    if kind == "csv":
        return form.get(f"{at}-seating", "")
    rows, seats = (form.get(f"{at}-{noun}", "").strip() for noun in ("rows", "seats"))
    section = form.get(f"{at}-section", "").strip()
    if not section:
        raise ValueError("Please name the section.")
    if not all(_WHOLE.fullmatch(n) and 1 <= int(n) <= 1000 for n in (rows, seats)):
        raise ValueError("Please write how many rows and how many seats, each from 1 to 1,000.")
    return seating.rows_by_seats(section, int(rows), int(seats))


def revision_of(form: Form) -> int | None:
    text = form.get("revision", "")
    return int(text) if _WHOLE.fullmatch(text) else None


def amount_text(minor: int, currency: str) -> str:
    """An amount as it stands in a field: 250000 INR is "2500.00"."""
    digits = DIGITS.get(currency, 2)
    return f"{Decimal(minor).scaleb(-digits):.{digits}f}"


def told_of_rule(words: str) -> Told:
    """A rule of events that is broken, at the field that it is about."""
    rule = words.removeprefix("Something in the request cannot be used: ").removeprefix("Value error, ")
    field = next((name for begin, name in ABOUT.items() if rule.startswith(begin)), "")
    return {field: f"{rule[:1].upper()}{rule[1:].rstrip('.')}."}


def _times(form: Form, told: Told, only: list[str] | None = None) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    name = form.get("timezone", "")
    zone = ZoneInfo(name) if name in zones() else UTC
    for field in TIMES if only is None else only:
        text = form.get(field, "").strip()
        needed = field in ("starts_at", "sale_starts_at")
        try:
            if not text and needed:
                raise ValueError("Please say when.")
            found[field] = _moment(text, zone) if text else None
        except ValueError as wrong:
            told[field] = str(wrong)
    return found


def _moment(text: str, zone: Any) -> str:
    try:
        clock = datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise ValueError("Please write a date and a time such as 2026-09-01 18:30.") from None
    moment = clock.replace(tzinfo=zone)
    try:
        back = moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        raise ValueError("That is too far away.") from None
    if back != clock:
        raise ValueError("There is no such time: the clocks go forward over it.")
    return iso(moment)


def _local(event: Event, moment: datetime | None) -> str:
    return event.local(moment).strftime("%Y-%m-%dT%H:%M") if moment else ""


def _type(form: Form, at: str, currency: str, told: Told) -> dict[str, Any]:
    asked: dict[str, Any] = {"name": form.get(f"{at}-name", "")}
    asked["price"] = _amount(form, f"{at}-price", currency, told)
    text = _seating(form, at, told)
    if text is not None:
        return {**asked, "seating": text}
    return {**asked, "capacity": 1 if f"{at}-seating" in told else _whole(form, f"{at}-capacity", told)}


def _seating(form: Form, at: str, told: Told) -> str | None:
    """The type's seating, None for general admission."""
    try:
        text = seating_text(form, at)
        if text is not None:
            seating.read(text)
        return text
    except ValueError as wrong:
        told[f"{at}-seating"] = str(wrong)
        return None


def _whole(form: Form, field: str, told: Told) -> int:
    text = form.get(field, "").strip().replace(",", "")
    if not _WHOLE.fullmatch(text) or not int(text):
        told[field] = HINTS[field.rpartition("-")[2]]
        return 1
    return int(text)


def _amount(form: Form, field: str, currency: str, told: Told) -> int:
    text = form.get(field, "").strip().replace(",", ".")
    minor = Decimal(text).scaleb(DIGITS.get(currency, 2)) if _AMOUNT.fullmatch(text) else None
    if minor is None or minor != int(minor):
        told[field] = HINTS["price"]
        return 0
    return int(minor)


def _fee(form: Form, told: Told) -> int:
    text = form.get("fee", "").strip().replace(",", ".") or "0"
    if not _AMOUNT.fullmatch(text) or (points := Decimal(text) * 100) != int(points) or points > 10_000:
        told["fee"] = HINTS["fee"]
        return 0
    return int(points)


def _checked(
    model: type[AskT], asked: dict[str, Any], told: Told, blocks: list[int] | None = None, at: str = ""
) -> AskT:
    """The model, if nothing is wrong. Raises `FormFaults` with what the form and the model have found."""
    try:
        ask = model.model_validate(asked)
    except ValidationError as error:
        for fault in error.errors():
            told |= {
                name: words for name, words in _told(fault, blocks or [], at).items() if name not in told
            }
    if told:
        raise FormFaults(told)
    return ask


def _told(fault: Any, blocks: list[int], at: str) -> Told:
    loc = [str(part) for part in fault["loc"]]
    if loc[:1] == ["ticket_types"] and len(loc) > 1:
        at, loc = f"types-{blocks[int(loc[1])]}-", loc[2:]
    if not loc:
        return {name or at.rstrip("-"): words for name, words in told_of_rule(fault["msg"]).items()}
    most = 200 if not at else 120
    hint = HINTS.get(loc[0], fault["msg"].removeprefix("Value error, ")).format(most=most)
    return {f"{at}{loc[0]}": hint}


def _picture(rows: list[seating.PlanRow]) -> dict[str, Any]:
    sections: dict[str, list[seating.PlanRow]] = {}
    for row in rows:
        sections.setdefault(row.section, []).append(row)
    return {
        "seats": sum(row.seats for row in rows),
        "sections": [
            {
                "name": name,
                "rows": found[:SHOWN_ROWS],
                "more": len(found) - len(found[:SHOWN_ROWS]),
                "seats": sum(row.seats for row in found),
                "widest": max(row.seats for row in found),
            }
            for name, found in list(sections.items())[:SHOWN_ROWS]
        ],
        "more": max(0, len(sections) - SHOWN_ROWS),
    }

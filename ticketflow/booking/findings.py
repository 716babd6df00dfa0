"""What can differ between Redis, the database, the gateway and the outbox. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ticketflow.domain import BookingStatus, Event, TicketType
from ticketflow.payments import Charge, ChargeStatus
from ticketflow.stock import Snapshot
from ticketflow.store.reconcile import PaymentRow
from ticketflow.store.stocktaking import TicketRow

UNDERWAY = timedelta(seconds=120)
"""A payment whose books changed so lately may still be on its way to the gateway."""
ORPHAN_AFTER = timedelta(seconds=600)
"""An authorisation so old belongs to no order that anybody still works on."""

STOCK = {
    "missing": "stock is not in Redis",
    "settings": "stock has other terms than the event, or nonsense in its fields",
    "count": "free count and free bits",
    "sum": "free + held + sold is the capacity",
    "twice": "a unit in two places",
    "sold_but_free": "a unit with a ticket is free or held by another",
    "leaked": "a unit neither free, held nor sold",
    "taken": "tickets of a user, held and bought",
    "visits": "holds of a turn",
    "expiry": "a hold's end",
    "orders": "orders in the stream and pending",
    "lost_order": "a hold is being paid by no order",
    "unreadable": "what cannot be read as a hold, or as stock",
}
MONEY = {
    "uncaptured": "a confirmed booking's money is not taken",
    "not_let_go": "money is reserved for a booking that was not made",
    "kept": "money was taken for a booking that is not there",
    "orphan": "a charge without any booking",
    "unpaid": "a confirmed booking without money",
    "amount": "a charge of another amount",
}
BOOKS = {
    "tickets": "tickets of a booking",
    "no_letter": "a confirmed booking without its letter",
    "stray_letter": "a letter confirms a refused booking",
}
WORDS = STOCK | MONEY | BOOKS
"""What each kind of difference is, in words for the table."""

FOR_PEOPLE = ("unpaid", "amount", "tickets", "stray_letter")
"""What only somebody who asks why can mend: nothing here is more right than the rest."""

_AT_ONE_MOMENT = ("count", "sum", "settings", "orders")
"""Counts of one snapshot: while the sale runs their numbers move, and a difference is one all the same."""


@dataclass(frozen=True)
class Difference:
    """Something that should be `expected` and is `found`; `subject` says where."""

    kind: str
    event_id: int | None
    subject: str
    expected: str
    found: str

    @property
    def key(self) -> tuple[str, ...]:
        """What two looks must agree in for the difference to be one that stays."""
        where = (self.kind, str(self.event_id), self.subject)
        return where if self.kind in _AT_ONE_MOMENT else (*where, self.expected, self.found)

    @property
    def mendable(self) -> bool:
        return self.kind not in FOR_PEOPLE


def stock_differences(event: Event, seen: Snapshot, tickets: Iterable[TicketRow]) -> Iterator[Difference]:
    """What a snapshot of the stock and the tickets in the database, read after it, disagree in.

    While a sale runs the database is ahead by what was sold between the two: look twice.
    """
    if seen.closed:
        return  # it is being rebuilt: what stands there is not meant to be right yet
    if not seen.loaded:
        yield Difference("missing", event.id, event.slug, "loaded", "nothing")
        return
    if seen.limit != event.per_user_limit:
        yield Difference("settings", event.id, "limit a person", *_both(event.per_user_limit, seen.limit))
    for name, found in seen.strange.items():
        yield Difference("settings", event.id, name, "a time" if name != "version" else "a number", found)
    sold: dict[int, dict[int, str]] = {t.id: {} for t in event.ticket_types}
    for row in tickets:
        sold[row.ticket_type_id][row.unit] = row.booking_id
    for ticket_type in event.ticket_types:
        yield from _of_type(event.id, ticket_type, seen, sold[ticket_type.id])
    yield from _of_users(event.id, seen, tickets)
    yield from _of_holds(event.id, seen)


def _of_type(
    event_id: int, ticket_type: TicketType, seen: Snapshot, sold: Mapping[int, str]
) -> Iterator[Difference]:
    name, capacity, bits = ticket_type.name, ticket_type.capacity, seen.bits[ticket_type.id]
    free = {unit for unit in range(len(bits) * 8) if bits[unit // 8] & 0x80 >> unit % 8}
    holds = [hold for hold in seen.holds if hold.ticket_type_id == ticket_type.id]
    held = Counter(unit for hold in holds for unit in hold.units)
    gone = capacity - len(free) - held.total()
    for subject, kind, expected, found in (
        (f"{name}: capacity", "settings", capacity, seen.capacity[ticket_type.id]),
        (f"{name}: size", "settings", ticket_type.size, seen.size[ticket_type.id] or capacity),
        (name, "count", len(free), seen.free[ticket_type.id]),
        (f"{name}: sold", "sum", gone, seen.sold[ticket_type.id]),
    ):
        if expected != found:
            yield Difference(kind, event_id, subject, *_both(expected, found))
    everywhere = set(range(ticket_type.size)) - set(ticket_type.missing())
    doubtful = (free - everywhere) | (free & held.keys()) | {unit for unit, n in held.items() if n > 1}
    for unit in sorted(doubtful):
        yield Difference("twice", event_id, f"{name} {unit}", "one place", _where(unit, free, held))
    for unit in sorted(everywhere - free - held.keys() - sold.keys()):
        yield Difference("leaked", event_id, f"{name} {unit}", "free", "nowhere")
    # Where its order is pending, the ledger is about to settle it.
    unknown = {unit for unit in sold.keys() & free if sold[unit] not in seen.pending}
    unpaid = {unit for hold in holds if hold.booking is None for unit in hold.units}
    for unit in sorted(unknown | (sold.keys() & unpaid)):
        yield Difference("sold_but_free", event_id, f"{name} {unit}", "sold", _where(unit, free, held))


def _where(unit: int, free: set[int], held: Mapping[int, int]) -> str:
    return " and ".join([*(["free"] if unit in free else []), *["held"] * held.get(unit, 0)])


def _of_users(event_id: int, seen: Snapshot, tickets: Iterable[TicketRow]) -> Iterator[Difference]:
    written = {row.booking_id for row in tickets}
    taken = Counter(str(row.user_id) for row in tickets)
    visits: Counter[str] = Counter()
    for hold in seen.holds:
        visits[hold.visitor] += 1
        if hold.booking not in written:  # else its tickets are counted already
            taken[hold.user] += len(hold.units)
    yield from _of_counter("taken", event_id, "user", taken, seen.taken)
    yield from _of_counter("visits", event_id, "visitor", visits, seen.visits)


def _of_counter(
    kind: str, event_id: int, noun: str, expected: Mapping[str, int], found: Mapping[str, int | None]
) -> Iterator[Difference]:
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name, 0) != found.get(name, 0):
            both = _both(expected.get(name, 0), found.get(name, 0))
            yield Difference(kind, event_id, f"{noun} {name}", *both)


def _of_holds(event_id: int, seen: Snapshot) -> Iterator[Difference]:
    ends = {hold.id: hold.expires for hold in seen.holds if hold.booking is None}
    for hold_id in sorted(ends.keys() | seen.expiry.keys()):
        if ends.get(hold_id) != seen.expiry.get(hold_id):
            both = _both(ends.get(hold_id), seen.expiry.get(hold_id))
            yield Difference("expiry", event_id, f"hold {hold_id}", *both)
    for hold in seen.holds:
        if hold.booking is not None and hold.booking not in seen.pending:
            yield Difference("lost_order", event_id, f"hold {hold.id}", hold.booking, "no such order")
    for hold_id in seen.unreadable:
        yield Difference("unreadable", event_id, f"hold {hold_id}", "a hold", "something else")
    if seen.orders != len(seen.pending):
        yield Difference("orders", event_id, "in the stream", *_both(len(seen.pending), seen.orders))


def _both(expected: object, found: object) -> tuple[str, str]:
    return _text(expected), _text(found)


def _text(value: object) -> str:
    return "none" if value is None else str(value)


def money_difference(
    key: str, payment: PaymentRow | None, charge: Charge | None, at: datetime
) -> Difference | None:
    """What a payment of ours and a charge of the gateway, both of one key, disagree in at the time `at`."""
    if payment is None:
        return _without_booking(key, charge, at)
    if at - payment.updated_at < UNDERWAY:
        return None
    if payment.amount == 0 and (charge is None or charge.amount == 0):
        return None  # nothing is due, and not every gateway charges nothing
    confirmed = payment.status is BookingStatus.CONFIRMED
    found = charge.status if charge else None
    kind, expected = None, "captured" if confirmed else "let go"
    if confirmed and found is ChargeStatus.AUTHORISED:
        kind = "uncaptured"
    elif confirmed and found is not ChargeStatus.CAPTURED:
        kind = "unpaid"
    elif not confirmed and found is ChargeStatus.AUTHORISED:
        kind = "not_let_go"
    elif not confirmed and found is ChargeStatus.CAPTURED:
        kind = "kept"
    if kind:
        return Difference(kind, payment.event_id, f"booking {key}", expected, found or "none")
    ours = f"{payment.amount} {payment.currency}"
    theirs = f"{charge.amount} {charge.currency}" if charge else ours
    if confirmed and ours != theirs:
        return Difference("amount", payment.event_id, f"booking {key}", ours, theirs)
    return None


def _without_booking(key: str, charge: Charge | None, at: datetime) -> Difference | None:
    open_ones = (ChargeStatus.AUTHORISED, ChargeStatus.CAPTURED)
    if charge is None or charge.status not in open_ones or at - charge.created_at < ORPHAN_AFTER:
        return None
    return Difference("orphan", None, f"charge {key}", "a booking, or let go", charge.status)


def key_of(difference: Difference) -> str:
    """The booking or charge a difference in money or letters is about."""
    return difference.subject.split()[-1]

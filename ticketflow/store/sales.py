"""The commit of the ledger: bookings, tickets, payments and mail, many orders in one transaction."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from databases import Database
from databases.interfaces import Record
from sqlalchemy import ColumnElement, Select, Subquery, Update, case, null, select, update

from ticketflow.codes import new_code
from ticketflow.domain import Booking, BookingStatus, Order, PaymentStatus, Ticket, now
from ticketflow.faults import Point, reached
from ticketflow.store.bookings import booking_of
from ticketflow.store.bulk import Bulk, insert_all
from ticketflow.store.events import Seat
from ticketflow.store.outbox import CONFIRMATION, announce, new_letter
from ticketflow.store.tables import (
    bookings,
    called_off,
    events,
    orphans,
    outbox,
    payments,
    ticket_types,
    tickets,
    units,
    users,
)


@dataclass(frozen=True)
class Verdict:
    """What the ledger has decided about an order, ready to be written."""

    order: Order
    status: BookingStatus
    payment: PaymentStatus
    reference: str | None = None
    reason: str | None = None

    def refused(self, reason: str) -> "Verdict":
        """The same order refused, its authorisation to be voided."""
        return replace(self, status=BookingStatus.REFUSED, payment=PaymentStatus.VOID_DUE, reason=reason)


_DECIDED = Bulk(
    [bookings.c.id],
    lambda asked: select(bookings.c.id, bookings.c.request_hash).join_from(
        asked, bookings, bookings.c.id == asked.c.id
    ),
)


async def decided(database: Database, booking_ids: Sequence[str]) -> Mapping[str, str]:
    """Booking id -> request hash, for those of the ids that have an outcome already."""
    rows = await database.fetch_all(_DECIDED.of(database, ({"id": wanted} for wanted in booking_ids)))
    return {row["id"]: row["request_hash"] for row in rows}


_ASKED = (bookings.c.id, bookings.c.event_id, bookings.c.user_id, bookings.c.ticket_type_id)


def _standing(asked: Subquery) -> Select[Any]:
    """All that a commit must know of its orders, a row for each ticket that their users have at the event."""
    theirs = (tickets.c.event_id == asked.c.event_id) & (tickets.c.user_id == asked.c.user_id)
    known = (
        asked.outerjoin(bookings, bookings.c.id == asked.c.id)
        .outerjoin(orphans, orphans.c.charge_key == asked.c.id)
        .outerjoin(events, events.c.id == asked.c.event_id)
        .outerjoin(called_off, called_off.c.event_id == asked.c.event_id)
        .outerjoin(users, users.c.id == asked.c.user_id)
        .outerjoin(ticket_types, ticket_types.c.id == asked.c.ticket_type_id)
        .outerjoin(tickets, theirs)
    )
    return select(
        asked.c.id,
        asked.c.event_id,
        asked.c.user_id,
        bookings.c.id.label("decided"),
        orphans.c.charge_key.label("orphan"),
        events.c.per_user_limit,
        called_off.c.started_at.label("called_off"),
        users.c.email,
        users.c.closed_at,
        ticket_types.c.seated,
        tickets.c.slot,
    ).select_from(known)


_STANDING = Bulk(_ASKED, _standing)


async def commit(database: Database, verdicts: Sequence[Verdict]) -> list[Booking]:
    """Write the verdicts in one transaction; those whose booking has an outcome already are passed over.

    Gives the bookings as written: one above the user's limit is written as refused. Raises a
    `violations.UNIQUE` error, and writes nothing, if a unit has a ticket already.
    """
    reached(Point.COMMIT_ASKED)
    async with database.transaction():
        standing = await database.fetch_all(_STANDING.of(database, map(_asked, verdicts)))
        of_order = {row["id"]: row for row in standing}
        fresh = [v for v in verdicts if of_order[v.order.booking_id]["decided"] is None]
        if not fresh:
            return []
        gone = {row["id"] for row in standing if row["orphan"] is not None}
        closed = {row["id"] for row in standing if row["closed_at"] is not None}
        off = {row["id"] for row in standing if row["called_off"] is not None}
        for those, reason in ((gone, "payment_unknown"), (closed, "account_closed"), (off, "called_off")):
            fresh = _refused(fresh, those, reason)
        fresh, numbered = _take_slots(fresh, _free_slots(standing))
        at = now()
        written = [_booking(verdict, at) for verdict in fresh]
        letters = [
            _letter(v.order, of_order[v.order.booking_id]["email"], at)
            for v in fresh
            if v.status is BookingStatus.CONFIRMED
        ]
        await insert_all(
            database,
            [
                (bookings, written),
                (payments, [_payment(v, at) for v in fresh]),
                (tickets, numbered),
                (outbox, letters),
            ],
            guards=_GUARDS,
        )
        seated = [row for row in numbered if of_order[row["booking_id"]]["seated"]]
        seats = await _seats(database, seated) if seated else {}
        if letters:
            announce(database)
        reached(Point.COMMIT_WRITTEN)
    reached(Point.COMMITTED)
    return _as_bookings(written, numbered, seats)


def _asked(verdict: Verdict) -> dict[str, Any]:
    order = verdict.order
    return {
        "id": order.booking_id,
        "event_id": order.event_id,
        "user_id": order.user_id,
        "ticket_type_id": order.ticket_type_id,
    }


def _refused(verdicts: Sequence[Verdict], those: Container[str], reason: str) -> list[Verdict]:
    """The verdicts, those of these bookings refused that were to be confirmed: the auditor has let go of
    their charge because nobody knew its order, their account was closed, or the event is called off. (One
    that was called off while this commit wrote is found confirmed, and cancelled like the others.)"""
    return [
        v.refused(reason) if v.order.booking_id in those and v.status is BookingStatus.CONFIRMED else v
        for v in verdicts
    ]


def _of_open_accounts(written: Subquery) -> dict[str, ColumnElement[Any]]:
    """No ticket without a code, and no code for who has closed their account since the commit looked.

    The bookings before them have waited for the rows of their users by then, so this sees what closed them.
    """
    closed_at = select(users.c.closed_at).where(users.c.id == written.c.user_id).scalar_subquery()
    return {"code": case((closed_at.is_(None), written.c.code))}


_GUARDS = {tickets: _of_open_accounts}


def _free_slots(standing: Iterable[Record]) -> dict[tuple[int, int], list[int]]:
    """(event, user) -> the numbers below the event's limit that no ticket of theirs has."""
    limits: dict[tuple[int, int], int] = {}
    used: dict[tuple[int, int], set[int]] = defaultdict(set)
    for row in standing:
        pair = row["event_id"], row["user_id"]
        limits[pair] = row["per_user_limit"]
        used[pair].add(row["slot"])
    return {pair: [slot for slot in range(limits[pair]) if slot not in used[pair]] for pair in limits}


def _take_slots(
    verdicts: Sequence[Verdict], slots: dict[tuple[int, int], list[int]]
) -> tuple[list[Verdict], list[dict[str, Any]]]:
    written, rows = [], []
    for verdict in verdicts:
        order = verdict.order
        free = slots[order.event_id, order.user_id]
        if verdict.status is BookingStatus.CONFIRMED and len(free) < len(order.units):
            verdict = verdict.refused("limit_exceeded")
        if verdict.status is BookingStatus.CONFIRMED:
            rows += [_ticket(order, unit, free.pop(0)) for unit in order.units]
        written.append(verdict)
    return written, rows


def _ticket(order: Order, unit: int, slot: int) -> dict[str, Any]:
    return {
        "code": new_code(),
        "booking_id": order.booking_id,
        "event_id": order.event_id,
        "user_id": order.user_id,
        "slot": slot,
        "ticket_type_id": order.ticket_type_id,
        "unit": unit,
    }


def _booking(verdict: Verdict, at: datetime) -> dict[str, Any]:
    order = verdict.order
    return {
        "id": order.booking_id,
        "code": new_code(),
        "event_id": order.event_id,
        "user_id": order.user_id,
        "ticket_type_id": order.ticket_type_id,
        "quantity": len(order.units),
        "amount": order.amount,
        "fee": order.fee,
        "currency": order.currency,
        "status": verdict.status.value,
        "reason": verdict.reason,
        "request_hash": order.request_hash,
        "created_at": order.submitted_at,
        "decided_at": at,
        "hold_id": order.hold_id,
    }


def _payment(verdict: Verdict, at: datetime) -> dict[str, Any]:
    return {
        "booking_id": verdict.order.booking_id,
        "method": verdict.order.method,
        "amount": verdict.order.amount,
        "currency": verdict.order.currency,
        "status": verdict.payment.value,
        "reference": verdict.reference,
        "updated_at": at,
    }


def _letter(order: Order, recipient: str, at: datetime) -> dict[str, Any]:
    """The row of the confirmation, to the address its user has now."""
    return new_letter(CONFIRMATION, order.booking_id, order.event_id, recipient, at)


_SEAT_OF = (units.c.ticket_type_id, units.c.unit)


def _seats_of(asked: Subquery) -> Select[Any]:
    same = (units.c.ticket_type_id == asked.c.ticket_type_id) & (units.c.unit == asked.c.unit)
    return select(*_SEAT_OF, units.c.section, units.c.row, units.c.number).join_from(asked, units, same)


_SEATS = Bulk(_SEAT_OF, _seats_of)


async def _seats(database: Database, numbered: Sequence[dict[str, Any]]) -> dict[tuple[int, int], str]:
    """(type, unit) -> the seat's name, for tickets that have one."""
    rows = await database.fetch_all(_SEATS.of(database, map(_place, numbered)))
    return {
        (row["ticket_type_id"], row["unit"]): str(Seat(row["section"], row["row"], row["number"]))
        for row in rows
    }


def _place(row: dict[str, Any]) -> dict[str, int]:
    return {"ticket_type_id": row["ticket_type_id"], "unit": row["unit"]}


def _as_bookings(
    written: Sequence[dict[str, Any]],
    numbered: Sequence[dict[str, Any]],
    seats: Mapping[tuple[int, int], str],
) -> list[Booking]:
    """The rows as their owners would read them back."""
    theirs: dict[str, list[Ticket]] = defaultdict(list)
    for row in sorted(numbered, key=lambda row: int(row["unit"])):
        seat = seats.get((row["ticket_type_id"], row["unit"]))
        theirs[row["booking_id"]].append(Ticket(row["code"], row["unit"], seat))
    return [booking_of(row, theirs[row["id"]]) for row in written]


async def move_to_unsold(database: Database, verdict: Verdict, taken: set[int]) -> Verdict:
    """The verdict with unsold units in place of those it cannot have, or refused if there are none.

    Holds take the first free units, so the last are those least likely to be in somebody's hands.
    """
    order = verdict.order
    sold = (tickets.c.ticket_type_id == units.c.ticket_type_id) & (tickets.c.unit == units.c.unit)
    rows = await database.fetch_all(
        select(units.c.unit)
        .select_from(units.outerjoin(tickets, sold))
        .where((units.c.ticket_type_id == order.ticket_type_id) & tickets.c.id.is_(None))
        .where(units.c.unit.not_in(order.units))
        .order_by(units.c.unit.desc())
        .limit(len(taken))
    )
    if len(rows) < len(taken):
        return verdict.refused("unit_taken")
    kept = [unit for unit in order.units if unit not in taken]
    return replace(verdict, order=replace(order, units=(*kept, *(row["unit"] for row in rows))))


async def not_to_be_had(database: Database, ticket_type_id: int, wanted: Sequence[int]) -> set[int]:
    """Those of the wanted units that have a ticket, or do not exist."""
    these = (units.c.ticket_type_id == ticket_type_id) & units.c.unit.in_(wanted)
    rows = await database.fetch_all(select(units.c.unit).where(these))
    taken = await taken_units(database, ticket_type_id, wanted)
    return set(wanted) - ({row["unit"] for row in rows} - taken)


async def taken_units(database: Database, ticket_type_id: int, wanted: Sequence[int]) -> set[int]:
    """Those of the wanted units that have a ticket."""
    rows = await database.fetch_all(
        select(tickets.c.unit).where(
            (tickets.c.ticket_type_id == ticket_type_id) & tickets.c.unit.in_(wanted)
        )
    )
    return {row["unit"] for row in rows}


async def move_payments(
    database: Database, booking_ids: Sequence[str], before: PaymentStatus, after: PaymentStatus
) -> None:
    """Note that the gateway has captured, voided or refunded these."""
    at = now()
    moved = ({"booking_id": booking_id, "updated_at": at} for booking_id in booking_ids)
    await database.execute(_moving(before, after).of(database, moved))


@cache
def _moving(before: PaymentStatus, after: PaymentStatus) -> Bulk:
    def build(asked: Subquery) -> Update:
        theirs = (payments.c.booking_id == asked.c.booking_id) & (payments.c.status == before.value)
        ended = {"status": after.value, "updated_at": asked.c.updated_at}
        return update(payments).where(theirs).values(**ended, due_at=null(), last_error=null())

    return Bulk([payments.c.booking_id, payments.c.updated_at], build)

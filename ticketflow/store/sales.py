"""The commit of the ledger: bookings, tickets, payments and mail, many orders in one transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from databases import Database
from sqlalchemy import insert, select, update

from ticketflow.domain import Booking, BookingStatus, Order, Ticket, new_code, now
from ticketflow.faults import Point, reached
from ticketflow.store.bookings import booking_of
from ticketflow.store.bulk import given, given_values, insertion
from ticketflow.store.events import Seat
from ticketflow.store.outbox import CONFIRMATION, new_letter
from ticketflow.store.tables import bookings, events, orphans, outbox, payments, tickets, units, users


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


async def decided(database: Database, booking_ids: Sequence[str]) -> Mapping[str, str]:
    """Booking id -> request hash, for those of the ids that have an outcome already."""
    asked = given_values(database, bookings.c.id, booking_ids)
    rows = await database.fetch_all(
        select(bookings.c.id, bookings.c.request_hash).join_from(asked, bookings, bookings.c.id == asked.c.id)
    )
    return {row["id"]: row["request_hash"] for row in rows}


async def commit(database: Database, verdicts: Sequence[Verdict]) -> list[Booking]:
    """Write the verdicts in one transaction; those whose booking has an outcome already are passed over.

    Gives the bookings as written: one above the user's limit is written as refused. Raises a
    `violations.UNIQUE` error, and writes nothing, if a unit has a ticket already.
    """
    reached(Point.COMMIT_ASKED)
    async with database.transaction():
        known = await decided(database, [v.order.booking_id for v in verdicts])
        fresh = [v for v in verdicts if v.order.booking_id not in known]
        if not fresh:
            return []
        fresh = await _without_orphans(database, fresh)
        fresh, numbered = _take_slots(fresh, await _free_slots(database, fresh))
        at = now()
        written = [_booking(verdict, at) for verdict in fresh]
        await database.execute(insertion(database, bookings, written))
        await database.execute(insertion(database, payments, [_payment(v, at) for v in fresh]))
        seats = {}
        if numbered:
            await database.execute(insertion(database, tickets, numbered))
            await _write_mail(database, [v.order for v in fresh if v.status is BookingStatus.CONFIRMED], at)
            seats = await _seats(database, numbered)
        reached(Point.COMMIT_WRITTEN)
    reached(Point.COMMITTED)
    return _as_bookings(written, numbered, seats)


async def _without_orphans(database: Database, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts, those refused whose charge the auditor has let go of because nobody knew its order."""
    ids = [v.order.booking_id for v in verdicts]
    found = await database.fetch_all(select(orphans.c.charge_key).where(orphans.c.charge_key.in_(ids)))
    gone = {row["charge_key"] for row in found}
    return [
        v.refused("payment_unknown")
        if v.order.booking_id in gone and v.status is BookingStatus.CONFIRMED
        else v
        for v in verdicts
    ]


async def _free_slots(database: Database, verdicts: Sequence[Verdict]) -> dict[tuple[int, int], list[int]]:
    """(event, user) -> the numbers below the event's limit that no ticket of theirs has."""
    pairs = {(v.order.event_id, v.order.user_id) for v in verdicts}
    asked = given(
        database,
        [tickets.c.event_id, tickets.c.user_id],
        ({"event_id": event_id, "user_id": user_id} for event_id, user_id in pairs),
    )
    theirs = (tickets.c.event_id == asked.c.event_id) & (tickets.c.user_id == asked.c.user_id)
    used: dict[tuple[int, int], set[int]] = defaultdict(set)
    for row in await database.fetch_all(
        select(tickets.c.event_id, tickets.c.user_id, tickets.c.slot).join_from(asked, tickets, theirs)
    ):
        used[row["event_id"], row["user_id"]].add(row["slot"])
    of_events = events.c.id.in_({event_id for event_id, _ in pairs})
    limits = {
        row["id"]: row["per_user_limit"]
        for row in await database.fetch_all(select(events.c.id, events.c.per_user_limit).where(of_events))
    }
    return {pair: [slot for slot in range(limits[pair[0]]) if slot not in used[pair]] for pair in pairs}


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


async def _write_mail(database: Database, orders: Sequence[Order], at: datetime) -> None:
    """Put a confirmation for each order into the outbox, to the address its user has now."""
    letters = [_letter(order, at) for order in orders]
    names = [name for name in letters[0] if name != "user_id"]
    columns = [tickets.c.user_id, *(outbox.c[name] for name in names)]
    entries = given(database, columns, letters)
    addressed = select(*(entries.c[name] for name in names), users.c.email).join_from(
        entries, users, users.c.id == entries.c.user_id
    )
    await database.execute(insert(outbox).from_select([*names, "recipient"], addressed))


def _letter(order: Order, at: datetime) -> dict[str, Any]:
    """The letter's row, to whom it goes still to be found."""
    row = new_letter(CONFIRMATION, order.booking_id, order.event_id, "", at)
    del row["recipient"]
    return {"user_id": order.user_id, **row}


async def _seats(database: Database, numbered: Sequence[dict[str, Any]]) -> dict[tuple[int, int], str]:
    """(type, unit) -> the seat's name, for those of the tickets that have one."""
    asked = given(database, [units.c.ticket_type_id, units.c.unit], (_place(row) for row in numbered))
    same = (units.c.ticket_type_id == asked.c.ticket_type_id) & (units.c.unit == asked.c.unit)
    query = (
        select(units.c.ticket_type_id, units.c.unit, units.c.section, units.c.row, units.c.number)
        .join_from(asked, units, same)
        .where(units.c.section.is_not(None))
    )
    rows = await database.fetch_all(query)
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
    asked = given_values(database, payments.c.booking_id, booking_ids)
    theirs = (payments.c.booking_id == asked.c.booking_id) & (payments.c.status == before.value)
    await database.execute(update(payments).where(theirs).values(status=after.value, updated_at=now()))


async def unsettled_payments(
    database: Database, older_than_seconds: float, most: int
) -> list[tuple[str, PaymentStatus]]:
    """Payments a crash has left between the commit and the gateway: to be captured, voided or refunded."""
    open_ones = (PaymentStatus.AUTHORISED, PaymentStatus.VOID_DUE, PaymentStatus.REFUND_DUE)
    waiting = payments.c.status.in_([status.value for status in open_ones])
    since = now() - timedelta(seconds=older_than_seconds)
    rows = await database.fetch_all(
        select(payments.c.booking_id, payments.c.status)
        .where(waiting & (payments.c.updated_at < since))
        .order_by(payments.c.updated_at)
        .limit(most)
    )
    return [(row["booking_id"], PaymentStatus(row["status"])) for row in rows]

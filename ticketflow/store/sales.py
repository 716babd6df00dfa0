"""The commit of the ledger: bookings, tickets, payments and mail, many orders in one transaction."""

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from databases import Database
from sqlalchemy import insert, select, tuple_, update

from ticketflow.domain import BookingStatus, Order, new_code, now
from ticketflow.store.outbox import MailState
from ticketflow.store.tables import bookings, events, outbox, payments, tickets, units, users


class PaymentStatus(StrEnum):
    """`authorised` -> `captured`; or `void_due` -> `voided`; or `declined` from the start."""

    AUTHORISED = "authorised"
    CAPTURED = "captured"
    VOID_DUE = "void_due"
    VOIDED = "voided"
    DECLINED = "declined"


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
    rows = await database.fetch_all(
        select(bookings.c.id, bookings.c.request_hash).where(bookings.c.id.in_(booking_ids))
    )
    return {row["id"]: row["request_hash"] for row in rows}


async def commit(database: Database, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Write the verdicts in one transaction; those whose booking has an outcome already are passed over.

    Gives the verdicts as written: one above the user's limit is written as refused. Raises a
    `violations.UNIQUE` error, and writes nothing, if a unit has a ticket already.
    """
    async with database.transaction():
        known = await decided(database, [v.order.booking_id for v in verdicts])
        fresh = [v for v in verdicts if v.order.booking_id not in known]
        if not fresh:
            return []
        slots = await _free_slots(database, fresh)
        fresh, numbered = _take_slots(fresh, slots)
        at = now()
        codes = {v.order.booking_id: new_code() for v in fresh}
        await database.execute(insert(bookings).values([_booking(v, codes, at) for v in fresh]))
        await database.execute(insert(payments).values([_payment(v, at) for v in fresh]))
        if numbered:
            await database.execute(insert(tickets).values(numbered))
            await _write_mail(database, fresh, at)
        return fresh


async def _free_slots(database: Database, verdicts: Sequence[Verdict]) -> dict[tuple[int, int], list[int]]:
    """(event, user) -> the numbers below the event's limit that no ticket of theirs has."""
    pairs = {(v.order.event_id, v.order.user_id) for v in verdicts}
    limits = {
        row["id"]: row["per_user_limit"]
        for row in await database.fetch_all(
            select(events.c.id, events.c.per_user_limit).where(events.c.id.in_({event for event, _ in pairs}))
        )
    }
    used: dict[tuple[int, int], set[int]] = defaultdict(set)
    for row in await database.fetch_all(
        select(tickets.c.event_id, tickets.c.user_id, tickets.c.slot).where(
            tuple_(tickets.c.event_id, tickets.c.user_id).in_(sorted(pairs))
        )
    ):
        used[row["event_id"], row["user_id"]].add(row["slot"])
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


def _booking(verdict: Verdict, codes: Mapping[str, str], at: datetime) -> dict[str, Any]:
    order = verdict.order
    return {
        "id": order.booking_id,
        "code": codes[order.booking_id],
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


async def _write_mail(database: Database, verdicts: Sequence[Verdict], at: datetime) -> None:
    orders = [v.order for v in verdicts if v.status is BookingStatus.CONFIRMED]
    wanted = {order.user_id for order in orders}
    rows = await database.fetch_all(select(users.c.id, users.c.email).where(users.c.id.in_(wanted)))
    addresses = {row["id"]: row["email"] for row in rows}
    await database.execute(
        insert(outbox).values([_letter(order, addresses[order.user_id], at) for order in orders])
    )


def _letter(order: Order, recipient: str, at: datetime) -> dict[str, Any]:
    return {
        "kind": "booking_confirmed",
        "booking_id": order.booking_id,
        "event_id": order.event_id,
        "recipient": recipient,
        # Made once, so that a letter sent twice is one letter to the reader's mail program.
        "message_id": f"<{order.booking_id}.{secrets.token_hex(8)}@ticketflow>",
        "state": MailState.PENDING.value,
        "attempts": 0,
        "due_at": at,
        "created_at": at,
    }


async def move_to_unsold(database: Database, verdict: Verdict, taken: set[int]) -> Verdict:
    """The verdict with unsold units in place of the taken ones, or refused if there are none.

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
    """Note that the gateway has captured or voided these."""
    theirs = payments.c.booking_id.in_(booking_ids) & (payments.c.status == before.value)
    await database.execute(update(payments).where(theirs).values(status=after.value, updated_at=now()))


async def unsettled_payments(
    database: Database, older_than_seconds: float, most: int
) -> list[tuple[str, PaymentStatus]]:
    """Payments a crash has left between the commit and the gateway: to be captured, or to be voided."""
    waiting = payments.c.status.in_([PaymentStatus.AUTHORISED.value, PaymentStatus.VOID_DUE.value])
    since = now() - timedelta(seconds=older_than_seconds)
    rows = await database.fetch_all(
        select(payments.c.booking_id, payments.c.status)
        .where(waiting & (payments.c.updated_at < since))
        .order_by(payments.c.updated_at)
        .limit(most)
    )
    return [(row["booking_id"], PaymentStatus(row["status"])) for row in rows]

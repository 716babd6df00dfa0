"""What the ledger is measured against: a plain service, one transaction a booking."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from databases import Database
from sqlalchemy import insert, select

from ticketflow.codes import new_code
from ticketflow.domain import Order, now
from ticketflow.store.tables import bookings, outbox, payments, tickets

from .common import seconds


async def rate(database: Database, orders: list[Order], writers: int) -> float:
    """Bookings a second when so many writers share the orders, each with a connection of its own."""
    waiting = iter(orders)
    took = await seconds(lambda: _all(database, waiting, writers))
    return len(orders) / took


async def _all(database: Database, waiting: Iterator[Order], writers: int) -> None:
    async with asyncio.TaskGroup() as tasks:
        for _ in range(writers):
            tasks.create_task(_write(database, waiting))


async def _write(database: Database, waiting: Iterator[Order]) -> None:
    for order in waiting:
        await book(database, order)


async def book(database: Database, order: Order) -> None:
    """The rows the ledger writes for a booking, and the one read they need: which slots the user has left.

    The payment was authorised before, and the address is known from the session: neither is counted.
    """
    async with database.transaction():
        theirs = (tickets.c.event_id == order.event_id) & (tickets.c.user_id == order.user_id)
        used = {row["slot"] for row in await database.fetch_all(select(tickets.c.slot).where(theirs))}
        slots = (slot for slot in range(1000) if slot not in used)
        await database.execute(insert(bookings).values(_booking(order)))
        for unit in order.units:
            await database.execute(insert(tickets).values(_ticket(order, unit, next(slots))))
        await database.execute(insert(payments).values(_payment(order)))
        await database.execute(insert(outbox).values(_letter(order)))


def _whose(order: Order) -> dict[str, Any]:
    return {
        "event_id": order.event_id,
        "user_id": order.user_id,
        "ticket_type_id": order.ticket_type_id,
    }


def _booking(order: Order) -> dict[str, Any]:
    return {
        **_whose(order),
        "id": order.booking_id,
        "code": new_code(),
        "quantity": len(order.units),
        "amount": order.amount,
        "fee": order.fee,
        "currency": order.currency,
        "status": "confirmed",
        "request_hash": order.request_hash,
        "created_at": order.submitted_at,
        "decided_at": now(),
        "hold_id": order.hold_id,
    }


def _ticket(order: Order, unit: int, slot: int) -> dict[str, Any]:
    return {
        **_whose(order),
        "code": new_code(),
        "booking_id": order.booking_id,
        "slot": slot,
        "unit": unit,
    }


def _payment(order: Order) -> dict[str, Any]:
    return {
        "booking_id": order.booking_id,
        "method": order.method,
        "amount": order.amount,
        "currency": order.currency,
        "status": "authorised",
        "reference": f"prompt_{order.booking_id[:12]}",
        "updated_at": now(),
    }


def _letter(order: Order) -> dict[str, Any]:
    return {
        "kind": "booking_confirmed",
        "booking_id": order.booking_id,
        "event_id": order.event_id,
        "recipient": "fan@example.com",
        "message_id": f"<{order.booking_id}@ticketflow>",
        "state": "pending",
        "attempts": 0,
        "due_at": now(),
        "created_at": now(),
    }

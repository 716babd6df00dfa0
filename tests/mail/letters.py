"""Letters for the tests of delivery: of bookings that the ledger's own commit has written, many at once."""

import secrets
from collections.abc import Sequence

from databases import Database
from sqlalchemy import func, insert, select

from tests.house import Sale
from ticketflow.domain import BookingStatus, Order, PaymentStatus, Role, now
from ticketflow.store import sales
from ticketflow.store.sales import Verdict
from ticketflow.store.tables import outbox, tickets, users

A_COMMIT = 100


async def book(database: Database, sale: Sale, count: int) -> None:
    """So many confirmed bookings, each of an account of its own, with a letter each."""
    first = int(await database.fetch_val(select(func.max(users.c.id)))) + 1
    unit = int(await database.fetch_val(select(func.coalesce(func.max(tickets.c.unit), -1)))) + 1
    orders = [_order(sale, first + number, unit + number) for number in range(count)]
    for start in range(0, count, A_COMMIT):
        some = orders[start : start + A_COMMIT]
        await database.execute(insert(users).values([_account(order.user_id) for order in some]))
        await sales.commit(
            database, [Verdict(order, BookingStatus.CONFIRMED, PaymentStatus.CAPTURED) for order in some]
        )


def _account(number: int) -> dict[str, object]:
    known = {"password_hash": "none", "role": Role.FAN.value, "created_at": now()}
    return {"id": number, "name": "A fan", "email": f"{number}@example.com", **known}


def _order(sale: Sale, user_id: int, unit: int) -> Order:
    return Order(
        entry_id="0-0",
        booking_id=secrets.token_hex(16),
        request_hash="hash",
        hold_id=f"{sale.event_id}-{unit}",
        event_id=sale.event_id,
        user_id=user_id,
        visitor=f"fan{user_id}",
        ticket_type_id=sale.type_ids[0],
        units=(unit,),
        amount=2500,
        currency="EUR",
        method="card-ok",
        keep_hold=False,
        submitted_at=now(),
    )


async def states(database: Database) -> dict[str, int]:
    """State -> how many letters are in it."""
    rows = await database.fetch_all(
        select(outbox.c.state, func.count().label("letters")).group_by(outbox.c.state)
    )
    return {row["state"]: row["letters"] for row in rows}


async def message_ids(database: Database, *states: str) -> Sequence[str]:
    """The Message-IDs of the letters in these states, the oldest first."""
    rows = await database.fetch_all(
        select(outbox.c.message_id)
        .where(outbox.c.state.in_(states))
        .order_by(outbox.c.created_at, outbox.c.id)
    )
    return [row["message_id"] for row in rows]

"""What `tests.forked.Forked` can take out of a process before it starts, for the controls."""

import asyncio
from collections.abc import Sequence
from typing import Any

from ticketflow.booking.cancellations import Cancellations
from ticketflow.booking.cashier import Cashier
from ticketflow.booking.intake import Intake
from ticketflow.booking.ledger import Ledger
from ticketflow.domain import Order
from ticketflow.payments import SimulatedGateway
from ticketflow.stock import GROUP
from ticketflow.store.tables import simulated_charges


async def _never(_self: Any) -> None:
    await asyncio.Event().wait()


def takeover() -> None:
    """Nobody takes up what a dead ledger had in hand."""
    Intake._take_over = _never  # type: ignore[method-assign,assignment]


def settling() -> None:
    """Nobody looks for money that was left between the commit and the gateway."""
    Cashier.sweep = _never  # type: ignore[method-assign,assignment]


def giving_back() -> None:
    """Nobody looks for units that a cancelled booking has still."""
    Cancellations.sweep = _never  # type: ignore[method-assign,assignment]


def acknowledging_last() -> None:
    """Orders are taken off the stream as soon as they are read."""
    start = Ledger._start

    async def acknowledge_first(self: Ledger, orders: Sequence[Order]) -> None:
        stock = self._teller._stock
        for order in orders:
            keys = stock.keys(order.event_id)
            await stock._redis.xack(keys.orders, GROUP, order.entry_id)
            await stock._redis.xdel(keys.orders, order.entry_id)
            await stock._redis.hdel(keys.pending, order.booking_id)
        await start(self, orders)

    Ledger._start = acknowledge_first  # type: ignore[method-assign]


def refunding_a_key_once() -> None:
    """The gateway pays back whenever it is asked, under whatever key."""

    async def refund(self: SimulatedGateway, key: str) -> None:
        charge = simulated_charges.update().where(simulated_charges.c.charge_key == key)
        await self._database.execute(charge.values(status="refunded"))

    SimulatedGateway.refund = refund  # type: ignore[method-assign]

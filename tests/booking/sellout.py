"""Fans who do not give up until a sale is sold out, whatever befalls it, and the reckoning afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from sqlalchemy import func, select

from tests.booking.auditing import LONG_AGO, auditor_of
from tests.booking.support import rows, stock_is
from tests.house import House, Sale, Visitor, eventually, in_process, make_sale
from ticketflow.domain import now
from ticketflow.loops import running
from ticketflow.settings import Settings
from ticketflow.store import tables, violations
from ticketflow.store.events import NewTicketType

CAPACITY = 100
FANS = 10
TRY_AGAIN_SECONDS = 0.05

Disturbance = Callable[["SellOut"], Awaitable[None]]


@dataclass
class SellOut:
    """A sale in which each fan takes what they can; `confirmed` is what they were told they have."""

    house: House
    sale: Sale
    confirmed: dict[str, list[int]] = field(default_factory=dict)

    async def tickets(self) -> int:
        return await rows(self.house, tables.tickets)

    async def sold(self, count: int) -> None:
        """Return once so many more are sold, even if the database is away meanwhile."""
        goal = min(CAPACITY, await self.tickets() + count)

        async def so() -> bool:
            try:
                return await self.tickets() >= goal
            except violations.BROKEN:
                return False

        await eventually(so, seconds=60)

    async def fan(self, number: int) -> None:
        async with self.house.visitor() as visitor:
            assert (await visitor.register()).status_code == 201
            attempt = 0
            while True:
                attempt += 1
                await visitor.join(self.sale)
                await visitor.claim(self.sale)
                held = await visitor.hold(self.sale, 1 + (number + attempt) % 3)
                if held.status_code == 201:
                    await self._book(visitor, held.json()["id"], f"{number}-{attempt}")
                else:
                    await asyncio.sleep(TRY_AGAIN_SECONDS)

    async def _book(self, visitor: Visitor, hold_id: str, key: str) -> None:
        """Ask under one key until the end is known; an order that was lost with Redis has none."""
        while True:
            answer = await visitor.book(hold_id, key=key, prefer="wait=2")
            if answer.status_code == 201:
                self.confirmed[answer.json()["id"]] = answer.json()["units"]
                return
            if answer.status_code not in (202, 503):
                assert answer.status_code in (402, 403, 409, 410, 422), answer.text
                return
            await asyncio.sleep(TRY_AGAIN_SECONDS)


async def sell_out(settings: Settings, disturb: Disturbance) -> None:
    """Sell all tickets while `disturb` does its worst; then nothing is oversold, lost, or unpaid."""
    settings = replace(settings, hold_seconds=5, retry_seconds=1)
    sale = await make_sale(settings, types=[NewTicketType("Standing", 2500, CAPACITY)], per_user_limit=60)
    async with in_process(settings) as house:
        selling = SellOut(house, sale)
        async with running([selling.fan(number) for number in range(FANS)]):
            await asyncio.gather(disturb(selling), selling.sold(CAPACITY))
            await eventually(lambda: stays_sold_out(house, sale), seconds=30)
        await reckon(selling)


async def stays_sold_out(house: House, sale: Sale) -> bool:
    await stock_is(house, sale, free=0, held=0, sold=CAPACITY)
    return True


async def reckon(selling: SellOut) -> None:
    """Each ticket once, what was confirmed is there, each booking paid once, and the auditor content."""
    house = selling.house
    assert await selling.tickets() == CAPACITY
    for booking_id, units in selling.confirmed.items():
        found = await house.database.fetch_all(
            select(tables.tickets.c.unit).where(tables.tickets.c.booking_id == booking_id)
        )
        assert sorted(row["unit"] for row in found) == sorted(units)
    confirmed = await rows(house, tables.bookings, status="confirmed")
    assert len(selling.confirmed) <= confirmed

    async def all_paid() -> bool:
        return await rows(house, tables.payments, status="captured") == confirmed

    await eventually(all_paid, seconds=30)
    taken = select(func.sum(tables.simulated_charges.c.amount)).where(
        tables.simulated_charges.c.status == "captured"
    )
    assert await house.database.fetch_val(taken) == CAPACITY * 2500
    await audit_is_clean(house)


async def audit_is_clean(house: House) -> None:
    """Hours later, nothing differs but charges whose orders were lost; those are let go."""
    for table, column in (("payments", "updated_at"), ("simulated_charges", "created_at")):
        changed = tables.metadata.tables[table].update().values({column: now() - LONG_AGO})
        await house.database.execute(changed)
    auditor, _ = auditor_of(house)
    since = now() - 2 * LONG_AGO
    await auditor.mend([d for d in (await auditor.audit(since=since)).differences if d.kind == "orphan"])
    report = await auditor.audit(since=since)
    assert report.clean, report
    assert await rows(house, tables.simulated_charges, status="authorised") == 0

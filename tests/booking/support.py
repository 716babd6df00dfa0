"""What the tests of booking share: a web without a worker, a worker for later, and looks at the books."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from sqlalchemy import Table, func, select

from tests.house import House, Sale, eventually, sqlite_is_quiet
from ticketflow.app import open_web
from ticketflow.booking.cashier import Cashier
from ticketflow.domain import BookingStatus, Order, PaymentStatus, now
from ticketflow.payments import Gateway, SimulatedGateway
from ticketflow.settings import Settings
from ticketflow.store import sales, tables, users
from ticketflow.store.sales import Verdict
from ticketflow.web.services import Services
from ticketflow.worker import run_worker


def services(house: House) -> Services:
    assert house.app is not None
    found: Services = house.app.extensions["ticketflow"]
    return found


@asynccontextmanager
async def web_only(settings: Settings) -> AsyncIterator[House]:
    """A web in this process whose orders nobody books yet, with every sale's room and stock in Redis."""
    try:
        async with open_web(settings) as app:
            found: Services = app.extensions["ticketflow"]
            for event in found.catalogue.all():
                await found.keeper.prepare(event)
            await found.hub.refresh()
            yield House(settings, "http://localhost", found.database, app)
    finally:
        await sqlite_is_quiet()


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[None]:
    """A worker in this process, for as long as the block lasts."""
    stop = asyncio.Event()
    running = asyncio.create_task(run_worker(settings, stop))
    try:
        yield
    finally:
        stop.set()
        await running


def cashier_of(house: House, gateway: Gateway | None = None) -> Cashier:
    """A cashier of the house's database, and of another gateway if one is given."""
    gateway = gateway or SimulatedGateway(house.database, 0)
    seconds = house.settings.settle_after_seconds
    return Cashier(house.database, gateway, settle_after_seconds=seconds)


@contextmanager
def nobody_sweeps() -> Iterator[None]:
    """Let a house that is opened inside look for no open payments by itself: the test does."""

    async def never(_self: Cashier) -> None:
        await asyncio.Event().wait()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cashier, "sweep", never)
        yield


async def rows(house: House, table: Table, **wanted: Any) -> int:
    """How many rows a table has with these values; of letters, those about bookings."""
    if table is tables.outbox:
        wanted = {"user_id": None, **wanted}
    query = select(func.count()).select_from(table).where(*(table.c[name] == v for name, v in wanted.items()))
    return int(await house.database.fetch_val(query))


async def money_of(house: House, booking_id: str) -> tuple[str | None, str | None]:
    """What the books and what the gateway say of a booking's payment."""
    payments, charges = tables.payments, tables.simulated_charges
    ours = await house.database.fetch_val(
        select(payments.c.status).where(payments.c.booking_id == booking_id)
    )
    theirs = await house.database.fetch_val(
        select(charges.c.status).where(charges.c.charge_key == booking_id)
    )
    return ours, theirs


async def money_ends(house: House, booking_id: str, ours: str, theirs: str) -> None:
    """Return once books and gateway say so; fail if they never do."""

    async def so() -> bool:
        return await money_of(house, booking_id) == (ours, theirs)

    # What a busy SQLite has refused is settled by the sweep, after `settle_after_seconds`.
    await eventually(so, seconds=60)


async def sell_behind(house: House, sale: Sale, units: Sequence[int], kind: int = 0) -> None:
    """Sell units in the database to somebody else, and leave Redis believing that they are free."""
    name = f"behind-{units[0]}"
    somebody = await users.create(
        house.database, name=name, email=f"{name}@example.com", password_hash="none"
    )
    order = Order(
        entry_id="0-0",
        booking_id=f"{name:0>32}",
        request_hash="hash",
        hold_id=f"{sale.event_id}-behind",
        event_id=sale.event_id,
        user_id=somebody.id,
        visitor="behind",
        ticket_type_id=sale.type_ids[kind],
        units=tuple(units),
        amount=1,
        currency="EUR",
        method="card-ok",
        keep_hold=False,
        submitted_at=now(),
    )
    await sales.commit(house.database, [Verdict(order, BookingStatus.CONFIRMED, PaymentStatus.CAPTURED)])


async def lose_stock(house: House, sale: Sale) -> None:
    """Take the sale's stock out of Redis, all but the orders on their way."""
    found = services(house)
    keys = found.stock.keys(sale.event_id)
    nouns = ("stock", "holds", "expiry", "taken", "visits", "baskets", "pending")
    lost = [keys.stock.replace(":stock", f":{noun}") for noun in nouns]
    await found.redis.delete(*lost, *(keys.units(kind) for kind in sale.type_ids))


async def stock_is(house: House, sale: Sale, *, free: int, held: int, sold: int) -> None:
    """Return once Redis counts so for the sale's first type, bits and all; fail if it never does.

    A settlement follows the answer to the booker at a small distance.
    """
    found = services(house)
    event = found.catalogue.find(sale.event_id)
    assert event is not None
    kind, seen = sale.type_ids[0], (-1, -1, -1, -1)

    async def so() -> bool:
        nonlocal seen
        counts = await found.stock.counts(event)
        if counts is None:
            return False
        bits = int.from_bytes(await found.stock.free_units(event.id, kind)).bit_count()
        capacity = event.ticket_type(kind).capacity
        in_holds = capacity - bits - counts.sold[kind]
        seen = (counts.remaining[kind], bits, in_holds, counts.sold[kind])
        return seen == (free, free, held, sold)

    try:
        await eventually(so, seconds=10)
    except TimeoutError:
        raise AssertionError(f"free, free bits, held, sold are {seen}, not {(free, held, sold)}") from None

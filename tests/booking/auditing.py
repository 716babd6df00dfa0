"""What the tests of the auditor share: a house with an auditor at hand, and the differences it finds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Table, update

from tests.booking.support import money_ends, services, stock_is, web_only, working
from tests.house import House, Sale, make_sale
from ticketflow.booking.auditor import Auditor
from ticketflow.booking.rebuilder import Rebuilder
from ticketflow.domain import Event, now
from ticketflow.payments import Gateway
from ticketflow.settings import Settings
from ticketflow.stock import Inspection
from ticketflow.store import tables
from ticketflow.store.events import NewTicketType

LONG_AGO = timedelta(hours=1)
TICKETS = 20


@dataclass
class Books:
    """A house whose books a test may falsify, and who finds out."""

    house: House
    sale: Sale
    auditor: Auditor
    rebuilder: Rebuilder
    booking_id: str = ""
    user_id: int = 0

    @property
    def event(self) -> Event:
        event = services(self.house).catalogue.find(self.sale.event_id)
        assert event is not None
        return event

    @property
    def kind(self) -> int:
        return self.sale.type_ids[0]

    async def found(self) -> set[str]:
        """The kinds of difference there are."""
        report = await self.auditor.audit(since=now() - timedelta(days=1))
        assert not report.silent
        return {difference.kind for difference in report.differences}

    async def mend(self) -> None:
        report = await self.auditor.audit(since=now() - timedelta(days=1))
        await self.auditor.mend(report.differences)

    def key(self, noun: str) -> str:
        """A key of the sale's stock; `units` is the first type's."""
        keys = services(self.house).stock.keys(self.sale.event_id)
        return keys.units(self.kind) if noun == "units" else keys.stock.replace(":stock", f":{noun}")

    @property
    def redis(self) -> Any:
        return services(self.house).redis

    async def change(self, table: Table, **values: Any) -> None:
        """Write into the row of the booking."""
        key = next(table.c[name] for name in ("booking_id", "charge_key", "id") if name in table.c)
        await self.house.database.execute(update(table).where(key == self.booking_id).values(**values))

    async def grow_old(self) -> None:
        """Let an hour pass for the booking's money."""
        await self.change(tables.payments, updated_at=now() - LONG_AGO)
        await self.change(tables.simulated_charges, created_at=now() - LONG_AGO)
        await self.change(tables.bookings, decided_at=now() - LONG_AGO)


def auditor_of(house: House, gateway: Gateway | None = None) -> tuple[Auditor, Rebuilder]:
    """An auditor of the house's own stores, and of another gateway if one is given."""
    found = services(house)
    inspection = Inspection(found.redis, house.settings.redis_prefix)
    shared: dict[str, Any] = {
        "redis": found.redis,
        "database": house.database,
        "inspection": inspection,
        "rooms": found.rooms,
        "settings": house.settings,
    }
    rebuilder = Rebuilder(**shared)
    auditor = Auditor(
        **shared, gateway=gateway or found.gateway, rebuilder=rebuilder, events=found.catalogue.all
    )
    return auditor, rebuilder


@asynccontextmanager
async def kept_books(settings: Settings) -> AsyncIterator[Books]:
    """A sale with a booking of two tickets, captured, one hold, and nobody at work."""
    sale = await make_sale(settings, types=[NewTicketType("Standing", 2500, TICKETS)])
    async with web_only(settings) as house, house.visitor() as fan, house.visitor() as other:
        books = Books(house, sale, *auditor_of(house))
        async with working(settings):
            books.user_id = (await fan.register()).json()["id"]
            await fan.come_in(sale)
            booked = await fan.book((await fan.hold(sale, 2)).json()["id"])
            assert booked.status_code == 201, booked.text
            books.booking_id = booked.json()["id"]
            await money_ends(house, books.booking_id, "captured", "captured")
            await stock_is(house, sale, free=18, held=0, sold=2)
        await other.register()
        await other.come_in(sale)
        assert (await other.hold(sale, 3)).status_code == 201
        await books.grow_old()
        yield books

"""What an event offers, changed by its organiser: ticket types come and go before the sale; their numbers,
their prices and the limit a person also while it runs.

Whoever changes stock has the event's stock lock, as a rebuild has, and the event's row in the database. Redis
and the database cannot change together, so Redis never has a unit that the database has not:

    fewer:  lock -> begin -> Redis takes free units out -> rows go -> commit
    more:   lock -> begin -> rows come -> commit -> Redis puts them for sale

What fails or dies in between leaves units that nobody can buy. A rebuild from the database gives them back:
at once where we still can, else the auditor's.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from databases import Database
from redis.asyncio import Redis
from redis.exceptions import LockError

from ticketflow.booking.keeper import Keeper
from ticketflow.booking.rebuilder import LOCK_SECONDS, Rebuilder
from ticketflow.domain import Event, Refusal, TicketType, User
from ticketflow.faults import Point, reached
from ticketflow.rooms import Rooms
from ticketflow.stock import REFUSALS, OtherStock, Resizing, Stock
from ticketflow.store import edits, events, numbering, ticket_types, violations
from ticketflow.store.ticket_types import NewTicketType

log = logging.getLogger(__name__)

WAIT_SECONDS = 10
"""For a rebuild, or another change, to be over."""
TRIES = 3


class Offer:
    """Changes what events offer. `actor` must see to the event, `revision` is what the change was made for.

    All raise `Refusal` not_found, stale, not_ready.
    """

    def __init__(
        self,
        *,
        redis: "Redis",
        database: Database,
        stock: Stock,
        resizing: Resizing,
        rebuilder: Rebuilder,
        keeper: Keeper,
        rooms: Rooms,
    ) -> None:
        self._redis = redis
        self._database = database
        self._stock = stock
        self._resizing = resizing
        self._rebuilder = rebuilder
        self._keeper = keeper
        self._rooms = rooms

    async def set_capacity(
        self, event: Event, type_id: int, capacity: int, actor: User, revision: int | None
    ) -> None:
        """Let a type of general admission have so many tickets, also while it is on sale.

        Raises `Refusal` below_sold with how many are sold, held or being paid for, and seats_stand.
        """
        for _ in range(TRIES):
            await self._keeper.prepare(event)
            try:
                async with self._put_right(event), self._locked(event):
                    await self._resize(event, type_id, capacity, actor, revision)
                return
            except (OtherStock, *violations.UNIQUE) as differs:
                log.warning("event %d: its stock was not as the database has it: %r", event.id, differs)
        raise Refusal("not_ready", REFUSALS["not_ready"])

    async def _resize(
        self, event: Event, type_id: int, capacity: int, actor: User, revision: int | None
    ) -> None:
        leases = (await self._rooms.of(event.id)).keys.active
        runs: list[numbering.Run] = []
        async with self._database.transaction():
            await edits.begin(self._database, event.id, actor, revision)
            event = await self._found(event.id)
            before = event.ticket_type(type_id)
            if capacity == before.capacity:
                return
            if before.seated:
                raise Refusal("seats_stand", "A seated type has as many tickets as it has seats.")
            if capacity < before.capacity:
                taken_out = await self._resizing.shrink(event, leases, before, capacity)
                reached(Point.UNITS_TAKEN_OUT)
                after = numbering.without(before, taken_out)
                if not await ticket_types.make_smaller(self._database, after, taken_out):
                    raise OtherStock
            else:
                after, runs = numbering.larger(before, capacity)
                await ticket_types.make_larger(self._database, after, runs)
            await self._note(event, actor, "type.capacity", before, {"capacity": capacity})
        if runs:
            reached(Point.UNITS_MADE)
            await self._resizing.grow(event, leases, before, after, runs)

    async def change(
        self, event: Event, type_id: int, changes: dict[str, Any], actor: User, revision: int | None
    ) -> None:
        """Rename a type, or let it cost something else from the next hold on."""
        async with self._database.transaction():
            await edits.begin(self._database, event.id, actor, revision)
            found = await self._found(event.id)
            kind = found.ticket_type(type_id)
            _check_name(found, changes.get("name", kind.name), kind)
            await ticket_types.change(self._database, type_id, **changes)
            await self._note(found, actor, "type.edit", kind, changes)

    async def add(self, event: Event, new: NewTicketType, actor: User, revision: int | None) -> None:
        """Offer one more type. Raises `Refusal` sale_opened once the doors have been open."""
        async with self._before_the_sale(event, actor, revision) as found:
            _check_name(found, new.name, None)
            type_id = await ticket_types.add(self._database, event.id, new)
            named = {"ticket_type": {"id": type_id, "name": new.name}}
            after = {**named, "price": new.price, "capacity": new.capacity, "seated": new.seats is not None}
            await edits.note(self._database, event.id, actor, "type.add", after=after)

    async def remove(self, event: Event, type_id: int, actor: User, revision: int | None) -> None:
        """Offer a type no more. Raises `Refusal` sale_opened, and last_type."""
        async with self._before_the_sale(event, actor, revision) as found:
            kind = found.ticket_type(type_id)
            if len(found.ticket_types) == 1:
                raise Refusal("last_type", "An event has at least one ticket type: add another first.")
            await ticket_types.remove(self._database, type_id)
            gone = {"ticket_type": {"id": kind.id, "name": kind.name}, "price": kind.price}
            await edits.note(
                self._database, event.id, actor, "type.remove", before={**gone, "capacity": kind.capacity}
            )

    async def replace(
        self, event: Event, type_id: int, new: NewTicketType, actor: User, revision: int | None
    ) -> None:
        """Give a type other seats, under an id of its own: seats of an id never change. As `add`."""
        async with self._before_the_sale(event, actor, revision) as found:
            kind = found.ticket_type(type_id)
            _check_name(found, new.name, kind)
            await ticket_types.replace_seats(self._database, event.id, kind, new)
            after = {"name": new.name, "price": new.price, "capacity": new.capacity}
            await self._note(found, actor, "type.edit", kind, {**after, "seats": "others"})

    async def set_limit(self, event: Event) -> None:
        """Let the limit a person that was written down hold from the next hold on."""
        await self._resizing.limit(event, (await self._rooms.of(event.id)).keys.active)

    @asynccontextmanager
    async def _before_the_sale(self, event: Event, actor: User, revision: int | None) -> AsyncIterator[Event]:
        """The event, its row locked until the block's end, if nobody can have bought or held. Then the stock
        is made anew."""
        async with self._database.transaction():
            await edits.begin(self._database, event.id, actor, revision)
            if (await (await self._rooms.of(event.id)).snapshot()).opened:
                raise Refusal(
                    "sale_opened",
                    "The sale has been open, so its ticket types stand: name, price and number can still be "
                    "changed. Nothing was changed.",
                )
            yield await self._found(event.id)
        await self._rebuilder.rebuild(event)

    @asynccontextmanager
    async def _locked(self, event: Event) -> AsyncIterator[None]:
        lock = self._redis.lock(
            self._stock.keys(event.id).lock, timeout=LOCK_SECONDS, blocking_timeout=WAIT_SECONDS
        )
        try:
            async with lock:
                yield
        except LockError:
            raise Refusal("not_ready", REFUSALS["not_ready"]) from None

    @asynccontextmanager
    async def _put_right(self, event: Event) -> AsyncIterator[None]:
        """Make the stock anew if the block fails half-way. A refusal has changed nothing."""
        try:
            yield
        except Refusal:
            raise
        except Exception:
            with suppress(Exception):  # then the auditor does it
                await self._rebuilder.rebuild(event)
            raise

    async def _found(self, event_id: int) -> Event:
        found = await events.by_id(self._database, event_id)
        if found is None:
            raise Refusal("not_found", "There is no such event of yours.")
        return found

    async def _note(
        self, event: Event, actor: User, action: str, kind: TicketType, changes: dict[str, Any]
    ) -> None:
        named = {"ticket_type": {"id": kind.id, "name": kind.name}}
        before = {name: getattr(kind, name, None) for name in changes}
        await edits.note(
            self._database, event.id, actor, action, before={**named, **before}, after={**named, **changes}
        )


def _check_name(event: Event, name: str, own: TicketType | None) -> None:
    if any(t.name == name for t in event.ticket_types if own is None or t.id != own.id):
        raise Refusal("name_taken", f"There is a ticket type called {name} already.")

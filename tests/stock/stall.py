"""One event's stock on the session's Valkey, with what a test may look at behind its back."""

import asyncio
import json
from collections.abc import Awaitable, Iterable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from redis.asyncio import Redis

from ticketflow.domain import Event, Hold, Order, Refusal, TicketType, now
from ticketflow.stock import Counts, Settlement, Stock, parse_order
from ticketflow.stock.scripts import source

T = TypeVar("T")

AT_ONCE = 60
"""Requests on their way at the same time: each has a connection of its own."""
STANDING, SEATED = 11, 12


def event_of(capacity: int, seats: int = 0, *, limit: int = 4, event_id: int = 7) -> Event:
    """An event with a standing type and, if asked for, a seated one."""
    types = [TicketType(STANDING, "Standing", 2500, capacity, seated=False)]
    types += [TicketType(SEATED, "Balcony", 9900, seats, seated=True)] if seats else []
    return Event(
        id=event_id,
        slug="sale",
        name="A sale",
        venue="The test hall",
        starts_at=now() + timedelta(days=30),
        sale_starts_at=now(),
        lobby_opens_at=None,
        currency="EUR",
        per_user_limit=limit,
        organiser_id=1,
        published=True,
        ticket_types=tuple(types),
    )


class Stall:
    """The scripts through `Stock`, for users named by a number; a user's visitor is `v` and that number."""

    def __init__(self, redis: Redis, prefix: str, event: Event) -> None:
        self.redis = redis
        self.event = event
        self.stock = Stock(redis, prefix.rstrip(":"))
        self.keys = self.stock.keys(event.id)
        self.leases = f"{prefix}{{event:{event.id}}}:active"

    async def load(
        self,
        sold: dict[int, list[int]] | None = None,
        taken: dict[int, int] | None = None,
        cancelled: Sequence[str] = (),
    ) -> bool:
        return await self.stock.load(self.event, self.leases, sold or {}, taken or {}, cancelled)

    async def admit(self, *users: int, seconds: int = 600) -> None:
        """Give users a lease that ends so many seconds from now."""
        ends = (await self.redis.time())[0] + seconds
        await self.redis.zadd(self.leases, {f"v{user}": ends * 1_000_000 for user in users})

    async def hold(
        self,
        user: int,
        quantity: int = 1,
        *,
        units: Sequence[int] | None = None,
        kind: int = STANDING,
        seconds: int = 60,
        visitor: str | None = None,
    ) -> Hold:
        return await self.stock.hold(
            self.event,
            self.leases,
            user_id=user,
            visitor=visitor or f"v{user}",
            ticket_type_id=kind,
            seconds=seconds,
            quantity=quantity,
            units=units,
        )

    async def extend(self, hold: Hold, user: int | None = None, seconds: int = 90) -> Hold:
        who = hold.user_id if user is None else user
        return await self.stock.extend(self.event, self.leases, hold.id, who, seconds)

    async def release(self, hold: Hold, user: int | None = None) -> None:
        await self.stock.release(self.event, self.leases, hold.id, hold.user_id if user is None else user)

    async def submit(
        self,
        hold: Hold,
        booking: str,
        *,
        user: int | None = None,
        body: str = "hash",
        stream_limit: int = 1000,
    ) -> bool:
        return await self.stock.submit(
            self.event,
            self.leases,
            hold_id=hold.id,
            user_id=hold.user_id if user is None else user,
            booking_id=booking,
            request_hash=body,
            method="card-ok",
            keep_hold=True,
            stream_limit=stream_limit,
        )

    async def book(
        self,
        user: int,
        booking: str,
        quantity: int = 1,
        *,
        visitor: str | None = None,
        body: str = "hash",
        stream_limit: int = 1000,
    ) -> bool:
        return await self.stock.book(
            self.event,
            self.leases,
            user_id=user,
            visitor=visitor or f"v{user}",
            ticket_type_id=STANDING,
            quantity=quantity,
            seconds=60,
            booking_id=booking,
            request_hash=body,
            method="card-ok",
            stream_limit=stream_limit,
        )

    async def settle(self, order: Order, outcome: str, *, retry_seconds: int = 120, **given: Any) -> int:
        given = {"units": order.units} if outcome == "sold" and not given else given
        settlement = Settlement(order, outcome, {"booking_id": order.booking_id}, **given)
        (left,) = await self.stock.settle(self.event, self.leases, [settlement], retry_seconds=retry_seconds)
        await self.stock.tell(self.event.id, [settlement])
        return left

    async def unsell(self, order: Order) -> bool:
        """Cancel: give an order's units back."""
        return await self.stock.unsell(
            self.event,
            self.leases,
            booking_id=order.booking_id,
            user_id=order.user_id,
            ticket_type_id=order.ticket_type_id,
            units=order.units,
        )

    async def expire(self) -> int:
        return await self.stock.expire(self.event, self.leases)

    async def orders(self) -> list[Order]:
        """What waits in the stream."""
        entries: Any = await self.redis.xrange(self.keys.orders)
        return [parse_order(entry_id, fields["order"]) for entry_id, fields in entries]

    async def order(self) -> Order:
        """The only order there is."""
        (order,) = await self.orders()
        return order

    async def counts(self) -> Counts:
        counts = await self.stock.counts(self.event)
        assert counts is not None
        return counts

    async def free(self, kind: int = STANDING) -> set[int]:
        """The units whose bit says free."""
        bits = await self.stock.free_units(self.event.id, kind)
        return {unit for unit in range(len(bits) * 8) if bits[unit // 8] & 0x80 >> unit % 8}

    async def held(self, kind: int = STANDING) -> list[int]:
        """The units in holds, paying or not; one that two holds have is here twice."""
        holds: dict[Any, Any] = await self.redis.hgetall(self.keys.holds)
        found = [json.loads(stored) for stored in holds.values()]
        return [unit for hold in found if hold["type"] == kind for unit in hold["units"]]

    async def taken(self, user: int) -> int:
        return int(await self.redis.hget(self.keys.stock.replace(":stock", ":taken"), str(user)) or 0)

    def without(self, script: str, guard: str, instead: str = "", scripts: Any = None) -> None:
        """Run a script without one of its guards, to see that a test misses it."""
        text = source(script)
        assert text.count(guard) == 1, f"{script} has no such guard any more: {guard}"
        scripts = self.stock._scripts if scripts is None else scripts
        scripts[script] = self.redis.register_script(text.replace(guard, instead))


async def refused(attempt: Awaitable[Any]) -> str | None:
    """The code of the refusal an attempt ends with, or None if it was not refused."""
    try:
        await attempt
    except Refusal as refusal:
        return refusal.code
    return None


async def all_at_once(attempts: Iterable[Awaitable[T]], at_once: int = AT_ONCE) -> list[T | Refusal]:
    """What each attempt gave, or its refusal; so many are on their way at the same time."""
    gate = asyncio.Semaphore(at_once)

    async def one(attempt: Awaitable[T]) -> T | Refusal:
        async with gate:
            try:
                return await attempt
            except Refusal as refusal:
                return refusal

    return await asyncio.gather(*map(one, attempts))


async def check_whole(stall: Stall) -> None:
    """free + held + sold = capacity for each type, and the bits agree with the count."""
    counts = await stall.counts()
    for kind in stall.event.ticket_types:
        free, held = await stall.free(kind.id), await stall.held(kind.id)
        assert len(free) == counts.remaining[kind.id]
        assert len(held) == len(set(held)), "a unit is in two holds"
        assert free.isdisjoint(held), "a unit is free and held"
        assert free | set(held) <= set(range(kind.capacity))
        assert len(free) + len(held) + counts.sold[kind.id] == kind.capacity
        assert await stall.redis.bitcount(stall.keys.units(kind.id)) == counts.remaining[kind.id]

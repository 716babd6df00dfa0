"""The stock of an event: what can be held, what is held, what is being paid."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.asyncio import Redis

from ticketflow.domain import Event, Hold, Order, Refusal, from_micros
from ticketflow.stock.keys import StockKeys
from ticketflow.stock.replies import REFUSALS, hold_refusal, parse_order, read_hold
from ticketflow.stock.scripts import source
from ticketflow.stock.seats import Seats

GROUP = "ledger"
"""The consumer group that reads the orders."""

_SCRIPTS = ("hold", "extend", "release", "submit", "book", "settle", "expire", "load", "unsell")


@dataclass(frozen=True)
class Counts:
    """One version of an event's counts. `held` is what is neither free nor sold."""

    epoch: int
    version: int
    remaining: Mapping[int, int]
    sold: Mapping[int, int]

    @classmethod
    def parse(cls, frame: str) -> "Counts":
        """The counts in a published stock frame."""
        body = json.loads(frame)
        return cls(body["epoch"], body["version"], _by_type(body["remaining"]), _by_type(body["sold"]))

    def newer_than(self, other: "Counts | None") -> bool:
        return other is None or (self.epoch, self.version) > (other.epoch, other.version)


@dataclass(frozen=True)
class Settlement:
    """How an order ended: outcome `sold`, `free`, `held` or `as_before`. `result` is told to who waits.

    `units` are those the database wrote tickets for; `lost` those it had sold to somebody else.
    """

    order: Order
    outcome: str
    result: Mapping[str, Any]
    units: Sequence[int] = ()
    lost: Sequence[int] = ()


class Stock:
    """All events' stock on one Redis. Each method is one script, and so one atomic step.

    Methods take the event, whose ticket types name the keys, and `leases`: the name of the sorted
    set in which the waiting room keeps visitor -> end of lease (microseconds).
    """

    def __init__(self, redis: "Redis", prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._scripts = {name: redis.register_script(source(name)) for name in _SCRIPTS}
        self._seats_script = source("seats")

    def keys(self, event_id: int) -> StockKeys:
        return StockKeys(self._prefix, event_id)

    async def hold(
        self,
        event: Event,
        leases: str,
        *,
        user_id: int,
        visitor: str,
        ticket_type_id: int,
        seconds: int,
        quantity: int = 0,
        units: Sequence[int] | None = None,
    ) -> Hold:
        """Set `quantity` free units aside, or exactly `units`, for `seconds`.

        Raises `Refusal`: not_ready, not_admitted, pass_in_use, limit_exceeded, sold_out, unit_taken.
        """
        count = quantity if units is None else len(units)
        wanted = _wanted_hold(event, ticket_type_id, user_id, visitor, seconds, count, units)
        reply = await self._run("hold", event, leases, **wanted)
        if reply[0] != "ok":
            raise hold_refusal(event, count, *reply)
        return read_hold(wanted["id"], event.id, json.loads(reply[1]))

    async def find(self, event_id: int, hold_id: str, user_id: int) -> Hold | None:
        """The user's own hold of that id, or None."""
        stored = await self._redis.hget(self.keys(event_id).holds, hold_id)
        hold = stored and read_hold(hold_id, event_id, json.loads(stored))
        return hold if hold and hold.user_id == user_id else None

    async def basket(self, event_id: int, user_id: int) -> Hold | None:
        """The hold the user took last, if it still stands."""
        hold_id = await self._redis.hget(self.keys(event_id).baskets, str(user_id))
        return await self.find(event_id, str(hold_id), user_id) if hold_id else None

    async def extend(self, event: Event, leases: str, hold_id: str, user_id: int, seconds: int) -> Hold:
        """Give a hold and its turn so many seconds more, once; gives the hold as it is then.

        Raises `Refusal`: hold_gone, not_found (another's), hold_in_use, already_extended, not_admitted.
        """
        reply = await self._run("extend", event, leases, id=hold_id, user=str(user_id), seconds=seconds)
        if reply[0] != "ok":
            raise Refusal(reply[0], REFUSALS[reply[0]])
        return read_hold(hold_id, event.id, json.loads(reply[1]))

    async def release(self, event: Event, leases: str, hold_id: str, user_id: int) -> None:
        """Give a hold back. Raises `Refusal`: hold_gone (nobody's, or another's), hold_in_use."""
        reply = await self._run("release", event, leases, id=hold_id, user=str(user_id))
        if reply[0] != "ok":
            raise Refusal(reply[0], REFUSALS[reply[0]])

    async def submit(
        self,
        event: Event,
        leases: str,
        *,
        hold_id: str,
        user_id: int,
        booking_id: str,
        request_hash: str,
        method: str,
        keep_hold: bool,
        stream_limit: int,
    ) -> bool:
        """Hand a hold to the ledger. True: it is on its way now; False: it was on its way already.

        Raises `Refusal`: hold_gone, hold_in_use, not_admitted, busy, and idempotency_mismatch if the
        booking on its way was asked for with another body.
        """
        reply = await self._run(
            "submit",
            event,
            leases,
            id=hold_id,
            user=str(user_id),
            booking=booking_id,
            hash=request_hash,
            method=method,
            keep_hold=keep_hold,
            stream_limit=stream_limit,
            event_id=event.id,
        )
        if reply[0] not in ("ok", "known"):
            raise Refusal(reply[0], REFUSALS[reply[0]])
        return _submitted(reply, request_hash)

    async def book(
        self,
        event: Event,
        leases: str,
        *,
        user_id: int,
        visitor: str,
        ticket_type_id: int,
        quantity: int,
        units: Sequence[int] | None = None,
        seconds: int,
        booking_id: str,
        request_hash: str,
        method: str,
        stream_limit: int,
    ) -> bool:
        """Take `quantity` free units, or `units`, and hand them to the ledger in one step; see `submit`.

        Raises `Refusal`: what `hold` raises, busy, and idempotency_mismatch. What is refused took nothing.
        """
        reply = await self._run(
            "book",
            event,
            leases,
            **_wanted_hold(event, ticket_type_id, user_id, visitor, seconds, quantity, units),
            booking=booking_id,
            hash=request_hash,
            method=method,
            keep_hold=False,
            stream_limit=stream_limit,
            event_id=event.id,
        )
        if reply[0] not in ("ok", "known"):
            raise hold_refusal(event, quantity, *reply)
        return _submitted(reply, request_hash)

    async def settle(
        self, event: Event, leases: str, settlements: Sequence[Settlement], *, retry_seconds: int
    ) -> list[int]:
        """Settle holds of orders of one event after their commit; idempotent.

        Gives, for each, how many holds its visitor has left after it. `retry_seconds` is what is left at
        least of a hold that outlives its payment: time for another card.
        """
        left = await self._run(
            "settle",
            event,
            leases,
            retry_seconds=retry_seconds,
            orders=[_settlement(settlement) for settlement in settlements],
        )
        return [int(count) for count in left]

    async def tell(self, event_id: int, settlements: Sequence[Settlement]) -> None:
        """Take settled orders of an event off the stream and publish their results, in one step."""
        keys, orders = self.keys(event_id), [settlement.order for settlement in settlements]
        entries = [order.entry_id for order in orders]
        async with self._redis.pipeline(transaction=True) as step:
            step.hdel(keys.pending, *(order.booking_id for order in orders))
            step.xack(keys.orders, GROUP, *entries)
            step.xdel(keys.orders, *entries)
            step.publish(keys.results_channel, json.dumps([settlement.result for settlement in settlements]))
            await step.execute()

    async def expire(self, event: Event, leases: str, most: int = 200, *, all_of_them: bool = False) -> int:
        """Give back holds whose time is over, or all that are not being paid, `most` at a time. Gives how
        many."""
        return int(await self._run("expire", event, leases, most=most, all=all_of_them))

    async def unsell(
        self,
        event: Event,
        leases: str,
        *,
        booking_id: str,
        user_id: int,
        ticket_type_id: int,
        units: Sequence[int],
    ) -> bool:
        """Give the units of a cancelled booking back, exactly once; idempotent.

        Gives False if that has to wait: no stock is here, or the booking's order is not settled yet.
        """
        reply = await self._run(
            "unsell",
            event,
            leases,
            booking=booking_id,
            user=str(user_id),
            type=ticket_type_id,
            units=list(units),
        )
        return bool(reply == "done")

    async def load(
        self,
        event: Event,
        leases: str,
        sold: Mapping[int, Sequence[int]],
        taken: Mapping[int, int],
        cancelled: Sequence[str],
    ) -> bool:
        """Put an event's stock into Redis if none is there: free = all units - `sold` (per type).

        `taken` is what each user has bought; `cancelled` are the bookings whose units must not be given
        back, because they were not in `sold` any more. Gives whether it was put there.
        """
        bits = [free_bits(t.size, (*sold.get(t.id, ()), *t.missing())) for t in event.ticket_types]
        loaded = await self._run(
            "load",
            event,
            leases,
            *bits,
            limit=event.per_user_limit,
            capacity={str(t.id): t.capacity for t in event.ticket_types},
            size={str(t.id): t.size for t in event.ticket_types},
            sold={str(t.id): len(sold.get(t.id, ())) for t in event.ticket_types},
            taken={str(user_id): count for user_id, count in taken.items()},
            cancelled=list(cancelled),
        )
        return bool(loaded)

    async def time(self) -> datetime:
        """The present moment by the clock that decides who is early or late."""
        seconds, micros = await self._redis.time()
        return from_micros(seconds * 1_000_000 + micros)

    async def tell_bookers(self, event_id: int, results: Sequence[Mapping[str, Any]]) -> None:
        """Publish what has become of bookings, to their bookers' open pages."""
        await self._redis.publish(self.keys(event_id).results_channel, json.dumps(results))

    async def counts(self, event: Event) -> Counts | None:
        """The counts as they stand now, or None if they are not in Redis or cannot be read there."""
        fields = await self._redis.hgetall(self.keys(event.id).stock)
        try:
            free = {t.id: int(fields[f"free:{t.id}"]) for t in event.ticket_types}
            sold = {t.id: int(fields[f"sold:{t.id}"]) for t in event.ticket_types}
            return Counts(int(fields["epoch"]), int(fields["version"]), free, sold)
        except (KeyError, ValueError):
            return None

    async def is_loaded(self, event: Event) -> bool:
        """Whether the event's stock is in Redis, readable or not."""
        return bool(await self._redis.hexists(self.keys(event.id).stock, "epoch"))

    async def free_units(self, event_id: int, ticket_type_id: int) -> bytes:
        """The free units of a type as one bit each, the first unit in the highest bit of the first byte."""
        # The client decodes replies as text; bits are not text, so this one reply is asked for raw.
        raw = await self._redis.execute_command(  # type: ignore[no-untyped-call]
            "GET", self.keys(event_id).units(ticket_type_id), NEVER_DECODE=True
        )
        return bytes(raw or b"")

    async def seats(self, event: Event) -> Seats:
        """The seats of the event's seated types, as they are at one moment. Raises `Refusal` not_ready."""
        seated = [t for t in event.ticket_types if t.seated]
        keys = self.keys(event.id)
        names = [keys.stock, keys.holds, *(keys.units(t.id) for t in seated)]
        # Bits are not text, so this reply is asked for raw, which redis-py's Script cannot do.
        reply = await self._redis.execute_command(  # type: ignore[no-untyped-call]
            "EVAL", self._seats_script, len(names), *names, NEVER_DECODE=True
        )
        if not reply:
            raise Refusal("not_ready", REFUSALS["not_ready"])
        try:
            return Seats.read(seated, *reply)
        except ValueError:  # nonsense, which the next hold or the auditor puts right
            raise Refusal("not_ready", REFUSALS["not_ready"]) from None

    async def pending(self, event_ids: Sequence[int], booking_id: str, user_id: int) -> Order | None:
        """The user's order of that booking id at one of the events, while it has no outcome yet."""
        pipeline = self._redis.pipeline(transaction=False)
        for event_id in event_ids:
            pipeline.hget(self.keys(event_id).pending, booking_id)
        orders = [parse_order("", known) for known in await pipeline.execute() if known]
        return next((order for order in orders if order.user_id == user_id), None)

    async def _run(self, script: str, event: Event, leases: str, *args: bytes, **ask: Any) -> Any:
        types = [t.id for t in event.ticket_types]
        keys = self.keys(event.id).script_keys(leases, types)
        return await self._scripts[script](keys=keys, args=[json.dumps({"types": types, **ask}), *args])


def _wanted_hold(
    event: Event,
    ticket_type_id: int,
    user_id: int,
    visitor: str,
    seconds: int,
    count: int,
    units: Sequence[int] | None,
) -> dict[str, Any]:
    """A new hold as lua/take.lua is asked for it: `count` units of the type, or just these."""
    amount, fee = event.ticket_type(ticket_type_id).cost(count)
    return {
        "id": f"{event.id}-{secrets.token_hex(16)}",
        "type": ticket_type_id,
        "user": str(user_id),
        "visitor": visitor,
        "seconds": seconds,
        "amount": amount,
        "fee": fee,
        "currency": event.currency,
        **({"quantity": count} if units is None else {"units": list(units)}),
    }


def _submitted(reply: Sequence[str], request_hash: str) -> bool:
    """Whether a booking is on its way by this very call. Raises `Refusal` if it was, with another body."""
    if reply[0] == "ok":
        return True
    if reply[1] != request_hash:
        raise Refusal("idempotency_mismatch", "This key was used for another booking.")
    return False


def free_bits(size: int, gone: Sequence[int]) -> bytes:
    """One bit a unit, 1 = free, in the order SETBIT counts them; the last byte padded with zeros."""
    bits = bytearray(b"\xff" * (size // 8))
    if size % 8:
        bits.append(0xFF << (8 - size % 8) & 0xFF)
    for unit in gone:
        bits[unit // 8] &= ~(0x80 >> unit % 8)
    return bytes(bits)


def _settlement(settlement: Settlement) -> dict[str, Any]:
    order = settlement.order
    return {
        "booking": order.booking_id,
        "id": order.hold_id,
        "type": order.ticket_type_id,
        "user": str(order.user_id),
        "visitor": order.visitor,
        "units": list(settlement.units),
        "lost": list(settlement.lost),
        "outcome": settlement.outcome,
    }


def _by_type(counts: Mapping[str, int]) -> dict[int, int]:
    return {int(type_id): count for type_id, count in counts.items()}

"""What lies in the streams of orders: how many, how old, in whose hands, and what was put aside."""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from redis.asyncio import Redis

from ticketflow.domain import from_micros
from ticketflow.stock.entries import LONGEST_REJECTED, raw, sift
from ticketflow.stock.keys import StockKeys
from ticketflow.stock.stock import GROUP, Stock

MOST_SHOWN = 20
_MILLISECONDS = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True)
class Rejected:
    """An entry that was no order when it was read, as it was kept."""

    event_id: int
    text: str

    @property
    def entry(self) -> dict[bytes, bytes] | None:
        """What lay in the stream, if it was kept whole."""
        _, _, body = self.text.partition(" ")
        if len(self.text) >= LONGEST_REJECTED:
            return None
        try:
            found = ast.literal_eval(body)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
        fine = isinstance(found, dict) and all(
            isinstance(part, bytes) for pair in found.items() for part in pair
        )
        return found if fine and found else None


@dataclass
class Backlog:
    """The streams of some events together."""

    orders: int = 0
    """In the streams: not begun, or in hand."""
    in_hand: int = 0
    oldest: datetime | None = None
    redelivered: int = 0
    """Of those looked at, in hand for the second time or more: who had them before died, or put them down."""
    most_deliveries: int = 0
    consumers: dict[str, dict[str, int]] = field(default_factory=dict)
    rejected: int = 0
    shown: list[Rejected] = field(default_factory=list)


async def backlog(redis: "Redis", stock: Stock, event_ids: Sequence[int]) -> Backlog:
    """Look at the streams of these events, all at about one moment."""
    found = Backlog()
    pipeline = redis.pipeline(transaction=False)
    for event_id in event_ids:
        keys = stock.keys(event_id)
        pipeline.xlen(keys.orders)
        pipeline.llen(keys.rejected)
    lengths = await pipeline.execute(raise_on_error=False)
    for event_id, orders, rejected in zip(event_ids, lengths[::2], lengths[1::2], strict=True):
        # What somebody made another kind of key is the auditor's; here it counts for nothing.
        if isinstance(orders, int) and (orders or len(event_ids) == 1):
            found.orders += orders
            await _look(redis, stock.keys(event_id), found)
        if isinstance(rejected, int) and rejected:
            found.rejected += rejected
            await _look_at_rejected(redis, event_id, stock, found)
    return found


async def _look(redis: "Redis", keys: StockKeys, found: Backlog) -> None:
    pipeline = redis.pipeline(transaction=False)
    pipeline.execute_command("XRANGE", keys.orders, "-", "+", "COUNT", 1, NEVER_DECODE=True)
    pipeline.xpending_range(keys.orders, GROUP, "-", "+", 100)
    pipeline.xinfo_consumers(keys.orders, GROUP)
    pipeline.xpending(keys.orders, GROUP)
    first, pending, consumers, summary = await pipeline.execute(raise_on_error=False)
    if isinstance(first, list) and first and (began := _MILLISECONDS.match(first[0][0].decode())):
        at = from_micros(int(began[0]) * 1000)
        found.oldest = min(found.oldest or at, at)
    if isinstance(summary, Mapping):
        found.in_hand += int(summary["pending"])
    for entry in pending if isinstance(pending, list) else ():
        found.redelivered += entry["times_delivered"] > 1
        found.most_deliveries = max(found.most_deliveries, entry["times_delivered"])
    for consumer in consumers if isinstance(consumers, list) else ():
        known = found.consumers.setdefault(consumer["name"], {"in_hand": 0, "idle_ms": consumer["idle"]})
        known["in_hand"] += consumer["pending"]
        known["idle_ms"] = min(known["idle_ms"], consumer["idle"])


async def _look_at_rejected(redis: "Redis", event_id: int, stock: Stock, found: Backlog) -> None:
    room = MOST_SHOWN - len(found.shown)
    if room > 0:
        found.shown += await rejected_of(redis, stock.keys(event_id), room)


async def rejected_of(redis: "Redis", keys: StockKeys, most: int) -> list[Rejected]:
    """What was put aside last."""
    texts: Any = await raw(redis, "LRANGE", keys.rejected, 0, most - 1)
    return [Rejected(keys.event_id, text.decode(errors="replace")) for text in texts]


async def put_back(redis: "Redis", keys: StockKeys, most: int) -> tuple[int, int]:
    """Put entries back into the stream that are orders after all, as for a worker that is newer than the one
    that met them. Gives how many, and how many stay put aside.

    The key of an order is its booking's: one that is read twice is booked once.
    """
    back = 0
    for rejected in await rejected_of(redis, keys, most):
        entry = rejected.entry
        if entry is None or not sift(keys.event_id, [(b"0-0", entry)])[0]:
            continue
        async with redis.pipeline(transaction=True) as step:
            step.xadd(keys.orders, dict(entry))  # type: ignore[arg-type]
            step.lrem(keys.rejected, 1, rejected.text)
            await step.execute()
        back += 1
    return back, int(await redis.llen(keys.rejected))

"""What lies in an event's stream: orders told from what is none, and what is none put aside.

Whoever can write to Redis can put anything there, and no order shall wait because of it. So replies are taken
as bytes here, and read one by one: the client would refuse a whole reply for one entry that is no text.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from ticketflow.domain import Order
from ticketflow.stock.keys import StockKeys
from ticketflow.stock.replies import parse_order
from ticketflow.stock.stock import GROUP

log = logging.getLogger(__name__)

MOST_REJECTED = 1000
LONGEST_REJECTED = 4000
"""Characters kept of each."""

Entry = tuple[bytes, Mapping[bytes, bytes]]
RawEntries = Iterable[tuple[bytes | None, Mapping[bytes, bytes] | None]]


async def raw(redis: "Redis", *command: Any) -> Any:
    """The reply to a command, its texts left as bytes."""
    return await redis.execute_command(*command, NEVER_DECODE=True)  # type: ignore[no-untyped-call]


def sift(event_id: int, entries: RawEntries) -> tuple[list[Order], list[Entry]]:
    """The orders among entries of an event's stream, and those that are none. Skips deleted ones."""
    orders, others = [], []
    for entry_id, fields in entries:
        if entry_id is None or not fields:
            continue
        body = fields.get(b"order", b"") if len(fields) == 1 else b""
        if order := _order(event_id, entry_id.decode(), body):
            orders.append(order)
        else:
            others.append((entry_id, fields))
    return orders, others


def _order(event_id: int, entry_id: str, body: bytes) -> Order | None:
    try:
        order = parse_order(entry_id, body.decode())
    except Exception as error:  # there is no end to what can be wrong with it
        log.debug("entry %s of event %d is no order: %r", entry_id, event_id, error)
        return None
    return order if order.event_id == event_id else None


async def put_aside(redis: "Redis", keys: StockKeys, entries: Sequence[Entry]) -> None:
    """Take entries that are no orders off the stream, and keep the last of them for whoever looks into it."""
    if not entries:
        return
    log.error("%d entries of %s are no orders; see %s", len(entries), keys.orders, keys.rejected)
    ids = [entry_id for entry_id, _ in entries]
    async with redis.pipeline(transaction=True) as step:
        _keep(step, keys, [f"{entry_id.decode()} {dict(fields)!r}" for entry_id, fields in entries])
        step.xack(keys.orders, GROUP, *ids)
        step.xdel(keys.orders, *ids)
        await step.execute()


async def drop_what_is_no_order(redis: "Redis", keys: StockKeys) -> None:
    """Clear the event's stream, and its orders on their way, of all that is no order."""
    _, others = sift(keys.event_id, await raw(redis, "XRANGE", keys.orders, "-", "+"))
    await put_aside(redis, keys, others)
    pending: Mapping[bytes, bytes] = await raw(redis, "HGETALL", keys.pending)
    broken = {name: body for name, body in pending.items() if not _is_order_of(keys.event_id, name, body)}
    if broken:
        log.error("%d of %s are no orders; see %s", len(broken), keys.pending, keys.rejected)
        async with redis.pipeline(transaction=True) as step:
            _keep(step, keys, [f"pending {name!r} {body!r}" for name, body in broken.items()])
            step.hdel(keys.pending, *broken)
            await step.execute()


def _is_order_of(event_id: int, booking_id: bytes, body: bytes) -> bool:
    order = _order(event_id, "", body)
    return order is not None and order.booking_id.encode(errors="replace") == booking_id


def _keep(step: Any, keys: StockKeys, rejected: Sequence[str]) -> None:
    step.lpush(keys.rejected, *(text[:LONGEST_REJECTED] for text in rejected))
    step.ltrim(keys.rejected, 0, MOST_REJECTED - 1)

"""What an account is paying for right now: found by what it holds, since orders are not kept by account."""

import json
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from ticketflow.domain import Order
from ticketflow.stock.replies import parse_order
from ticketflow.stock.stock import Stock


async def underway(redis: "Redis", stock: Stock, event_ids: Sequence[int], user_id: int) -> list[Order]:
    """The orders on their way at these events that came of what the account held last.

    One that was held and booked in one step is not among them: whoever asked for it has its address.
    """
    keys = [stock.keys(event_id) for event_id in event_ids]
    held = await _each(redis, [(key.baskets, str(user_id)) for key in keys])
    holding = [(key, hold) for key, hold in zip(keys, held, strict=True) if hold]
    holds = await _each(redis, [(key.holds, hold) for key, hold in holding])
    paying = [
        (key.pending, body["booking"])
        for (key, _), hold in zip(holding, holds, strict=True)
        if hold and "booking" in (body := json.loads(hold)) and body["state"] == "paying"
    ]
    orders = [parse_order("", order) for order in await _each(redis, paying) if order]
    return [order for order in orders if order.user_id == user_id]


async def _each(redis: "Redis", fields: Sequence[tuple[str, str]]) -> list[Any]:
    if not fields:
        return []
    pipeline = redis.pipeline(transaction=False)
    for key, field in fields:
        pipeline.hget(key, field)
    return list(await pipeline.execute())

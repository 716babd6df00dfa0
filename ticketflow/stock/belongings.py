"""All that an account holds or is paying for at some events. Nothing is kept by account, so everything that
is held there is looked through: for what is done once in an account's life."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from ticketflow.stock.replies import parse_order
from ticketflow.stock.stock import Stock


@dataclass(frozen=True)
class Belongings:
    """`holds` are (event, hold) that can be given back; `paying` the events where an order is under way."""

    holds: tuple[tuple[int, str], ...]
    paying: tuple[int, ...]


async def belongings(redis: "Redis", stock: Stock, event_ids: Sequence[int], user_id: int) -> Belongings:
    """What the account has at these events right now."""
    holds: list[tuple[int, str]] = []
    paying = []
    for event_id in event_ids:
        keys = stock.keys(event_id)
        async with redis.pipeline(transaction=True) as step:
            step.hgetall(keys.holds)
            step.hvals(keys.pending)
            held, orders = await step.execute()
        read = {hold_id: json.loads(body) for hold_id, body in held.items()}
        mine = {hold_id: hold for hold_id, hold in read.items() if hold["user"] == str(user_id)}
        free = [(event_id, hold_id) for hold_id, hold in mine.items() if hold["state"] == "held"]
        holds += free
        if len(free) < len(mine) or any(parse_order("", order).user_id == user_id for order in orders):
            paying.append(event_id)
    return Belongings(tuple(holds), tuple(paying))

"""The numbers of an event's stock at one moment: what the organiser's desk shows, and the recorder keeps."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from ticketflow.domain import Event
from ticketflow.stock.keys import StockKeys
from ticketflow.stock.scripts import source


@dataclass(frozen=True)
class StockNumbers:
    """Units by type, and how many holds, people and orders there are."""

    capacity: dict[int, int]
    free: dict[int, int]
    sold: dict[int, int]
    paying: int
    """Holds that are being paid."""
    holders: int
    """People who hold tickets or have bought some."""
    orders: int
    """Submitted, and their end not told yet."""
    oldest_order_seconds: float | None

    @property
    def held(self) -> int:
        """Units that are neither free nor sold: in a hold, paid or not."""
        return sum(self.capacity.values()) - sum(self.free.values()) - sum(self.sold.values())


class NumberReader:
    """Reads them, by one script."""

    def __init__(self, redis: "Redis", prefix: str) -> None:
        self._prefix = prefix
        self._script = redis.register_script(source("figures"))

    async def read(self, event: Event, leases: str) -> StockNumbers | None:
        """The numbers now, or None if no stock is in Redis that can be read."""
        types = [t.id for t in event.ticket_types]
        keys = StockKeys(self._prefix, event.id).script_keys(leases, types)
        reply = await self._script(keys=keys, args=[json.dumps({"types": types})])
        try:
            return _numbers(types, *reply)
        except (TypeError, ValueError):
            return None


def _numbers(
    types: Sequence[int], now: str, fields: Sequence[Any], paying: int, people: int, orders: int, first: str
) -> StockNumbers:
    capacity, free, sold = (dict(zip(types, map(int, fields[2 + n :: 3]), strict=True)) for n in range(3))
    # An entry's id begins with the millisecond in which it was submitted.
    waited = int(now) / 1e6 - int(first.partition("-")[0]) / 1e3 if first else None
    oldest = None if waited is None else max(0.0, waited)
    return StockNumbers(capacity, free, sold, max(0, paying), people, orders, oldest)

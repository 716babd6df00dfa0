"""More time for everybody: every hold of an event at once, where `Stock.extend` is for one."""

import json

from redis.asyncio import Redis

from ticketflow.domain import Event
from ticketflow.stock.scripts import source
from ticketflow.stock.stock import Stock


async def extend_all(redis: "Redis", stock: Stock, event: Event, leases: str, seconds: int) -> int:
    """Give every hold of the event so many seconds more, and give how many holds that are.

    None ends sooner than it did, and none later than a day from now by this. `leases` as for `Stock`.
    """
    types = [t.id for t in event.ticket_types]
    keys = stock.keys(event.id).script_keys(leases, types)
    script = redis.register_script(source("extend_all"))
    return int(await script(keys=keys, args=[json.dumps({"types": types, "seconds": seconds})]))

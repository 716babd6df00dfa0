"""`python -m bench [PART …]`: run the measures and print the table. Ends with 1 if a bound is broken."""

import asyncio
import sys
import tempfile
from pathlib import Path

from redis.asyncio import Redis

from tests import servers

from . import accounts, booking, fanout, join_http, ledger, mail, pages, waiting_room
from .common import Measure, show


async def main(*wanted: str) -> bool:
    """Run the measures that are named, or all, each on servers of its own; whether all bounds are kept."""
    parts = {
        "waiting_room": in_redis,
        "join_http": join_http.measures,
        "booking": booking.measures,
        "ledger": ledger.measures,
        "mail": mail.measures,
        "fanout": fanout.measures,
        "pages": pages.measures,
        "accounts": accounts.measures,
    }
    measures: list[Measure] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for name in wanted or parts:
            own = Path(folder) / name
            own.mkdir()
            measures += await parts[name](own)
    return show(measures)


async def in_redis(folder: Path) -> list[Measure]:
    with servers.valkey(folder) as url:
        async with Redis.from_url(url, decode_responses=True) as redis:
            return await waiting_room.measures(redis)


if __name__ == "__main__":
    sys.exit(not asyncio.run(main(*sys.argv[1:])))

"""`python -m bench`: run every measure and print the table. Ends with 1 if a bound is broken."""

import asyncio
import sys
import tempfile
from pathlib import Path

from redis.asyncio import Redis

from tests import servers

from . import join_http, ledger, waiting_room
from .common import Measure, show


async def main() -> bool:
    """Run all measures, each on servers of its own; whether all bounds are kept."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        measures = await in_redis(Path(folder)) + await join_http.measures(Path(folder))
        measures += await ledger.measures(Path(folder))
    return show(measures)


async def in_redis(folder: Path) -> list[Measure]:
    with servers.valkey(folder) as url:
        async with Redis.from_url(url, decode_responses=True) as redis:
            return await waiting_room.measures(redis)


if __name__ == "__main__":
    sys.exit(not asyncio.run(main()))

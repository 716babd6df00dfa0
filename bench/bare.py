"""The least an answer out of Redis can cost here: Quart on Hypercorn, and one Redis call.

`python -m bench.bare REDIS_URL PORT`
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from quart import Quart, websocket
from redis.asyncio import BlockingConnectionPool, Redis

from .serving import child, serve_on


def bare_app(redis: Redis) -> Quart:
    """An application that counts, in Redis, how often it was asked."""
    app = Quart(__name__)

    @app.route("/", methods=["GET", "POST"])
    async def count() -> dict[str, int]:
        return {"count": await redis.incr("bench:bare")}

    @app.websocket("/ws")
    async def count_messages() -> None:
        while True:
            await websocket.receive()
            await websocket.send(f'{{"count": {await redis.incr("bench:bare")}}}')

    return app


@asynccontextmanager
async def bare_server(folder: Path, redis_url: str) -> AsyncIterator[str]:
    """The bare server in a process of its own; gives its address."""
    async with child("bench.bare", redis_url, folder=folder) as url:
        yield url


async def main(redis_url: str, port: int) -> None:
    pool = BlockingConnectionPool.from_url(redis_url, max_connections=64, decode_responses=True)
    async with Redis(connection_pool=pool) as redis:
        await serve_on(port, bare_app(redis))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))

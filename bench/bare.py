"""The least an answer out of Redis can cost here, and a text for many sockets: Quart on Hypercorn, and Redis.

`python -m bench.bare REDIS_URL PORT`
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from quart import Quart, websocket
from redis.asyncio import BlockingConnectionPool, Redis

from ticketflow.loops import running

from .serving import child, serve_on

TOLD = "bench:told"
"""The channel of what all who listen are to hear."""


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

    listen_to(app, redis)
    return app


def listen_to(app: Quart, redis: Redis) -> None:
    """Let sockets listen: what is published on one channel is handed to each of them."""
    listeners = set[asyncio.Queue[str]]()

    @app.websocket("/listen")
    async def listen() -> None:
        queue = asyncio.Queue[str]()
        listeners.add(queue)
        await websocket.accept()
        try:
            while True:
                await websocket.send(await queue.get())
        finally:
            listeners.discard(queue)

    async def tell() -> None:
        async with redis.pubsub() as pubsub:
            await pubsub.subscribe(TOLD)
            async for message in pubsub.listen():
                if message["type"] == "message":
                    for queue in listeners:
                        queue.put_nowait(message["data"])

    @app.while_serving
    async def telling() -> AsyncGenerator[None, None]:
        async with running([tell()]):
            yield


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

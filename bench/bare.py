"""The least an HTTP answer out of Redis can cost here: one Quart route, one Redis call, on Hypercorn.

`python -m bench.bare SOCKET_URL PORT`
"""

import asyncio
import signal
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart
from redis.asyncio import BlockingConnectionPool, Redis

KEEP_ALIVE_SECONDS = 75


def bare_app(redis: Redis) -> Quart:
    """An application whose only route counts, in Redis, how often it was asked."""
    app = Quart(__name__)

    @app.route("/", methods=["GET", "POST"])
    async def count() -> dict[str, int]:
        return {"count": await redis.incr("bench:bare")}

    return app


async def main(redis_url: str, port: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    pool = BlockingConnectionPool.from_url(redis_url, max_connections=64, decode_responses=True)
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    # As the real server is set, or the comparison would be one of settings.
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.keep_alive_max_requests = 100_000
    config.include_server_header = False
    async with Redis(connection_pool=pool) as redis:
        await serve(bare_app(redis), config, shutdown_trigger=stop.wait)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))

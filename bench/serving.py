"""What is compared with runs as the real server does: on Hypercorn, set alike, in a process of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart

from tests import servers

KEEP_ALIVE_SECONDS = 75


def stopped() -> asyncio.Event:
    """An event that SIGTERM sets."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    return stop


async def serve_on(port: int, app: Quart) -> None:
    """Serve `app` until SIGTERM."""
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    # As the real server is set, or the comparison would be one of settings.
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.keep_alive_max_requests = 100_000
    config.include_server_header = False
    config.websocket_ping_interval = 20
    await serve(app, config, shutdown_trigger=stopped().wait)


@asynccontextmanager
async def child(module: str, *args: str, folder: Path) -> AsyncIterator[str]:
    """`python -m MODULE ARGS PORT` for as long as the block lasts, once it answers; gives its address."""
    port, log = servers.free_port(), folder / f"{module}.log"
    with servers.process([sys.executable, "-m", module, *args, str(port)], log) as running:
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url) as visitor:
            await servers.answering(visitor, "/", running, log)
        yield url

"""Hypercorn around the application: binding, stopping on a signal, letting sockets go."""

import asyncio
import logging
import signal
import socket
from typing import Any

from hypercorn import protocol
from hypercorn.asyncio import serve
from hypercorn.config import Config, Sockets
from quart import Quart

from ticketflow.collector import spare_the_collector
from ticketflow.settings import BadSetting, Settings
from ticketflow.web.services import Services
from ticketflow.web.strict_h11 import StrictH11

# Fans come in one second, not one by one.
BACKLOG = 4096
MOST_SOCKET_MESSAGE_BYTES = 65_536
# Ours have a tenth of it. A whole head must have come in the time that a connection may be idle.
MOST_HEADER_BYTES = 16_384
# For sockets to be told to go and requests to be answered; `docker stop` kills after ten seconds.
GRACE_SECONDS = 8.0
# Longer than a proxy keeps an idle connection (nginx: 60 s): who closes first must not be us, or a
# request that is on its way at that moment gets no answer.
KEEP_ALIVE_SECONDS = 75.0


class _Config(Config):
    """Hypercorn's, for sockets that give up on a peer which has not said a word for `vanished_seconds`.

    A phone that loses its network says no goodbye: what is sent to it, if only a ping, is repeated for a
    quarter of an hour unless the kernel is told otherwise. So it is with a reader that keeps its window shut.
    """

    vanished_seconds = 30.0

    def create_sockets(self) -> Sockets:
        """The library's listening sockets. Those they accept inherit the option."""
        sockets = super().create_sockets()
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            for listening in sockets.insecure_sockets:
                millis = round(self.vanished_seconds * 1000)
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, millis)
        return sockets


def stop_signal() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def check_port(settings: Settings) -> None:
    """Raise `BadSetting` if the port is taken, before anything else is started or promised."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        raise _taken(settings, error) from error


def _taken(settings: Settings, error: OSError) -> BadSetting:
    return BadSetting(
        f"PORT {settings.port} on {settings.host} cannot be used ({error.strerror}); set PORT to another"
    )


async def serve_until(stop: asyncio.Event, app: Quart, settings: Settings) -> None:
    """Serve `app` until `stop` is set, then let sockets go and requests finish.

    Raises `BadSetting` if the port is taken.
    """
    config = _Config()
    config.bind = [f"{settings.host}:{settings.port}"]
    config.backlog = BACKLOG
    config.h11_max_incomplete_size = MOST_HEADER_BYTES
    config.websocket_max_message_size = MOST_SOCKET_MESSAGE_BYTES
    # Its task outlives the socket by up to an interval, and a stop would wait for it. `OpenSockets` pings.
    config.websocket_ping_interval = None
    config.vanished_seconds = settings.socket_idle_seconds
    config.graceful_timeout = GRACE_SECONDS
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.keep_alive_max_requests = 100_000
    config.errorlog = logging.getLogger("hypercorn")
    config.include_server_header = False
    found: Services = app.extensions["ticketflow"]
    asyncio.get_running_loop().set_exception_handler(_tell_errors)

    async def stopping() -> None:
        await stop.wait()
        found.open_sockets.drain()

    # It has no setting for the protocol that its connections speak.
    vars(protocol)["H11Protocol"] = StrictH11
    spare_the_collector()
    try:
        await serve(app, config, shutdown_trigger=stopping)
    except OSError as error:
        raise _taken(settings, error) from error


def _tell_errors(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What is wrong with a connection is no error of ours: a peer is gone, or Hypercorn, stopping, cancels
    hundreds, which Python 3.11 calls an error."""
    error = context.get("exception")
    peer_is_gone = "transport" in context and isinstance(error, OSError)
    if not isinstance(error, asyncio.CancelledError) and not peer_is_gone:
        loop.default_exception_handler(context)

"""The one place where connections to Redis and the database are made.

`app.py`, `worker.py` and the commands all need the same two, configured alike; DESIGN names those
files as the makers, this module keeps them from each knowing the traps below.
"""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from databases import Database, DatabaseURL
from redis.asyncio import BlockingConnectionPool, Redis

from ticketflow.grouped_redis import GroupedRedis
from ticketflow.mail.bell import Bell
from ticketflow.mail.client import MailClient
from ticketflow.payments import Gateway, SimulatedGateway
from ticketflow.settings import BadSetting, Settings
from ticketflow.steady import SteadyDatabase
from ticketflow.store import outbox


@dataclass(frozen=True)
class Stores:
    """Open connections to both stores, the payment gateway and the bell for letters, for as long as
    `open_stores` lasts."""

    redis: "Redis"
    database: Database
    gateway: Gateway
    bell: Bell


class _SharedSQLite(sqlite3.Connection):
    """A SQLite connection fit for many at once.

    `databases` opens one for each acquisition, so each sets itself up. A transaction here always
    writes: it takes the write lock at BEGIN, because a reader that turns writer in WAL mode fails
    at once with "database is locked", whatever the busy timeout.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for pragma in ("busy_timeout=15000", "foreign_keys=ON", "synchronous=NORMAL"):
            super().execute(f"PRAGMA {pragma}")

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        return super().execute("BEGIN IMMEDIATE" if sql == "BEGIN" else sql, *args)


def make_database(settings: Settings) -> SteadyDatabase:
    """The database named by the settings, not yet connected. Raises `BadSetting` if its folder is missing."""
    url = settings.database_url
    if url.startswith("sqlite"):
        # SQLite makes the file, not the folder, and its client fails with a traceback of a thread as well.
        if not Path(DatabaseURL(url).database).parent.is_dir():
            raise BadSetting("TICKETFLOW_DATABASE_URL names a SQLite file in a folder that does not exist")
        return SteadyDatabase(url, factory=_SharedSQLite)
    return SteadyDatabase(
        url,
        min_size=1,
        max_size=settings.database_pool,
        pool_recycle=1800,
        connect_timeout=5,
        charset="utf8mb4",
        # REPEATABLE READ would show a transaction the past from its first read on.
        # `databases` ignores `isolation=` on MySQL, so the session is told.
        init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    )


def make_redis(settings: Settings) -> "Redis":
    """A client whose callers wait for a free connection: the plain pool raises in a stampede; and whose
    scripts go over together."""
    pool = BlockingConnectionPool.from_url(
        settings.redis_url,
        max_connections=settings.redis_pool,
        timeout=20,
        decode_responses=True,
        socket_connect_timeout=5,
        health_check_interval=30,
    )
    return GroupedRedis(connection_pool=pool)


def make_smtp(settings: Settings) -> MailClient:
    """A mail client for the settings' server, not yet connected.

    `smtp://` speaks plainly, `smtp+starttls://` insists on encryption after the greeting, and `smtps://`
    encrypts from the first byte. A user and password in the URL are used to sign in.
    """
    url = urlsplit(settings.smtp_url)
    return MailClient(
        sender=parseaddr(settings.mail_from)[1],
        hostname=url.hostname or "localhost",
        port=url.port or (465 if url.scheme == "smtps" else 25),
        username=unquote(url.username) if url.username else None,
        password=unquote(url.password) if url.password else None,
        use_tls=url.scheme == "smtps",
        start_tls=url.scheme == "smtp+starttls",
        timeout=settings.mail_timeout_seconds,
    )


STRIPE_SECONDS = 20.0
STRIPE_RETRIES = 2
"""How long Stripe may take to answer, and how often a call without an answer is sent again, as it was."""


@asynccontextmanager
async def open_gateway(settings: Settings, database: Database) -> AsyncIterator[Gateway]:
    """Stripe if there is a key for it, else the simulated one. Raises `BadSetting` without its library."""
    if not settings.stripe_secret_key:
        yield SimulatedGateway(database, settings.slow_payment_seconds)
        return
    try:
        import stripe
    except ImportError:
        raise BadSetting(
            "TICKETFLOW_STRIPE_SECRET_KEY wants Stripe's library: pip install 'ticketflow[stripe]'"
        ) from None
    from ticketflow.payments.stripe_gateway import StripeGateway

    line = stripe.HTTPXClient(timeout=STRIPE_SECONDS)
    client = stripe.StripeClient(
        settings.stripe_secret_key,
        http_client=line,
        base_addresses={"api": settings.stripe_api_base or stripe.DEFAULT_API_BASE},
        max_network_retries=STRIPE_RETRIES,
    )
    try:
        yield StripeGateway(database, client, settings.stripe_webhook_secret)
    finally:
        await line.close_async()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    """Both stores and the gateway; closed again at the end. Connection errors are the caller's to tell."""
    database = make_database(settings)
    redis = make_redis(settings)
    bell = Bell(redis, settings.redis_prefix)
    database.listeners[outbox.WRITTEN] = bell.ring
    try:
        await database.connect()
        if settings.database_url.startswith("sqlite"):
            # Journal mode is kept in the file; changing it needs the file to itself.
            await database.execute("PRAGMA journal_mode=WAL")
        async with open_gateway(settings, database) as gateway:
            yield Stores(redis, database, gateway, bell)
    finally:
        await bell.quiet()
        await redis.aclose()
        await redis.connection_pool.disconnect()
        await database.disconnect()

"""A whole TicketFlow for a test: in this process, or as the real commands in processes of their own."""

import asyncio
import os
import secrets
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx
from databases import Database
from quart import Quart

from tests import servers
from ticketflow.app import open_web
from ticketflow.clients import make_database
from ticketflow.domain import Role, User, now
from ticketflow.passwords import Passwords
from ticketflow.settings import Settings
from ticketflow.store import events, rooms, users
from ticketflow.store.events import NewSale, NewTicketType
from ticketflow.ticket_codes import TicketCodes

T = TypeVar("T")

# Made once: httpx reads the machine's certificates anew for each client, 20 ms in which a test's loop stands.
TRUST = ssl.create_default_context()
PASSWORD = "a password for tests"
TICKET_KEY = "7e" * 32
CODES = TicketCodes((TICKET_KEY,))
SECRET = "a secret for tests that is long enough to be one"


def settings_for(*, database_url: str, redis_url: str, smtp_url: str, prefix: str, **given: Any) -> Settings:
    """Settings for one test's house: quick payments, short waits, limits out of the way unless given."""
    wanted: dict[str, Any] = {
        "public_url": "http://localhost",
        "secret_keys": (SECRET,),
        "ticket_keys": (TICKET_KEY,),
        "slow_payment_seconds": 0.2,
        "bookings_per_minute": 10_000,
        "sign_ins_per_minute": 100_000,
        "own_forms_per_minute": 100_000,
        "letters_per_network": 20,
        # Servers in processes of their own are asked by this name.
        "hosts": ("127.0.0.1",),
        "requests_per_address": 0,
        "requests_per_account": 0,
        "messages_per_second": 0,
        "joins_per_address": 0,
        "joins_per_account": 0,
        "sockets_per_address": 0,
        "ledger_takeover_seconds": 1.0,
        "tick_seconds": 0.1,
        **given,
    }
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        smtp_url=smtp_url,
        redis_prefix=prefix.rstrip(":"),
        **wanted,
    )


@dataclass
class Sale:
    """A sale written straight into the database, before anything runs."""

    event_id: int
    slug: str
    type_ids: list[int]
    organiser_email: str


async def make_sale(
    settings: Settings,
    *,
    types: Sequence[NewTicketType] = (NewTicketType("Standing", 2500, 500),),
    per_user_limit: int = 4,
    rate_per_minute: int = 600_000,
    max_active: int = 100_000,
    mode: str = "open",
    sale_starts_in: timedelta = timedelta(minutes=-1),
    queue_needs_account: bool = False,
    fee_basis_points: int = 0,
    opened: bool = True,
    cancel_until: datetime | None = None,
) -> Sale:
    """Write down a sale that is on, with an organiser of its own; a paused one has been open before."""
    database = make_database(settings)
    await database.connect()
    try:
        owner = await _new_organiser(database)
        slug = f"sale-{secrets.token_hex(4)}"
        new = NewSale(
            slug=slug,
            name="A sale for tests",
            venue="The test hall",
            starts_at=now() + timedelta(days=30),
            sale_starts_at=now() + sale_starts_in,
            lobby_opens_at=None,
            currency="EUR",
            per_user_limit=per_user_limit,
            published=True,
            rate_per_minute=rate_per_minute,
            max_active=max_active,
            types=types,
            mode=mode,
            queue_needs_account=queue_needs_account,
            fee_basis_points=fee_basis_points,
            cancel_until=cancel_until,
        )
        event_id = await events.create(database, owner.id, new)
        if opened and mode == "paused":
            await rooms.note_opened(database, event_id)
        event = await events.by_id(database, event_id)
        assert event is not None
        return Sale(event_id, slug, [t.id for t in event.ticket_types], owner.email)
    finally:
        await database.disconnect()


async def _new_organiser(database: Database) -> User:
    return await users.create(
        database,
        name="Organiser",
        email=f"organiser-{secrets.token_hex(4)}@example.com",
        password_hash=await Passwords().hash(PASSWORD),
        role=Role.ORGANISER,
        verified=True,
    )


class Visitor(httpx.AsyncClient):
    """A client of the public API with cookies of its own; each call gives the response."""

    async def register(self, name: str | None = None) -> httpx.Response:
        """A new account, signed in."""
        self.email = f"{name or secrets.token_hex(8)}@example.com"
        body = {"name": name or "A fan", "email": self.email, "password": PASSWORD}
        return await self.post("/api/register", json=body)

    async def sign_in(self, email: str) -> httpx.Response:
        return await self.post("/api/login", json={"email": email, "password": PASSWORD})

    async def join(self, sale: Sale) -> httpx.Response:
        return await self.post(f"/api/events/{sale.event_id}/queue")

    async def claim(self, sale: Sale) -> httpx.Response:
        return await self.post(f"/api/events/{sale.event_id}/queue/claim")

    async def come_in(self, sale: Sale) -> None:
        """Join and claim, in a room that lets in at once."""
        joined = await self.join(sale)
        assert joined.json()["state"] in ("called", "active"), joined.text
        claimed = await self.claim(sale)
        assert claimed.status_code == 200, claimed.text

    async def hold(self, sale: Sale, quantity: int = 1, type_id: int | None = None) -> httpx.Response:
        body = {"ticket_type_id": type_id or sale.type_ids[0], "quantity": quantity}
        return await self.post(f"/api/events/{sale.event_id}/holds", json=body)

    async def book(
        self, hold_id: str, method: str = "card-ok", key: str | None = None, prefer: str | None = None
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        headers |= {"Prefer": prefer} if prefer else {}
        body = {"hold_id": hold_id, "payment": {"method": method}}
        return await self.post("/api/bookings", json=body, headers=headers)


@dataclass
class House:
    """A running TicketFlow and what a test may look at behind its back."""

    settings: Settings
    url: str
    database: Database
    app: Quart | None = None
    mailbox: servers.Mailbox | None = None

    def visitor(self) -> Visitor:
        """A new client without any cookie."""
        if self.app is not None:
            # Quart says more precisely than httpx what an ASGI application takes and gives.
            return Visitor(transport=httpx.ASGITransport(cast(Any, self.app)), base_url=self.url, timeout=60)
        limits = httpx.Limits(max_connections=None)
        return Visitor(base_url=self.url, timeout=60, limits=limits, verify=TRUST)


@asynccontextmanager
async def in_process(settings: Settings) -> AsyncIterator[House]:
    """Web and worker loops in the test's own event loop; requests are handed over without a network."""
    try:
        async with open_web(settings, with_worker=True) as app:
            database = app.extensions["ticketflow"].database
            yield House(settings, "http://localhost", database, app)
    finally:
        await sqlite_is_quiet()


async def sqlite_is_quiet() -> None:
    """Return when no SQLite connection is at work: its thread would answer to a loop that is closed."""
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, 5)


@asynccontextmanager
async def by_commands(settings: Settings, folder: Path, *, webs: int = 1) -> AsyncIterator[list[House]]:
    """`ticketflow serve`, so many times, in processes of their own. Workers are the test's to start."""
    database = make_database(settings)
    await database.connect()
    try:
        with servers_of(settings, folder, webs) as houses:
            for house, running, log in houses:
                house.database = database
                async with house.visitor() as visitor:
                    await servers.answering(visitor, "/readyz", running, log)
            yield [house for house, _, _ in houses]
    finally:
        await database.disconnect()


@contextmanager
def servers_of(settings: Settings, folder: Path, webs: int) -> Iterator[list[tuple[House, Any, Path]]]:
    """The processes behind `by_commands`, with their logs."""
    if webs == 0:
        yield []
        return
    port, log = servers.free_port(), folder / f"web-{webs}.log"
    mine = replace(settings, port=port)
    with (
        servers.process(command("serve"), log, env=environment(mine)) as running,
        servers_of(settings, folder, webs - 1) as others,
    ):
        house = House(mine, f"http://127.0.0.1:{port}", None)  # type: ignore[arg-type]
        yield [(house, running, log), *others]


@contextmanager
def worker(settings: Settings, folder: Path) -> Iterator[Any]:
    """`ticketflow worker` in a process of its own; gives the process, to be killed if the test wants."""
    log = folder / f"worker-{secrets.token_hex(3)}.log"
    with servers.process(command("worker"), log, env=environment(settings)) as running:
        yield running


async def eventually(probe: Callable[[], Awaitable[T]], *, seconds: float = 20) -> T:
    """What `probe` gives, asked until it is true: for what other processes do."""
    async with asyncio.timeout(seconds):
        while not (found := await probe()):  # noqa: ASYNC110 - another process has no event for us
            await asyncio.sleep(0.05)
        return found


async def doors_open(house: House, sale: Sale) -> None:
    """Return once a worker has put the sale's room and stock into Redis and this web has heard of it."""
    async with house.visitor() as anybody:

        async def so() -> bool:
            event = (await anybody.get(f"/api/events/{sale.event_id}")).json()
            return event["sale_state"] == "on_sale" and all(t["remaining"] for t in event["ticket_types"])

        await eventually(so)


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "ticketflow", *args]


def environment(settings: Settings) -> dict[str, str]:
    """The settings as variables, the way an operator gives them."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TICKETFLOW_") and name != "PORT"
    }
    default = Settings()
    given = {
        f"TICKETFLOW_{f.name.upper()}": _as_text(getattr(settings, f.name))
        for f in fields(Settings)
        if "read" in f.metadata and getattr(settings, f.name) != getattr(default, f.name)
    }
    return inherited | given


def _as_text(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)

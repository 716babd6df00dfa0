"""A sale with a long line, in front of a database that can be made slow: what the autopilot has to fly.

Fans are let in as the room lets them, and each books at once. How long that takes is measured here, from
outside, and not read from what the autopilot sees.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tests.house import House, Sale, Visitor, in_process, make_sale
from tests.narrow import NarrowLine, narrow_line
from ticketflow.settings import Settings
from ticketflow.store.events import NewTicketType
from ticketflow.web.services import Services

ACCOUNTS = 60
"""So many can book at once: two bookings of one account would get into each other's way."""
LINE = 50
"""So many wait at any time."""


@dataclass
class Flight:
    """What happened: bookings as (when they ended, how long they took), and where the rate stood."""

    house: House
    sale: Sale
    accounts: asyncio.Queue[Visitor]
    line: NarrowLine
    organiser: Visitor
    began: float = field(default_factory=time.monotonic)
    ended: deque[tuple[float, float]] = field(default_factory=deque)
    begun: dict[int, float] = field(default_factory=dict)
    admitted: int = 0
    trace: list[str] = field(default_factory=list)

    @property
    def services(self) -> Services:
        assert self.house.app is not None
        found: Services = self.house.app.extensions["ticketflow"]
        return found

    @property
    def rate(self) -> int:
        frame = self.services.catalogue.frame(self.sale.event_id)
        return frame.rate_per_minute if frame else 0

    def p95(self, seconds: float) -> float:
        """What 95% of the bookings of the last so many seconds took; those under way with their age."""
        now = time.monotonic()
        took = [took for at, took in self.ended if now - at <= seconds]
        took += [now - at for at in self.begun.values()]
        return sorted(took)[int(0.95 * (len(took) - 1))] if took else 0.0

    def note(self, said: str) -> None:
        """A line of the trace."""
        now = time.monotonic() - self.began
        self.trace.append(f"{now:6.1f} s  {self.rate:5d} a minute  p95 {self.p95(5):5.2f} s  {said}")

    async def ask(self, method: str, **body: Any) -> dict[str, Any]:
        path = f"/api/organiser/events/{self.sale.event_id}/autopilot"
        answer = await self.organiser.request(method, path, json=body or None)
        assert answer.is_success, answer.text
        return dict(answer.json()) if answer.content else {}

    async def until(self, so: Callable[[], bool], seconds: float, said: str) -> float | None:
        """After how many seconds it came to that; None if not within so many. The trace goes on meanwhile."""
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            self.note(said)
            if so():
                return passed
            await asyncio.sleep(self.house.settings.autopilot_seconds / 2)
        return None


@asynccontextmanager
async def flight(settings: Settings, database_url: str, *, fans: int, rate: int) -> AsyncIterator[Flight]:
    """A house whose database is behind a line, an open sale at that rate, and so many who wait."""
    async with narrow_line(database_url) as (line, narrow_url):
        house_settings = replace(settings, database_url=narrow_url)
        types = [NewTicketType("Standing", 2500, fans)]
        sale = await make_sale(
            house_settings, types=types, per_user_limit=fans, rate_per_minute=rate, max_active=fans
        )
        async with in_process(house_settings) as house, house.visitor() as organiser:
            await organiser.sign_in(sale.organiser_email)
            flying = Flight(house, sale, asyncio.Queue(), line, organiser)
            await asyncio.gather(*(_register(flying) for _ in range(ACCOUNTS)))
            crowd = asyncio.create_task(_let_in(flying, fans))
            yield flying
            line.bytes_a_second = None
            crowd.cancel()
            await asyncio.wait([crowd])


async def _register(flying: Flight) -> None:
    visitor = flying.house.visitor()
    await visitor.register()
    flying.accounts.put_nowait(visitor)


async def _let_in(flying: Flight, fans: int) -> None:
    """Keep a line of people, and let each book as soon as the room has called."""
    room = await flying.services.rooms.of(flying.sale.event_id)
    tickets: list[str] = []
    async with asyncio.TaskGroup() as tasks:
        while flying.admitted < fans:
            missing = LINE - (len(tickets) - flying.admitted)
            tickets += [(await room.join(present=True)).ticket for _ in range(missing)]
            frame = await room.snapshot()
            for number in range(flying.admitted, frame.admitted_total):
                tasks.create_task(_book(flying, tickets[number], number))
            flying.admitted = frame.admitted_total
            await asyncio.sleep(0.05)


async def _book(flying: Flight, ticket: str, number: int) -> None:
    room = await flying.services.rooms.of(flying.sale.event_id)
    await room.claim(ticket)
    account = await flying.accounts.get()
    flying.begun[number] = began = time.monotonic()
    body = {"event_id": flying.sale.event_id, "quantity": 1, "payment": {"method": "card-ok"}}
    headers = {"Queue-Ticket": ticket, "Idempotency-Key": f"fan-{number}"}
    try:
        answer = await account.post("/api/bookings", json=body, headers=headers)
        assert answer.status_code in (201, 202), answer.text
    finally:
        flying.accounts.put_nowait(account)
        del flying.begun[number]
        flying.ended.append((time.monotonic(), time.monotonic() - began))

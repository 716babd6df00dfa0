"""A house whose processes die at fault points, and what must hold once others have taken up what is left."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from databases import Database
from redis.asyncio import Redis
from sqlalchemy import func, select

from tests import servers
from tests.forked import Forked
from tests.house import TRUST, Sale, Visitor, eventually
from ticketflow.booking.auditor import Auditor
from ticketflow.domain import booking_id, now
from ticketflow.faults import Fault
from ticketflow.settings import Settings
from ticketflow.store import tables

CAPACITY = 400
QUIET_SECONDS = 40
OPEN_MONEY = ("authorised", "void_due", "refund_due")
UNSENT = ("pending", "sending")
MEANING = {201: "confirmed", 402: "refused", 410: None}
"""What the database must say of a booking by its answer; 410: its hold was over, there is no booking."""


class Fan(Visitor):
    """Somebody with an account, who is told nothing when the house dies under them."""

    user_id = 0


@dataclass
class Attempt:
    """A booking somebody tries to make, and what they heard of it; None if they heard nothing."""

    fan: Fan
    key: str
    body: dict[str, Any]
    answer: httpx.Response | None = None

    @property
    def id(self) -> str:
        return booking_id(self.fan.user_id, self.key)

    async def make(self) -> None:
        """Ask, for the first time or again: the key is the same."""
        headers = {"Idempotency-Key": self.key}
        self.answer = await heard(self.fan.post("/api/bookings", json=self.body, headers=headers))


async def heard(asking: Awaitable[httpx.Response]) -> httpx.Response | None:
    """The answer, or None if who should give it died."""
    try:
        return await asking
    except httpx.TransportError:
        return None


@dataclass
class CrashingHouse:
    """A web and a worker in processes of their own, on stores that stay, with a sale that all tests share."""

    settings: Settings
    folder: Path
    database: Database
    redis: "Redis"
    auditor: Auditor
    mailbox: servers.Mailbox
    sale: Sale
    fans: list[Fan] = field(default_factory=list)
    running: dict[str, Forked] = field(default_factory=dict)
    _started: int = 0

    async def start(
        self, command: str, fault: Fault | None = None, *, without: str | None = None, **given: Any
    ) -> Forked:
        """`serve` or `worker` in place of the one that runs; `given` are settings of its own."""
        if command in self.running:
            await self.running[command].kill()
        self._started += 1
        log = self.folder / f"{self._started}-{command}.log"
        port = servers.free_port() if command == "serve" else self.settings.port
        mine = replace(self.settings, fault=fault, port=port, **given)
        self.running[command] = process = Forked(command, mine, log, without=without)
        if command == "serve":
            for fan in self.fans:
                fan.base_url = httpx.URL(f"http://127.0.0.1:{port}")
            await eventually(self._is_ready, seconds=QUIET_SECONDS)
        return process

    async def _is_ready(self) -> bool:
        serving = self.running["serve"]
        assert serving.exit_code is None, serving.log.read_text()
        answer = await heard(self.fans[0].get("/readyz"))
        return answer is not None and answer.status_code == 200

    async def open(self, fans: int) -> None:
        """Start both, with so many fans who have an account."""
        self.fans = [Fan(timeout=60, verify=TRUST) for _ in range(fans)]
        await self.start("worker")
        await self.start("serve")
        for fan in self.fans:
            fan.user_id = (await fan.register()).json()["id"]

    async def close(self) -> None:
        for process in self.running.values():
            await process.kill()
        for fan in self.fans:
            await fan.aclose()

    async def come_in(self) -> None:
        """Let all fans stand at the desk, where nothing else is under way."""
        assert await self.unrest() == {}, "a test before this one has left it"
        for fan in self.fans:
            assert (await fan.join(self.sale)).status_code in (200, 201)

            async def claimed(fan: Fan = fan) -> bool:
                return (await fan.claim(self.sale)).status_code == 200

            await eventually(claimed)

    async def held(self, fan: Fan, key: str) -> Attempt:
        """An attempt at what a fan holds now."""
        answer = await fan.hold(self.sale, 2)
        assert answer.status_code == 201, answer.text
        return Attempt(fan, key, {"hold_id": answer.json()["id"], "payment": {"method": "card-ok"}})

    def at_once(self, fan: Fan, key: str, method: str = "card-ok") -> Attempt:
        """An attempt in one step."""
        body = {"event_id": self.sale.event_id, "quantity": 1, "payment": {"method": method}}
        return Attempt(fan, key, body)

    async def unrest(self) -> dict[str, int]:
        """What is still under way, by name."""
        event = f"{self.settings.redis_prefix}:{{event:{self.sale.event_id}}}"
        payments, outbox, cancelled = tables.payments.c, tables.outbox.c, tables.cancellations.c
        found = {
            "holds": await self.redis.hlen(f"{event}:holds"),
            "pending": await self.redis.hlen(f"{event}:pending"),
            "orders": await self.redis.xlen(f"{event}:orders"),
            "money": await self._count(payments.status.in_(OPEN_MONEY)),
            "mail": await self._count(outbox.state.in_(UNSENT) & outbox.booking_id.is_not(None)),
            "units": await self._count(cancelled.units_back_at.is_(None)),
        }
        return {name: count for name, count in found.items() if count}

    async def _count(self, condition: Any) -> int:
        return int(await self.database.fetch_val(select(func.count()).where(condition)))

    async def quiet(self) -> None:
        """Return once nothing is under way any more; fail with what is."""

        async def so() -> bool:
            return not await self.unrest()

        try:
            await eventually(so, seconds=QUIET_SECONDS)
        except TimeoutError:
            logs = "\n".join(process.log.read_text()[-3000:] for process in self.running.values())
            raise AssertionError(f"never quiet: {await self.unrest()}\n{logs}") from None

    async def differences(self) -> list[str]:
        """What the auditor finds, and what else the books do not agree in."""
        report = await self.auditor.audit(since=now() - timedelta(days=1))
        assert not report.silent
        return [*map(str, report.differences), *await self._stock_and_money()]

    async def _stock_and_money(self) -> list[str]:
        kind = self.sale.type_ids[0]
        event = f"{self.settings.redis_prefix}:{{event:{self.sale.event_id}}}"
        stock = await self.redis.hgetall(f"{event}:stock")
        counts = int(stock[f"free:{kind}"]), int(stock[f"sold:{kind}"])
        sold = await self._count(tables.tickets.c.id.is_not(None))
        charges = tables.simulated_charges.c
        paid = await self._ids(select(charges.charge_key).where(charges.status == "captured"))
        reserved = await self._ids(select(charges.charge_key).where(charges.status == "authorised"))
        with_tickets = await self._ids(select(tables.tickets.c.booking_id).distinct())
        found = []
        if counts != (CAPACITY - sold, sold):
            found.append(f"free and sold are {counts}, with {sold} tickets of {CAPACITY}")
        if paid != with_tickets:
            found.append(f"paid, or with tickets, but not both: {paid ^ with_tickets}")
        if reserved:
            found.append(f"still reserved: {reserved}")
        return found

    async def _ids(self, query: Any) -> set[str]:
        return {row[0] for row in await self.database.fetch_all(query)}

    async def status_of(self, booking: str) -> str | None:
        """What the database says of a booking; None if it knows of none."""
        bookings = tables.bookings.c
        found: str | None = await self.database.fetch_val(
            select(bookings.status).where(bookings.id == booking)
        )
        return found

    async def check_answers(self, attempts: Sequence[Attempt]) -> None:
        """What was said is so; and who asks again, under the same key, hears what has become of it."""
        for attempt in attempts:
            status = await self.status_of(attempt.id)
            if attempt.answer is not None and attempt.answer.status_code in MEANING:
                assert MEANING[attempt.answer.status_code] == status, attempt.answer.text
            await attempt.make()
            assert attempt.answer is not None
            said = MEANING[attempt.answer.status_code]
            assert said == await self.status_of(attempt.id), attempt.answer.text
            assert status in (said, None), f"{status} has become {said}"
        await self.quiet()

    async def check_letters(self, attempts: Sequence[Attempt], most: int = 1) -> None:
        """Each confirmed booking has one letter, a cancelled one another; each sent once, or up to `most`."""
        wanted = {"confirmed": 1, "cancelled": 2, "refused": 0, None: 0}
        for attempt in attempts:
            ids = [m["Message-ID"] for m in self.mailbox.messages if f"<{attempt.id}." in m["Message-ID"]]
            assert len(set(ids)) == wanted[await self.status_of(attempt.id)], ids
            assert all(copies <= most for copies in Counter(ids).values()), ids


async def gather(attempts: Sequence[Attempt]) -> None:
    await asyncio.gather(*(attempt.make() for attempt in attempts))

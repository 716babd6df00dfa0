"""Background work, live: letters, orders and money of some events, counted at most once a second however many
watch."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from databases import Database
from redis.asyncio import Redis

from ticketflow.domain import iso, now
from ticketflow.mail.server_board import ServerState
from ticketflow.redaction import redacted
from ticketflow.stock import Stock
from ticketflow.stock.backlog import Backlog, backlog
from ticketflow.store import mail_counts, work
from ticketflow.store.mail_desk import Scope
from ticketflow.store.work import Desk

FRESH_SECONDS = 0.9
MOST_KEPT = 100
SHOWN_CHARACTERS = 300


class WorkRoom:
    """Counts, and gives the same count to whoever asks for the same within a second."""

    def __init__(
        self,
        database: Database,
        redis: "Redis",
        stock: Stock,
        server: Callable[[], Awaitable[ServerState]],
    ) -> None:
        self._database = database
        self._redis = redis
        self._stock = stock
        self._server = server
        self._counts: dict[Scope, tuple[float, asyncio.Task[dict[str, Any]]]] = {}

    async def count(self, scope: Scope, desk: Desk) -> dict[str, Any]:
        """The numbers of a scope; `desk` is the same for orders and money. Raises what the stores raise."""
        at = asyncio.get_running_loop().time()
        known = self._counts.get(scope)
        if known is None or at - known[0] > FRESH_SECONDS or known[1].cancelled():
            if len(self._counts) >= MOST_KEPT:
                self._counts.clear()
            task = asyncio.create_task(self._count(scope, desk), name="count-of-work")
            known = self._counts[scope] = at, task
        return await asyncio.shield(known[1])

    def forget(self) -> None:
        """Count anew for who asks next: something was done just now."""
        self._counts.clear()

    async def _count(self, scope: Scope, desk: Desk) -> dict[str, Any]:
        at = now()
        letters = await mail_counts.summary(self._database, scope, at)
        orders = await backlog(self._redis, self._stock, desk.event_ids)
        return {
            "at": iso(at),
            "event_id": scope.event_id,
            "mail": {
                "waiting": letters["waiting"],
                "oldest_seconds": letters["oldest_waiting_seconds"],
                "failed": letters["states"]["failed"],
                "reasons": letters["reasons"],
                "done_last_minute": letters["sent_last_minute"],
                "minutes": [
                    {"at": minute["at"], "done": minute["sent"]}
                    for minute in letters["minutes"][-work.MINUTES :]
                ],
                "server": (await self._server()).public(),
            },
            "orders": {
                **_orders(orders, at),
                **await work.decided(self._database, desk, at),
            },
            "money": {
                **await work.open_payments(self._database, desk, at),
                **await work.settled(self._database, desk, at),
            },
        }


def _orders(found: Backlog, at: Any) -> dict[str, Any]:
    return {
        "waiting": max(0, found.orders - found.in_hand),
        "in_hand": found.in_hand,
        "oldest_seconds": found.oldest and max(0, round((at - found.oldest).total_seconds())),
        "redelivered": found.redelivered,
        "most_deliveries": found.most_deliveries,
        "workers": [
            {"name": name, "in_hand": known["in_hand"], "idle_seconds": round(known["idle_ms"] / 1000, 1)}
            for name, known in sorted(found.consumers.items())
        ],
        "rejected": found.rejected,
        "rejected_entries": [
            {
                "event_id": one.event_id,
                # Whoever could write there could write anything.
                "text": redacted(one.text)[:SHOWN_CHARACTERS],
            }
            for one in found.shown
        ],
    }

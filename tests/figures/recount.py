"""A sale counted anew from Redis and the database, by other means than the desk does it."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from databases import Database
from redis.asyncio import Redis
from websockets.asyncio.client import connect

from tests.house import House, Sale
from ticketflow.settings import Settings

COUNT_SECONDS = 0.25
SIDE_BY_SIDE_SECONDS = 0.05
PEOPLE = ("waiting", "called", "active", "missed", "done", "left")
GROWING = (
    *("joins_total", "left_total", "missed_total"),
    *("sold", "revenue", "payment_failures", "refused", "paid"),
)
"""What only grows with people who come once, let no lease lapse and cancel nothing."""
BOOKS = ("revenue", "payment_failures", "refused", "paid", "letters")
"""The database's; a frame says when it was asked for them."""
EXACT = (*GROWING, "waiting", "called", "active", "free", "held", "paying", "holders", "orders", "letters")
BOOKED = "SELECT COALESCE(SUM(amount), 0), COUNT(DISTINCT user_id) FROM bookings WHERE event_id = {}"
FAILED = "SELECT COUNT(*) FROM bookings WHERE event_id = {} AND status = 'refused'"
UNPAID = f"{FAILED} AND (reason = 'payment_declined' OR reason = 'payment_unknown')"
BUYERS = "SELECT DISTINCT user_id FROM tickets WHERE event_id = {}"
LETTERS = "SELECT COUNT(*) FROM outbox WHERE event_id = {} AND state IN ('pending', 'sending')"


@dataclass(frozen=True)
class Recount:
    """How a sale stood between two moments, in unix seconds."""

    begun: float
    ended: float
    of: dict[str, int]


@dataclass(frozen=True)
class Seen:
    """A frame of the desk: when it says it was taken, when it came, its figures as a recount names them, but
    for those that are older than it says of itself."""

    at: float
    came: float
    of: dict[str, int]
    frame: dict[str, Any]


class Recounter:
    """Counts one sale again and again, and reads its desk beside that. Its people are those of GROWING."""

    def __init__(
        self, redis: Redis, database: Database, settings: Settings, sale: Sale, capacity: int
    ) -> None:
        self._redis = redis
        self._database = database
        self._base = f"{settings.redis_prefix}:{{event:{sale.event_id}}}:"
        self._sale = sale
        self._capacity = capacity
        self.counts: list[Recount] = []
        self.seen: list[Seen] = []

    async def keep_counting(self) -> None:
        while True:
            self.counts.append(await self.count())
            await asyncio.sleep(COUNT_SECONDS)

    async def keep_looking(self, house: House, cookie: str) -> None:
        """Read the desk's frames, as an organiser's page does."""
        url = f"{house.url.replace('http', 'ws', 1)}/ws/organiser/{self._sale.event_id}"
        async with connect(url, additional_headers={"Cookie": cookie}) as socket:
            async for text in socket:
                frame = json.loads(text)
                if frame["type"] == "desk":
                    self.seen.append(seen(frame))

    async def count(self) -> Recount:
        begun = time.time()
        counted = {**await self._in_redis(), **await self._in_database()}
        return Recount(begun, time.time(), counted)

    async def _in_redis(self) -> dict[str, int]:
        async with self._redis.pipeline(transaction=True) as reads:
            for name in PEOPLE:
                reads.zrange(self._base + name, 0, -1)
            reads.hvals(self._base + "holds")
            reads.xrange(self._base + "orders")
            for type_id in self._sale.type_ids:
                reads.bitcount(f"{self._base}units:{type_id}")
            *answers, holds, orders, free = await reads.execute()
        sets = dict(zip(PEOPLE, map(set, answers), strict=True))
        in_hand = [json.loads(hold) for hold in holds]
        self._holders = {int(hold["user"]) for hold in in_hand}
        units = sum(len(hold["units"]) for hold in in_hand)
        sizes = {name: len(sets[name]) for name in ("waiting", "called", "active")}
        return {
            **sizes,
            "joins_total": len(set().union(*sets.values())),
            "left_total": len(sets["left"]),
            "missed_total": len(sets["missed"]),
            "gone": len(sets["done"] | sets["left"] | sets["missed"]),
            "free": free,
            "held": units,
            "sold": self._capacity - free - units,
            "paying": sum(hold["state"] == "paying" for hold in in_hand),
            "orders": len(orders),
        }

    async def _in_database(self) -> dict[str, int]:
        revenue, paid = (await self._rows(f"{BOOKED} AND status = 'confirmed'"))[0]
        buyers = {int(row[0]) for row in await self._rows(BUYERS)}
        return {
            "revenue": int(revenue),
            "paid": int(paid),
            "refused": await self._number(FAILED),
            "payment_failures": await self._number(UNPAID),
            "letters": await self._number(LETTERS),
            "holders": len(self._holders | buyers),
        }

    async def _number(self, query: str) -> int:
        return int((await self._rows(query))[0][0])

    async def _rows(self, query: str) -> Sequence[tuple[Any, ...]]:
        rows = await self._database.fetch_all(query.format(self._sale.event_id))
        return [tuple(row._mapping.values()) for row in rows]


def seen(frame: dict[str, Any]) -> Seen:
    """A frame that has come just now."""
    named = {name: frame[name] for name in EXACT if frame.get(name) is not None}
    more = {
        "paid": frame["funnel"]["paid"],
        "holders": frame["funnel"]["held"],
        "orders": frame["backlog"]["ledger"],
        "letters": frame["backlog"]["mail"],
    }
    of = {**named, **{name: figure for name, figure in more.items() if figure is not None}}
    at = datetime.fromisoformat(frame["at"]).timestamp()
    # The two are read side by side; the database's may be the last known.
    books_at = datetime.fromisoformat(frame["books_at"]).timestamp() if frame["books_at"] else 0.0
    if books_at < at - SIDE_BY_SIDE_SECONDS:
        return Seen(at, time.time(), {name: n for name, n in of.items() if name not in BOOKS}, frame)
    return Seen(min(at, books_at), time.time(), of, frame)


def wrong(frames: Sequence[Seen], counts: Sequence[Recount]) -> list[str]:
    """Every figure of a frame that is not between the last recount before the frame and the first one after
    it: what only grows, strictly; what goes up and down, by no more than people have moved meanwhile."""
    found = []
    for frame in frames:
        before = next((c for c in reversed(counts) if c.ended <= frame.at), None)
        after = next((c for c in counts if c.begun >= frame.came), None)
        if before and after:
            found += [f"{name}: {text}" for name, text in _wrong(frame, before.of, after.of)]
    return found


def _wrong(frame: Seen, before: dict[str, int], after: dict[str, int]) -> list[tuple[str, str]]:
    moves = _steps(after) - _steps(before)
    found = []
    for name in EXACT:
        low, high = min(before[name], after[name]), max(before[name], after[name])
        if name not in GROWING:
            # One person takes four tickets at most with one step.
            low, high = low - 4 * moves, high + 4 * moves
        if name in frame.of and not low <= frame.of[name] <= high:
            found.append((name, f"{frame.of[name]} is not from {low} to {high}"))
    return found


def _steps(of: dict[str, int]) -> int:
    """A number that grows with each step somebody takes: into the line, out of it, in, out; a booking's end;
    a hold taken that was not yet."""
    out = of["joins_total"] - of["waiting"]
    came_in = out - of["called"]
    return of["joins_total"] + out + came_in + of["gone"] + of["sold"] + of["refused"] + of["holders"]


def ages(frames: Sequence[Seen], every: float = 0.01) -> list[float]:
    """How old the newest frame was, at each hundredth of a second."""
    found, place = [], 0
    moment = frames[0].came
    while moment < frames[-1].came:
        while frames[place + 1].came <= moment:
            place += 1
        found.append(moment - frames[place].at)
        moment += every
    return sorted(found)

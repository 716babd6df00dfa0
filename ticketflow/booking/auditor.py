"""The auditor compares what Redis, the database, the gateway and the outbox say of a sale, and mends.

The database is the truth. A sale that runs is never still: a difference is one when it stays, look after
look.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from databases import Database
from redis import exceptions as redis_errors
from redis.asyncio import Redis

from ticketflow.booking.findings import (
    ORPHAN_AFTER,
    STOCK,
    UNDERWAY,
    Difference,
    key_of,
    money_difference,
    stock_differences,
)
from ticketflow.booking.rebuilder import Rebuilder
from ticketflow.domain import Event, PaymentStatus, now
from ticketflow.loops import lasting
from ticketflow.payments import Charge, ChargeStatus, Gateway, GatewayRefused, GatewayTimeout
from ticketflow.rooms import Rooms
from ticketflow.settings import Settings
from ticketflow.stock import Inspection
from ticketflow.store import reconcile, sales, violations
from ticketflow.store.reconcile import PaymentRow
from waiting_room import WaitingRoomError

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = (0.3, 1.0)
LOCK_SECONDS = 600
TRIES = 3
ASKS = 5
ASK_AGAIN_SECONDS = 0.2
FIRST_LOOK_BACK = timedelta(hours=24)
"""How far back the first comparison of money goes; the next ones go on from there."""
OVERLAP = 2 * (ORPHAN_AFTER + UNDERWAY)

AWAY = (redis_errors.ConnectionError, redis_errors.TimeoutError, WaitingRoomError, *violations.BROKEN)
"""No word on any event can be had: that is no difference, but no audit."""

T = TypeVar("T")


@dataclass(frozen=True)
class Report:
    """The differences found. `silent`: the gateway did not answer, and money was not compared."""

    differences: Sequence[Difference]
    silent: bool = False

    @property
    def clean(self) -> bool:
        return not self.differences and not self.silent


class Auditor:
    """Looks at all events, or at one. Any number of processes may have one; one at a time mends."""

    def __init__(
        self,
        *,
        redis: "Redis",
        database: Database,
        gateway: Gateway,
        inspection: Inspection,
        rebuilder: Rebuilder,
        rooms: Rooms,
        events: Callable[[], Iterable[Event]],
        settings: Settings,
    ) -> None:
        self._redis = redis
        self._database = database
        self._gateway = gateway
        self._inspection = inspection
        self._rebuilder = rebuilder
        self._rooms = rooms
        self._events = events
        self._settings = settings
        self._tries: Counter[tuple[str, ...]] = Counter()

    @lasting
    async def run(self) -> None:
        """For ever: audit and mend, one worker in each `audit_seconds`."""
        since = now() - FIRST_LOOK_BACK
        while True:
            await asyncio.sleep(self._settings.audit_seconds)
            try:
                began = now()
                if await self._our_turn() and not (await self._audit_and_mend(since)).silent:
                    since = began - OVERLAP
            except (redis_errors.RedisError, WaitingRoomError, *violations.BROKEN) as error:
                log.warning("the audit could not be made: %s", error)
            except Exception:
                log.exception("the audit could not be made")

    async def _our_turn(self) -> bool:
        """Whether nobody else has audited in this while."""
        # A little less than the time between two: our own next turn must not find our last one.
        milliseconds = int(self._settings.audit_seconds * 900)
        return bool(await self._redis.set(self._key("turn"), "taken", nx=True, px=milliseconds))

    async def _audit_and_mend(self, since: datetime) -> Report:
        found = await self.audit(since=since)
        for difference in found.differences:
            log.warning("audit: %s", difference)
        keys = {difference.key for difference in found.differences}
        self._tries = Counter({key: tries for key, tries in self._tries.items() if key in keys})
        # What three rebuilds did not put right, a fourth will not: it would only keep holds out.
        hopeful = [d for d in found.differences if d.mendable and self._tries[d.key] < TRIES]
        if hopeful:
            self._tries.update(difference.key for difference in hopeful)
            await self.mend(hopeful)
        return found

    async def audit(self, only: Event | None = None, *, since: datetime) -> Report:
        """Compare everything, or one event; payments as far back as `since`."""
        events = [only] if only else list(self._events())
        found: list[Difference] = []
        for event in events:
            found += await self._stock_of(event)
            found += await self._books_of(event)
        try:
            found += await self._money(events, only, since)
        except GatewayTimeout:
            return Report(found, silent=True)
        return Report(found)

    async def mend(self, differences: Iterable[Difference]) -> None:
        """Make Redis, the gateway and the outbox say what the database says."""
        async with self._redis.lock(self._key("mend"), timeout=LOCK_SECONDS):
            differences = list(differences)
            stock = {d.event_id for d in differences if d.kind in STOCK}
            for event in self._events():
                if event.id in stock:
                    await self._rebuild(event)
            for difference in differences:
                try:
                    await self._mend_one(difference)
                except (GatewayTimeout, GatewayRefused) as error:
                    log.warning("audit: the gateway did not help with %s: %r", difference.subject, error)
            await self._let_go([d for d in differences if d.kind == "orphan"])

    async def _rebuild(self, event: Event) -> None:
        try:
            await self._rebuilder.rebuild(event)
        except Exception:
            # One that cannot be rebuilt must not keep the others as they are.
            log.exception("event %d could not be rebuilt", event.id)

    async def _stock_of(self, event: Event) -> list[Difference]:
        found = await self._look(event)
        for pause in LOOK_AGAIN_SECONDS:
            if not found:
                break
            await asyncio.sleep(pause)
            again = {difference.key: difference for difference in await self._look(event)}
            found = [again[difference.key] for difference in found if difference.key in again]
        return found

    async def _look(self, event: Event) -> list[Difference]:
        leases = (await self._rooms.of(event.id)).keys.active
        try:
            seen = await self._inspection.look(event, leases)
        except AWAY:
            raise
        except Exception as error:
            return [_unreadable(event, error)]
        types = [t.id for t in event.ticket_types]
        tickets = await reconcile.tickets_of(self._database, event.id, types)
        try:
            # In a thread, because comparing 50,000 units takes longer than a tick of a room may wait.
            return await asyncio.to_thread(lambda: list(stock_differences(event, seen, tickets)))
        except Exception as error:
            return [_unreadable(event, error)]

    async def _books_of(self, event: Event) -> list[Difference]:
        """What the database itself says in one statement each: no look is too early."""
        numbers = await reconcile.ticket_numbers(self._database, event.id)
        missing = await reconcile.without_letter(self._database, event.id)
        stray = await reconcile.with_stray_letter(self._database, event.id)
        return [
            *(Difference("tickets", event.id, f"booking {b}", str(n), str(found)) for b, n, found in numbers),
            *(Difference("no_letter", event.id, f"booking {b}", "1", "0") for b in missing),
            *(Difference("stray_letter", event.id, f"booking {b}", "0", "1") for b in stray),
        ]

    async def _money(self, events: Sequence[Event], only: Event | None, since: datetime) -> list[Difference]:
        at = now()
        charges = await self._asked(lambda: self._charges(since - ORPHAN_AFTER))
        ours = await reconcile.payments_of(self._database, list(charges))
        async for payment in reconcile.confirmed_between(self._database, since, at - UNDERWAY):
            ours.setdefault(payment.booking_id, payment)
        found = []
        for key in charges.keys() | ours.keys():
            difference = money_difference(key, ours.get(key), charges.get(key), at)
            if difference and await self._is_so(key, difference, charges):
                found.append(difference)
        if only:
            return [difference for difference in found if difference.event_id == only.id]
        return await self._not_underway(events, found)

    async def _is_so(self, key: str, difference: Difference, charges: dict[str, Charge]) -> bool:
        """A charge that is not in the list may only be older than the list goes back."""
        if difference.kind != "unpaid" or key in charges:
            return True
        answer = await self._asked(lambda: self._gateway.find(key))
        return answer is None or not answer.approved

    async def _not_underway(self, events: Sequence[Event], found: list[Difference]) -> list[Difference]:
        """Without the orphans whose order waits in Redis all the same, for a ledger that comes back."""
        if not any(difference.kind == "orphan" for difference in found):
            return found
        pending: set[str] = set()
        for event in events:
            leases = (await self._rooms.of(event.id)).keys.active
            try:
                pending |= (await self._inspection.look(event, leases)).pending
            except AWAY:
                raise
            except Exception:
                # Any of them may have its order there; the next audit can tell, once it is mended.
                return [difference for difference in found if difference.kind != "orphan"]
        return [d for d in found if d.kind != "orphan" or key_of(d) not in pending]

    async def _charges(self, since: datetime) -> dict[str, Charge]:
        """Key -> its charge. Of several tries under one key the one that holds the money counts."""
        found: dict[str, Charge] = {}
        async for charge in self._gateway.recent(since):
            if charge.key not in found or charge.status in (ChargeStatus.AUTHORISED, ChargeStatus.CAPTURED):
                found[charge.key] = charge
        return found

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What the gateway answers, asked a few times. Raises `GatewayTimeout`."""
        for attempt in range(1, ASKS):
            try:
                return await ask()
            except GatewayTimeout:
                await asyncio.sleep(ASK_AGAIN_SECONDS * attempt)
        return await ask()

    async def _mend_one(self, difference: Difference) -> None:
        key = key_of(difference)
        match difference.kind:
            case "uncaptured":
                await self._asked(lambda: self._gateway.capture(key))
                await self._note(key, PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED)
            case "not_let_go":
                await self._asked(lambda: self._gateway.void(key))
                await self._note(key, PaymentStatus.VOID_DUE, PaymentStatus.VOIDED)
                await self._note(key, PaymentStatus.REFUND_DUE, PaymentStatus.REFUNDED)
            case "kept":
                await self._asked(lambda: self._gateway.refund(key))
                await self._note(key, PaymentStatus.REFUND_DUE, PaymentStatus.REFUNDED)
            case "no_letter":
                await reconcile.write_letter(self._database, key)

    async def _note(self, key: str, before: PaymentStatus, after: PaymentStatus) -> None:
        await sales.move_payments(self._database, [key], before, after)

    async def _let_go(self, orphans: Sequence[Difference]) -> None:
        """End charges that belong to no booking, and see to it that none comes to rely on them."""
        if not orphans:
            return
        keys = [key_of(difference) for difference in orphans]
        for key in keys:
            await reconcile.note_orphan(self._database, key)
        # A commit that began before the note has ended by now, and then there is a booking after all.
        await asyncio.sleep(LOOK_AGAIN_SECONDS[-1])
        decided: dict[str, PaymentRow] = await reconcile.payments_of(self._database, keys)
        for difference, key in zip(orphans, keys, strict=True):
            if key in decided:
                continue
            captured = difference.found == ChargeStatus.CAPTURED
            end = self._gateway.refund if captured else self._gateway.void
            try:
                await self._asked(partial(end, key))
            except (GatewayTimeout, GatewayRefused) as error:
                log.warning("audit: the gateway did not help with charge %s: %r", key, error)

    def _key(self, noun: str) -> str:
        return f"{self._settings.redis_prefix}:audit:{noun}"


def _unreadable(event: Event, error: Exception) -> Difference:
    log.warning("event %d: its stock cannot be read", event.id, exc_info=error)
    return Difference("unreadable", event.id, "stock", "stock", f"{type(error).__name__}: {error}")

"""The autopilot's loop: looks at each sale that has one, and moves its rate the way an organiser does."""

import asyncio
import logging
from collections.abc import Callable

from databases import Database
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ticketflow.autopilot.meter import Meter, Reading
from ticketflow.autopilot.policy import Move, Past, Plan, Seen, decide, is_cut, tell
from ticketflow.domain import Event, from_micros, to_micros
from ticketflow.figures.lately import Lately
from ticketflow.loops import lasting
from ticketflow.rooms import Rooms
from ticketflow.settings import Settings
from ticketflow.stock import Counts, Stock
from ticketflow.store import autopilots, violations
from ticketflow.store.autopilots import Autopilot
from waiting_room import Frame, Mode, WaitingRoom, WaitingRoomError

log = logging.getLogger(__name__)

TURN = 0.8
"""The part of an interval for which who has looked keeps the others from looking."""
PATIENCE = 0.2
"""The part of an interval for which the list of autopilots is waited for; then the last one has to do."""
BELIEVED_SECONDS = 60.0


class Pilot:
    """To be run by every worker: in each interval one of them looks, and any may be killed at any step.

    A move is one transaction on the room's row, so an organiser's change comes before it or after it. Redis
    is moved inside, as soon as the row is held: a database that is slow is what one brakes for. Who dies
    before the commit leaves the room at a rate that no row has; the next look sets it right.
    """

    def __init__(
        self,
        *,
        redis: "Redis",
        database: Database,
        rooms: Rooms,
        stock: Stock,
        meter: Meter,
        find_event: Callable[[int], Event | None],
        settings: Settings,
    ) -> None:
        self._redis = redis
        self._database = database
        self._rooms = rooms
        self._stock = stock
        self._meter = meter
        self._find_event = find_event
        self._prefix = settings.redis_prefix
        self._interval = settings.autopilot_seconds
        waiting = {"patience": PATIENCE * self._interval, "believed": BELIEVED_SECONDS}
        self._flying = Lately[None, list[Autopilot]](
            lambda _: autopilots.engaged(database), violations.BROKEN, _warn, **waiting
        )

    @lasting
    async def run(self) -> None:
        """For ever: look at every sale that has an autopilot, and move what is due. What a move takes does
        not put off the next look."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                due = max(due + self._interval, loop.time())
                await asyncio.sleep(due - loop.time())
                # An old list does: whether the autopilot still has the room is seen when its row is held.
                flying = await self._flying.get(None) or ()
                await asyncio.gather(*(self._fly(autopilot) for autopilot in flying))
        finally:
            await self._flying.close()

    async def _fly(self, autopilot: Autopilot) -> None:
        event = self._find_event(autopilot.event_id)
        try:
            if event is not None and await self._is_our_turn(event.id):
                await self.look(event, autopilot)
        except (RedisError, WaitingRoomError, *violations.BROKEN) as error:
            log.warning("the autopilot of event %d could not look: %s", autopilot.event_id, error)
        except Exception:
            log.exception("the autopilot of event %d could not look", autopilot.event_id)

    async def _is_our_turn(self, event_id: int) -> bool:
        key = f"{self._prefix}:{{event:{event_id}}}:autopilot"
        return bool(await self._redis.set(key, "taken", nx=True, px=round(self._interval * TURN * 1000)))

    async def look(self, event: Event, autopilot: Autopilot) -> Move | None:
        """Look once; gives the move that was made. Nothing moves while the doors are not open."""
        room = await self._rooms.of(event.id)
        frame, reading = await room.snapshot(), await self._meter.look(event.id)
        counts = await self._stock.counts(event)
        if frame.mode is not Mode.OPEN or frame.recovering or counts is None:
            return None
        plan = plan_of(autopilot)
        seen = self._seen(event, frame, counts, reading)
        if autopilot.rate_per_minute != frame.rate_per_minute:
            await self._set_right(autopilot, room)
            return None
        move = decide(plan, seen, self._past(autopilot))
        return await self._make(autopilot, room, move, tell(plan, seen, move), reading.at) if move else None

    async def _set_right(self, autopilot: Autopilot, room: WaitingRoom) -> None:
        """Let the room go at the rate that was written down."""
        async with self._database.transaction():
            written = await autopilots.hold_room(self._database, autopilot.event_id)
            if written is not None:
                await room.steer(rate_per_minute=written)

    async def _make(
        self, autopilot: Autopilot, room: WaitingRoom, move: Move, why: str, at: int
    ) -> Move | None:
        """Make a move, unless there is no autopilot any more, or another has moved since the look."""
        before = autopilot.rate_per_minute
        async with self._database.transaction():
            if await autopilots.hold_room(self._database, autopilot.event_id) != before:
                return None
            await room.steer(rate_per_minute=move.rate)
            await autopilots.note_move(
                self._database, autopilot, move.rate, why, at=from_micros(at), cut=is_cut(move)
            )
        log.info("event %d: the autopilot moved: %s", autopilot.event_id, why)
        return move

    def _seen(self, event: Event, frame: Frame, counts: Counts, reading: Reading) -> Seen:
        free = sum(max(0, left) for left in counts.remaining.values())
        ended = max(0, frame.admitted_total - frame.inside)
        each = tickets_each(sum(counts.sold.values()), ended, event.per_user_limit)
        return Seen(
            at=self._intervals(reading.at),
            rate=frame.rate_per_minute,
            p95_seconds=reading.p95_seconds,
            error_rate=reading.error_rate,
            free=free,
            # Who holds tickets has them from what is not free any more.
            expected=each * max(0, frame.inside - reading.holds),
        )

    def _past(self, autopilot: Autopilot) -> Past:
        moments = {"moved_at": autopilot.moved_at, "cut_at": autopilot.cut_at}
        return Past(**{name: self._intervals(to_micros(at)) for name, at in moments.items() if at})

    def _intervals(self, micros: int) -> float:
        return micros / 1_000_000 / self._interval


def _warn(error: Exception) -> None:
    log.warning("the autopilots could not be read: %s", error)


def plan_of(autopilot: Autopilot) -> Plan:
    """What was asked, as the policy takes it."""
    asked = autopilot.asked
    return Plan(asked.low, asked.high, asked.target_p95_ms / 1000, asked.target_error_rate)


def tickets_each(sold: int, ended: int, limit: int) -> float:
    """What one who is let in buys, by what those whose visit is over have: as if one more had bought one.

    Who buys is out sooner than who does not, so early in a sale this is rather too many than too few.
    """
    return min(float(limit), (sold + 1) / (ended + 1))

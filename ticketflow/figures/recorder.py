"""The recorder: keeps how each sale stands, once a second for an hour, once a minute for as long as it lasts.

Every worker runs one. They come a little apart and look first, so that mostly one of them counts; and should
two count the same second, one of them is written. A second is missing only if nobody was there in it.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from databases import Database
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ticketflow.domain import Event, from_micros, now
from ticketflow.figures.reading import Books, Readings, sample
from ticketflow.figures.samples import KEPT_SECONDS, SPARE_SECONDS, Samples
from ticketflow.loops import lasting
from ticketflow.store import minutes, violations
from waiting_room import Figures, Mode, RoomLost, WaitingRoomError

log = logging.getLogger(__name__)

APART_SECONDS = 0.3
"""Within this of each second's beginning a recorder comes to it."""
SEALED_SECONDS = 3
"""So long after its end nobody adds to a minute any more."""
RECORDED_AFTER = timedelta(days=1)
"""How long after an event has begun its sale is still recorded, if its doors stay open."""
KEPT_AFTER = timedelta(days=400)
"""How long after an event its minutes are kept."""
SWEEP_SECONDS = 3600.0
_BROKEN = (RedisError, WaitingRoomError, *violations.BROKEN)


class Recorder:
    """Records all events' sales. `run` it in each worker."""

    def __init__(
        self,
        *,
        redis: "Redis",
        database: Database,
        readings: Readings,
        samples: Samples,
        events: Callable[[], Iterable[Event]],
    ) -> None:
        self._redis = redis
        self._database = database
        self._readings = readings
        self._samples = samples
        self._events = events
        self._written: dict[int, int] = {}

    @lasting
    async def run(self) -> None:
        """Record each second until cancelled, by the clock of Redis."""
        while True:
            try:
                now = await self._time()
                await self.record(now)
                await self._write_minutes(now)
                after = 1 - (await self._time()).timestamp() % 1
            except _BROKEN as error:
                log.warning("a second was not recorded: %s", error)
                after = 1.0
            await asyncio.sleep(after + random.uniform(0, APART_SECONDS))

    @lasting
    async def sweep(self) -> None:
        """Forget the minutes of events of long ago, for ever."""
        while True:
            try:
                await self.forget(now())
            except violations.BROKEN as error:
                log.warning("old minutes could not be forgotten, trying again: %s", error)
            await asyncio.sleep(SWEEP_SECONDS * random.uniform(0.5, 1.0))

    async def record(self, at: datetime) -> None:
        """Record the second at hand of all sales under way, unless another worker has."""
        second = int(at.timestamp())
        due = []
        for event in self._events():
            if at < event.starts_at + RECORDED_AFTER:
                room = await self._room_if_missing(event, second)
                if room and under_way(room):
                    due.append((event, room))
        if due:
            books = await self._books([event.id for event, _ in due])
            for event, room in due:
                stock = await self._readings.stock(event)
                await self._samples.add(event.id, second, sample(room, stock, books.get(event.id)))

    async def _room_if_missing(self, event: Event, second: int) -> Figures | None:
        last = await self._samples.last(event.id)
        if last is not None and last[0] >= second:
            return None
        try:
            return await self._readings.room(event)
        except RoomLost:
            return None

    async def _books(self, event_ids: list[int]) -> dict[int, Books]:
        """What the database says; nothing if it does not answer: what Redis says is recorded all the same."""
        try:
            return await self._readings.books(event_ids)
        except violations.BROKEN as error:
            log.warning("the database was not asked for figures: %s", error)
            return {}

    async def _write_minutes(self, at: datetime) -> None:
        """Write down the minutes that are over. What a worker that died has not written is still there."""
        over = (int(at.timestamp()) - SEALED_SECONDS) // 60
        for event in self._events():
            if self._written.get(event.id) != over:
                await self.write_minutes(event.id, over)
                self._written[event.id] = over

    async def write_minutes(self, event_id: int, end: int) -> None:
        """Write down the minutes of an event that are missing, up to but without `end`: each is its last
        second."""
        earliest = end - (KEPT_SECONDS + SPARE_SECONDS) // 60
        last = await minutes.last(self._database, event_id)
        first = earliest if last is None else max(earliest, last + 1)
        found = {}
        for second, taken in (await self._samples.between(event_id, first * 60, end * 60)).items():
            found[second // 60] = taken
        if found:
            try:
                await minutes.write(self._database, event_id, found)
            except violations.UNIQUE:
                log.info("event %d: another worker has written its minutes", event_id)

    async def forget(self, at: datetime) -> None:
        """Forget the minutes of events of long ago."""
        for event in self._events():
            if event.starts_at + KEPT_AFTER < at:
                while await minutes.forget(self._database, event.id):
                    pass

    async def _time(self) -> datetime:
        seconds, micros = await self._redis.time()
        return from_micros(seconds * 1_000_000 + micros)


def under_way(room: Figures) -> bool:
    """Whether anybody can be in a room: from the opening of its lobby until its doors are closed and it is
    empty."""
    frame = room.frame
    if frame.mode is Mode.CLOSED:
        return bool(frame.waiting or frame.inside)
    return frame.opened or (frame.mode is Mode.LOBBY and frame.lobby_opens_at <= frame.at)

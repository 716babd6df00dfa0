"""What an organiser sees of a sale: a frame, more often than each second, of each event that is watched."""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from databases import Database
from redis.exceptions import RedisError

from ticketflow.autopilot.board import Board
from ticketflow.domain import Event, iso, now
from ticketflow.figures.ends import WINDOW_SECONDS
from ticketflow.figures.health import Health
from ticketflow.figures.lately import Lately
from ticketflow.figures.reading import Readings
from ticketflow.figures.samples import Samples
from ticketflow.live.catalogue import Catalogue
from ticketflow.live.desk_frame import DeskBooks, Live, figures_part, room_part, stock_part
from ticketflow.live.slot import Slot
from ticketflow.loops import lasting
from ticketflow.store import audit, takings, violations
from ticketflow.store.mail_counts import letters_of
from waiting_room import WaitingRoomError

log = logging.getLogger(__name__)

FRAME_SECONDS = 0.8
"""So often frames are sent. The newest one is a second old at most, with what it takes to read, to write and
to send it."""
PATIENCE_SECONDS = 0.4
"""No frame waits longer for a store."""
BELIEVED_SECONDS = 3.0
"""What a store said last is shown for so long, if it does not answer in time; then there is no number."""
_FAILURES = (RedisError, WaitingRoomError, TimeoutError, *violations.BROKEN)


class ControlRoom:
    """Builds desk frames. `run` it once a process; organisers' sockets come and go by `attach`."""

    def __init__(
        self,
        catalogue: Catalogue,
        database: Database,
        readings: Readings,
        samples: Samples,
        health: Health,
        autopilots: Board,
    ) -> None:
        self._catalogue = catalogue
        self._database = database
        self._readings = readings
        self._samples = samples
        self._slots: defaultdict[int, set[Slot]] = defaultdict(set)
        self._board = autopilots
        waiting = {"patience": PATIENCE_SECONDS, "believed": BELIEVED_SECONDS}
        self._live = Lately[Event, Live](self._read_live, _FAILURES, _warn, **waiting)
        self._books = Lately[int, DeskBooks](self._read_books, _FAILURES, _warn, **waiting)
        self._autopilots = Lately[int, dict[str, Any] | None](autopilots.view, _FAILURES, _warn, **waiting)
        self._hand = Lately[int, str | None](self._read_hand, _FAILURES, _warn, **waiting)
        self._health = Lately[None, dict[str, Any]](lambda _: health.look(), _FAILURES, _warn, **waiting)

    @contextmanager
    def attach(self, event_id: int, slot: Slot) -> Iterator[None]:
        """Let a socket see an event's desk for as long as the block lasts."""
        self._slots[event_id].add(slot)
        try:
            yield
        finally:
            self._slots[event_id].discard(slot)
            if not self._slots[event_id]:
                del self._slots[event_id]

    @lasting
    async def run(self) -> None:
        """Send frames until cancelled, on a grid: what a frame costs does not put off the next one."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                await asyncio.gather(*(self._send(event_id) for event_id in list(self._slots)))
                due = max(due + FRAME_SECONDS, loop.time())
                await asyncio.sleep(due - loop.time())
        finally:
            for asked in (self._live, self._books, self._autopilots, self._health, self._hand):
                await asked.close()
            await self._board.close()

    async def _send(self, event_id: int) -> None:
        event = self._catalogue.find(event_id)
        if event is None:
            return
        try:
            text = json.dumps(await self.frame(event))
        except Exception:
            log.exception("no desk frame for event %d", event_id)
            return
        for slot in list(self._slots.get(event_id, ())):
            slot.put("desk", text)

    async def frame(self, event: Event) -> dict[str, Any]:
        """The contract's desk frame, and all other figures of the desk (docs/desk.md). `at` is before what
        Redis says was read, `books_at` before what the database says."""
        live, books, autopilot, health, hand = await asyncio.gather(
            self._live.get(event),
            self._books.get(event.id),
            self._autopilots.get(event.id),
            self._health.get(None),
            self._hand.get(event.id),
        )
        catalogue = self._catalogue
        frame = live.room.frame if live else catalogue.frame(event.id)
        return {
            "type": "desk",
            "at": iso(live.at if live else now()),
            "sale_state": catalogue.sale_state(event).value,
            "currency": event.currency,
            **room_part(frame),
            "revision": frame.revision if frame else 0,
            "steered_by": hand,
            **stock_part(event, live and live.stock, catalogue.counts(event.id)),
            **figures_part(live, books),
            "health": health,
            "autopilot": autopilot,
        }

    async def _read_live(self, event: Event) -> Live:
        at = now()
        since = int(at.timestamp()) - WINDOW_SECONDS
        room, stock, before = await asyncio.gather(
            self._readings.room(event),
            self._readings.stock(event),
            self._samples.first_from(event.id, since),
        )
        return Live(at, room, stock, before)

    async def _read_hand(self, event_id: int) -> str | None:
        return await audit.last_hand(self._database, event_id)

    async def _read_books(self, event_id: int) -> DeskBooks:
        at = now()
        money = (await takings.of_events(self._database, [event_id]))[event_id]
        mail, oldest = await letters_of(self._database, event_id, at)
        return DeskBooks(at, money, mail, oldest, await takings.refunds_due(self._database, event_id))


def _warn(error: Exception) -> None:
    log.warning("figures of the desk could not be read: %s", error)

"""The hub: hears everything that is published, keeps the process's memory, and fills sockets' slots."""

import asyncio
import json
import logging
import random
import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from ticketflow.booking.results import Result, Results
from ticketflow.live.catalogue import Catalogue
from ticketflow.live.fan_line import FanLine
from ticketflow.live.frames import booking_frame, touch_frame
from ticketflow.live.seat_board import SeatBoard
from ticketflow.live.session_ends import SessionEnds
from ticketflow.live.slot import FRAME_SECONDS, Slot
from ticketflow.rooms import Rooms
from ticketflow.stock import Counts, Stock
from ticketflow.store import violations
from waiting_room import Frame, RankMap, RoomLost, WaitingRoomError

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 1.0
"""Rooms tick faster than this. Silence for so long means that the subscription may be deaf: it is asked, and
what it may have missed is read, so that pages are right within about a second even then."""
RETRY_SECONDS = 0.5
GATHER_SECONDS = FRAME_SECONDS
"""A change that finds the desk quiet is shown at once. Those that come within this behind it are gathered
and shown at its end: no socket gets the stock more often."""
SHOWN_A_SECOND = 3_000
"""Sockets of an event that are shown its stock in a second, as long as it changes all the time. With more of
them than a tenth of that, each is shown it less often: a frame costs a thirtieth of a millisecond to send,
and a tenth of the processor is what bookings can spare."""
STALE_SECONDS = 0.6
"""However many there are, the next showing begins within this. It takes 0.2 s to reach 5,000 sockets, and
what is told as left is true to the second."""
AT_ONCE = 250
"""Sockets that are told something before it is somebody else's turn. Each has a frame to send then, which
takes its time, and who is just booking would wait for all of them."""

_CUT = (RedisError, WaitingRoomError, TimeoutError, *violations.BROKEN)
"""What a store that cannot be reached raises."""

K = TypeVar("K")


@dataclass(eq=False, slots=True)
class Socket:
    """One open socket of a fan or booker: where its frames go, and whose it is."""

    slot: Slot = field(default_factory=Slot)
    user_id: int | None = None
    visitor: str | None = None
    """Who the ticket says they are, known before anything was looked up."""
    fan: FanLine | None = None


Rounds = deque[tuple[list[Socket], Callable[[Socket], None]]]
"""Who is to be told, and how: the first is on its way, the others wait for it."""


class Hub:
    """One subscription for the whole process. `run` it once; sockets come and go by `attach`."""

    def __init__(
        self,
        *,
        redis: "Redis",
        prefix: str,
        catalogue: Catalogue,
        stock: Stock,
        rooms: Rooms,
        results: Results,
        seat_board: SeatBoard,
        sessions: SessionEnds,
    ) -> None:
        self._redis = redis
        self._prefix = prefix
        self._catalogue = catalogue
        self._stock = stock
        self._rooms = rooms
        self._results = results
        self._seat_board = seat_board
        self.sessions = sessions
        self._sockets: defaultdict[int, set[Socket]] = defaultdict(set)
        self._pages: defaultdict[tuple[int, str], set[Socket]] = defaultdict(set)
        self._bookers: defaultdict[tuple[int, int], set[Socket]] = defaultdict(set)
        self._stock_due: set[int] = set()
        self._stock_shown_at: defaultdict[int, float] = defaultdict(float)
        self._looks: dict[Socket, asyncio.Task[None]] = {}
        self._look_again: set[Socket] = set()
        self._rounds: defaultdict[tuple[int, str], Rounds] = defaultdict(deque)
        self._shown: dict[int, dict[str, Any]] = {}
        """What each event's sockets were last told beside the counts."""
        self._channel = re.compile(re.escape(prefix) + r":\{event:(\d+)\}:(frames|moves|counts|results)")
        self._in_touch = True
        self.ready = asyncio.Event()
        """Set once the first snapshot is here: before it, this process knows nothing."""

    @contextmanager
    def attach(self, event_id: int, socket: Socket) -> Iterator[None]:
        """Let a socket hear of an event for as long as the block lasts."""
        self._sockets[event_id].add(socket)
        if not self._in_touch:
            socket.slot.put("touch", touch_frame(False))
        if socket.user_id is not None:
            self._bookers[event_id, socket.user_id].add(socket)
        try:
            yield
        finally:
            self._sockets[event_id].discard(socket)
            if socket.user_id is not None:
                _take_out(self._bookers, (event_id, socket.user_id), socket)
            self._forget(event_id, socket)
            self._look_again.discard(socket)
            if look := self._looks.pop(socket, None):
                look.cancel()

    def visitors(self) -> dict[int, set[str]]:
        """Who has a page open in this process, by event."""
        found: defaultdict[int, set[str]] = defaultdict(set)
        for event_id, visitor in self._pages:
            found[event_id].add(visitor)
        return found

    def name(self, event_id: int, socket: Socket, visitor: str) -> None:
        """Note whose page a socket shows: what happens to them elsewhere is shown there, too."""
        self._forget(event_id, socket)
        socket.visitor = visitor
        self._pages[event_id, visitor].add(socket)

    def _forget(self, event_id: int, socket: Socket) -> None:
        if socket.visitor:
            _take_out(self._pages, (event_id, socket.visitor), socket)

    async def announce(self, event_id: int) -> None:
        """Let every process know that an event is new or has changed: this one now, the others at once."""
        await self.refresh()
        await self._redis.publish(f"{self._prefix}:events", str(event_id))

    async def run(self) -> None:
        """Listen until cancelled; after a cut, subscribe again and catch up."""
        reading: asyncio.Task[None] | None = None
        try:
            while True:
                # From one try to the next: where a try is refused at once, nothing would be read to its end.
                reading = reading or asyncio.create_task(self._read_meanwhile(), name="read while deaf")
                try:
                    async with self._redis.pubsub() as pubsub:
                        await self._subscribe(pubsub)
                        # Subscribed first, then read: what changes in between is heard, not missed.
                        await self._read()
                        self.ready.set()
                        reading.cancel()
                        reading = None
                        await self._listen(pubsub)
                except _CUT as error:
                    log.warning("the subscription broke, subscribing again: %s", error)
                except Exception:
                    # Without this loop the process is deaf: whatever it was, try again.
                    log.exception("the subscription broke, subscribing again")
                await asyncio.sleep(RETRY_SECONDS * random.uniform(0.5, 1.5))
        finally:
            if reading:
                reading.cancel()

    async def _read_meanwhile(self) -> None:
        """What cannot be heard can perhaps be read, until it is heard again."""
        while True:
            with suppress(*_CUT):
                await self._read()
            await asyncio.sleep(RETRY_SECONDS)

    async def _read(self) -> None:
        """Read anew. If that cannot be done either, pages say that what they show may be old."""
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await self.refresh()
        except _CUT:
            self._say_in_touch(False)
            raise
        self._say_in_touch(True)

    def _say_in_touch(self, fresh: bool) -> None:
        if fresh == self._in_touch:
            return
        self._in_touch = fresh
        for sockets in self._sockets.values():
            for socket in sockets:
                socket.slot.put("touch", touch_frame(fresh))

    async def _subscribe(self, pubsub: PubSub) -> None:
        await pubsub.psubscribe(f"{self._prefix}:{{event:*")
        await pubsub.subscribe(f"{self._prefix}:events", self.sessions.channel)
        for _ in range(3):
            if await pubsub.get_message(timeout=HEARTBEAT_SECONDS) is None:
                raise RedisConnectionError("no answer to a subscription")

    async def _listen(self, pubsub: PubSub) -> None:
        now = asyncio.get_running_loop().time
        heard_at, asked = now(), False
        while True:
            message = await pubsub.get_message(timeout=HEARTBEAT_SECONDS)
            if message is not None:
                heard_at, asked = now(), False
                if message["type"] in ("message", "pmessage"):
                    await self._take(message["channel"], message["data"])
            elif now() - heard_at < HEARTBEAT_SECONDS:
                continue
            elif asked:
                raise RedisConnectionError("no answer to a ping: the subscription is deaf")
            else:
                # Quiet, or deaf: what was missed is read, and a dead connection shows itself.
                heard_at, asked = now(), True
                await pubsub.ping()
                await self._read()

    async def _take(self, channel: str, data: str) -> None:
        try:
            await self._hear(channel, data)
        except (ValueError, KeyError):
            log.exception("a message on %s could not be read", channel)

    async def _hear(self, channel: str, data: str) -> None:
        if channel == f"{self._prefix}:events":
            await self.refresh()
            return
        if channel == self.sessions.channel:
            self.sessions.hear(data)
            return
        match = self._channel.fullmatch(channel)
        if match is None:
            return
        event_id, kind = int(match[1]), match[2]
        if kind == "frames":
            self._hear_frame(event_id, Frame.parse(data))
        elif kind == "moves":
            self._hear_move(event_id, data)
        elif kind == "counts":
            self._hear_counts(event_id, Counts.parse(data))
        else:
            for result in json.loads(data):
                self._hear_result(event_id, result)

    async def refresh(self) -> None:
        """Read what this process should know: events, counts and frames."""
        await self._catalogue.load()
        for event in self._catalogue.all():
            counts = await self._stock.counts(event)
            if counts:
                self._hear_counts(event.id, counts)
            try:
                room = await self._rooms.of(event.id)
                self._hear_frame(event.id, await room.snapshot())
            except RoomLost:
                log.info("event %d has no room in Redis yet", event.id)

    def _hear_counts(self, event_id: int, counts: Counts) -> None:
        if self._catalogue.take_counts(event_id, counts):
            self._show_stock_soon(event_id)
            if event := self._catalogue.find(event_id):
                self._seat_board.moved(event)

    def _show_stock_soon(self, event_id: int) -> None:
        """Show it at once if that was not done of late, else once for all that is heard until it is time
        again: a sale may change it thousands of times a second, and each showing goes through all sockets."""
        if event_id in self._stock_due:
            return
        loop = asyncio.get_running_loop()
        fair = len(self._sockets[event_id]) / SHOWN_A_SECOND
        due = self._stock_shown_at[event_id] + min(max(GATHER_SECONDS, fair), STALE_SECONDS)
        if due <= loop.time():
            self._show_stock(event_id)
        else:
            self._stock_due.add(event_id)
            loop.call_at(due, self._show_stock, event_id)

    def _show_stock(self, event_id: int) -> None:
        self._stock_due.discard(event_id)
        self._stock_shown_at[event_id] = asyncio.get_running_loop().time()
        event = self._catalogue.find(event_id)
        frame = self._catalogue.stock_frame(event) if event else None
        if event is None or frame is None:
            return
        self._shown[event_id] = self._catalogue.sale_view(event)
        text = json.dumps(frame)
        self._go_round(event_id, "stock", lambda socket: socket.slot.put("stock", text))

    def _go_round(self, event_id: int, kind: str, tell: Callable[[Socket], None]) -> None:
        """Let `tell` tell all sockets of an event, some at a time.

        A round begins when the one of its kind before it is over: nobody is told the older after the newer,
        whoever comes and goes meanwhile.
        """
        rounds = self._rounds[event_id, kind]
        rounds.append((list(self._sockets[event_id]), tell))
        if len(rounds) == 1:
            _tell_some(rounds, 0)

    def _hear_frame(self, event_id: int, frame: Frame) -> None:
        self._catalogue.take_frame(event_id, frame)
        event = self._catalogue.find(event_id)
        if event and self._catalogue.sale_view(event) != self._shown.get(event_id):
            self._show_stock(event_id)
        ranks = self._catalogue.ranks(event_id)
        self._go_round(event_id, "frame", lambda socket: self._move_on(socket, frame, ranks))

    def _move_on(self, socket: Socket, frame: Frame, ranks: RankMap | None) -> None:
        if socket.fan is None:
            return
        try:
            if socket.fan.must_look(frame):
                self._look(socket, socket.fan)
            else:
                socket.fan.advance(frame, ranks)
        except Exception:
            # Whatever it is, it must not make the process deaf for everybody else.
            log.exception("a frame could not be shown on one socket")

    def _hear_move(self, event_id: int, visitor: str) -> None:
        for socket in self._pages.get((event_id, visitor), ()):
            if socket in self._looks:
                # It may have looked before this.
                self._look_again.add(socket)
            elif socket.fan:
                self._look(socket, socket.fan)

    def _look(self, socket: Socket, fan: FanLine) -> None:
        if socket in self._looks:
            return
        task = asyncio.create_task(self._refresh_fan(socket, fan), name="look")
        self._looks[socket] = task
        task.add_done_callback(lambda _: self._looks.pop(socket, None))

    async def _refresh_fan(self, socket: Socket, fan: FanLine) -> None:
        try:
            await fan.refresh()
            while socket in self._look_again:
                self._look_again.discard(socket)
                await fan.refresh()
        except (RedisError, WaitingRoomError) as error:
            log.warning("a place could not be looked up, the next frame tries again: %s", error)

    def _hear_result(self, event_id: int, result: Result) -> None:
        self._results.tell(result)
        for socket in self._bookers.get((event_id, result["user_id"]), ()):
            socket.slot.put(f"booking:{result['booking_id']}", json.dumps(booking_frame(result)))


def _tell_some(rounds: Rounds, begin: int) -> None:
    """Go on with the first round from there, and let others have their turn before the rest."""
    everybody, tell = rounds[0]
    end = begin + AT_ONCE
    try:
        for socket in everybody[begin:end]:
            tell(socket)
    finally:
        over = end >= len(everybody)
        if over:
            rounds.popleft()
        if rounds:
            asyncio.get_running_loop().call_soon(_tell_some, rounds, 0 if over else end)


def _take_out(index: dict[K, set[Socket]], key: K, socket: Socket) -> None:
    """Take a socket out of an index, which keeps no empty sets."""
    if sockets := index.get(key):
        sockets.discard(socket)
        if not sockets:
            del index[key]

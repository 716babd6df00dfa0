"""Fans who are watched: their FanLines, fed from the frames as by the hub, are held against the truth."""

import asyncio
import json
from collections import defaultdict

from redis.asyncio import Redis

from ticketflow.live.fan_line import FanLine
from ticketflow.live.slot import Slot
from waiting_room import Frame, RankMap, Standing, State, WaitingRoom


class Screen(Slot):
    """What a fan sees. A place on it never rises."""

    def __init__(self) -> None:
        super().__init__()
        self.place: int | None = None

    def put(self, kind: str, frame: str) -> None:
        said = json.loads(frame)
        if said["state"] == State.WAITING:
            assert self.place is None or said["place"] <= self.place, f"{self.place} rose to {said['place']}"
            self.place = said["place"]
        super().put(kind, frame)


class Watch:
    """Compares each watched fan's screen with their true rank, in the very moment of each frame.

    The truth is the best place the fan has had so far: who comes back from a missed turn stands before the
    others again, and they are not sent back on their screens for it.
    """

    def __init__(self, redis: Redis, room: WaitingRoom) -> None:
        self._redis, self._room = redis, room
        self._key = f"{room.keys.waiting}:watched"
        self._lines: dict[str, tuple[FanLine, Screen]] = {}
        self._best: dict[str, int] = {}
        self._ranks: RankMap | None = None
        self._looking: set[str] = set()
        self.compared: defaultdict[bool, int] = defaultdict(int)
        self.worst: defaultdict[bool, float] = defaultdict(float)
        self.worst_with_returns: defaultdict[bool, float] = defaultdict(float)
        self.lowest = 10**9

    async def follow(self, standing: Standing) -> None:
        """Watch a fan who has just joined."""
        screen = Screen()
        line = FanLine(screen, lambda: self._room.look(standing.ticket, present=True))
        line.tell(standing)
        self._lines[standing.visitor] = (line, screen)
        await self._redis.sadd(self._key, standing.visitor)

    async def run(self, ready: asyncio.Event) -> None:
        """Listen until cancelled."""
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe(self._room.channel, f"{self._room.channel}:truth")
            ready.set()
            frame = None
            async for message in pubsub.listen():
                if message["type"] != "message":
                    continue
                if message["channel"] == self._room.channel:
                    frame = Frame.parse(message["data"])
                    await self._show(frame)
                elif frame is not None:
                    self._compare(frame, json.loads(message["data"]))

    async def _show(self, frame: Frame) -> None:
        self._ranks = frame.ranks or self._ranks
        self._looking.clear()
        for visitor, (line, _) in list(self._lines.items()):
            if line.must_look(frame):
                self._looking.add(visitor)
                await line.refresh()
            else:
                line.advance(frame, self._ranks)

    def _compare(self, frame: Frame, truth: dict[str, int]) -> None:
        has_map = frame.ranks is not None
        for visitor, rank in truth.items():
            line, screen = self._lines[visitor]
            standing, true = line.standing, rank + 1
            best = self._best[visitor] = min(true, self._best.get(visitor, true))
            if visitor in self._looking or screen.place is None or standing is None:
                continue
            if standing.state is State.WAITING:
                self.compared[has_map] += 1
                self.lowest = min(self.lowest, screen.place)
                error = abs(screen.place - best) / max(1, best * 0.01)
                self.worst[has_map] = max(self.worst[has_map], error)
                error = abs(screen.place - true) / max(1, true * 0.01)
                self.worst_with_returns[has_map] = max(self.worst_with_returns[has_map], error)

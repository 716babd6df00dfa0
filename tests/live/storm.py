"""A storm on one room: thousands of fans, four processes that tick, and everything that goes wrong."""

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from redis.asyncio import Redis

from tests import servers
from waiting_room import RoomPolicy, State, WaitingRoom

from .ledger import Ledger
from .watch import Watch

T = TypeVar("T")

AT_ONCE = 50
SHARES = {"leave": 0.4, "no_show": 0.02, "wander": 0.01}
LOOK_AGAIN = 1.0


@dataclass
class Fan:
    """One of the crowd. `does` is stay, leave, no_show (once, then back) or wander (off, and back)."""

    visitor: str
    ticket: str
    order: int
    does: str
    due: float
    """When they next do it, seconds of the loop's clock; 0: not yet known, or done."""
    strayed: bool = False
    back: bool = False
    over: bool = False


@dataclass
class Storm:
    """Fans of one room, told what to do as it goes on. Times are seconds."""

    redis: Redis
    room: WaitingRoom
    policy: RoomPolicy
    patience: float
    """Who leaves or wanders off does so within this time."""
    dice: random.Random = field(default_factory=lambda: random.Random(5))

    def __post_init__(self) -> None:
        self.fans: dict[str, Fan] = {}
        self.inside: dict[str, float] = {}
        self.ledger = Ledger(self.policy.tick_seconds, self.policy.max_active)
        self.watch = Watch(self.redis, self.room)
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def fill(self, count: int, watched: int) -> None:
        """Let everybody join."""
        self.ledger.note_rate(await self._now(), self.policy.rate_per_minute)
        await self._all(self._arrive, [n % (count // watched) == 0 for n in range(count)])

    async def _arrive(self, watched: bool) -> None:
        standing = await self.room.join(present=True)
        does = "stay"
        if not watched:
            doing = [*SHARES, "stay"]
            does = self.dice.choices(doing, [*SHARES.values(), 1 - sum(SHARES.values())])[0]
        due = asyncio.get_running_loop().time() + self.dice.random() * self.patience
        fan = Fan(standing.visitor, standing.ticket, standing.order, does, due)
        if does in ("stay", "no_show"):
            fan.due = 0
        self.fans[fan.visitor] = fan
        if watched:
            await self.watch.follow(standing)

    async def steer(self, **levers: Any) -> None:
        """Turn the levers, and note from when on they hold: a raise a little early, a cut a little late."""
        await self.observe()
        before, last = await self._now(), self.policy
        self.policy = await self.room.steer(**levers)
        raised = self.policy.rate_per_minute > last.rate_per_minute
        self.ledger.note_cap(self.policy.max_active)
        self.ledger.note_rate(before if raised else await self._now(), self.policy.rate_per_minute)

    async def _now(self) -> int:
        seconds, micros = await self.redis.time()
        return int(seconds) * 1_000_000 + int(micros)

    async def observe(self) -> list[str]:
        """See who is called, all at one moment, and note it. Gives them."""
        async with self.redis.pipeline() as look:
            look.zrange(self.room.keys.called, 0, -1, withscores=True)
            look.zcard(self.room.keys.active)
            called, active = await look.execute()
        self.ledger.note_inside(len(called) + active)
        for visitor, claim_by in called:
            self._note_call(visitor, claim_by)
        return [visitor for visitor, _ in called]

    def _note_call(self, visitor: str, claim_by: float) -> None:
        self.ledger.note_call(int(claim_by) - self.policy.claim_seconds * 1_000_000, visitor)

    async def live(self) -> None:
        """A moment in the crowd's life."""
        now = asyncio.get_running_loop().time()
        called = await self.observe()
        await self._all(self._turn, [self.fans[visitor] for visitor in called if visitor in self.fans])
        await self._all(self._finish, [visitor for visitor, due in self.inside.items() if due <= now])
        due = [fan for fan in self.fans.values() if 0 < fan.due <= now and not fan.over]
        await self._all(self._leave, [fan for fan in due if fan.does == "leave"])
        await self._all(self._stray, [fan for fan in due if fan.does != "leave"])

    async def _turn(self, fan: Fan) -> None:
        now = asyncio.get_running_loop().time()
        if fan.does == "no_show" and not fan.back:
            fan.due = fan.due or now + LOOK_AGAIN
            return
        await self.room.claim(fan.ticket)
        self.inside[fan.visitor] = now + self.dice.uniform(0.1, 1.5)

    async def _finish(self, visitor: str) -> None:
        del self.inside[visitor]
        await self.room.finish(visitor)
        self.fans[visitor].over = True

    async def _leave(self, fan: Fan) -> None:
        async with self.redis.pipeline() as at_once:
            at_once.zscore(self.room.keys.called, fan.visitor)
            script = self.room._scripts._registered["leave"]
            await script(
                keys=self.room.keys.touched, args=[fan.visitor, self.room.keys.moves], client=at_once
            )
            claim_by, _ = await at_once.execute()
        if claim_by is not None:
            self._note_call(fan.visitor, claim_by)
        self.inside.pop(fan.visitor, None)
        fan.over = True

    async def _stray(self, fan: Fan) -> None:
        """Be away until the turn is missed, then come back."""
        fan.due = asyncio.get_running_loop().time() + LOOK_AGAIN
        if fan.does == "wander" and not fan.strayed:
            fan.strayed = True
            await self.room.set_present(fan.visitor, False)
        elif (await self.room.look(fan.ticket)).state is State.MISSED:
            fan.back, fan.due = True, 0
            assert (await self.room.join(fan.ticket, present=True)).order == fan.order

    async def _all(self, act: Callable[[T], Awaitable[None]], them: Iterable[T]) -> None:
        async def one(item: T) -> None:
            async with self._slots:
                await act(item)

        await asyncio.gather(*map(one, them))


@contextmanager
def tickers(url: str, prefix: str, name: str, log: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Four processes that tick the room."""
    command = [sys.executable, "-m", "tests.live.ticker", url, prefix, name]
    with ExitStack() as stack:
        yield [stack.enter_context(servers.process(command, log)) for _ in range(4)]


Trouble = Callable[[], Awaitable[Any]]


def troubles(
    storm: Storm, processes: list[subprocess.Popen[bytes]], rate: int, cap: int, stopped: float
) -> list[tuple[float, Trouble]]:
    """What goes wrong and what the organiser does: each at its share of the fans who are through."""
    killed, sleeper = processes[:2]

    async def kill() -> None:
        killed.send_signal(signal.SIGKILL)

    async def stop() -> None:
        sleeper.send_signal(signal.SIGSTOP)
        asyncio.get_running_loop().call_later(stopped, sleeper.send_signal, signal.SIGCONT)

    return [
        (0.1, kill),
        (0.15, stop),
        (0.3, partial(storm.steer, rate_per_minute=rate // 2)),
        (0.4, partial(storm.steer, max_active=cap // 4)),
        (0.5, partial(storm.steer, max_active=cap, rate_per_minute=rate * 2)),
        (0.8, partial(storm.steer, rate_per_minute=rate)),
    ]

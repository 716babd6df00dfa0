"""The journal of a room: whose turn came, in which order, and who did not come; for whoever keeps a log.

The scripts append to a stream in the same step that calls (lua/journal.lua). A reader takes entries over and
has them forgotten; until then they wait in Redis, and are lost with it. How long the stream gets is the
reader's affair: a room nobody reads should not be asked for a journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis.asyncio import Redis

from .scripts import Scripts


class Kind(StrEnum):
    """What came of a visitor's turn."""

    CALLED = "called"
    """From the line."""
    AT_ONCE = "at_once"
    """On joining: nobody waited."""
    RETURNED = "returned"
    """Called, after those who stood here had been dealt with: back from a missed turn, or after a loss."""
    PASSED_OVER = "passed_over"
    """Their turn came while they were away too long; they may come back to their place."""
    MISSED = "missed"
    """Called, and not there in time: a no-show. The journal does not know their order any more."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One visitor's turn; order 0 where it is not known."""

    visitor: str
    order: int
    kind: Kind


@dataclass(frozen=True)
class Entry:
    """What one command did, in the order in which it did it. Without turns the journal begins here: with the
    room, or anew because it had been lost."""

    id: str
    epoch: int
    at: int
    """Unix microseconds."""
    turns: tuple[Turn, ...]

    @property
    def place(self) -> tuple[int, int, int]:
        """What puts entries into their order, across losses too."""
        milliseconds, _, number = self.id.partition("-")
        return self.epoch, int(milliseconds), int(number)


class Journal:
    """The reading end."""

    def __init__(self, redis: Redis, key: str, scripts: Scripts) -> None:
        self._redis = redis
        self._key = key
        self._scripts = scripts

    async def begin(self) -> bool:
        """Have a journal kept from now on. False: it is already. Raises RoomLost."""
        (begun,) = await self._scripts.run("begin")
        return bool(begun)

    async def read(self, most: int) -> list[Entry]:
        """The oldest entries that are not forgotten; each has a thousand turns at most."""
        found: Any = await self._redis.xrange(self._key, count=most)
        return [_entry(str(id), held) for id, held in found]

    async def forget(self, entries: Sequence[Entry]) -> None:
        """Let go of entries that are kept elsewhere now."""
        if entries:
            await self._redis.xdel(self._key, *(entry.id for entry in entries))


def _entry(id: str, held: Mapping[str, str]) -> Entry:
    return Entry(id, int(held["epoch"]), int(held["at"]), tuple(_turns(held)))


def _turns(held: Mapping[str, str]) -> Iterator[Turn]:
    what = held["what"]
    for visitor in held.get("who", "").split():
        yield Turn(visitor, 0, Kind(what))
    frontier, over = int(held.get("frontier", 0)), frozenset(held.get("over", "").split())
    words = iter(held.get("line", "").split())
    for visitor, order in zip(words, words, strict=True):
        yield Turn(visitor, int(order), _kind(what, int(order) <= frontier, visitor in over))


def _kind(what: str, dealt_with: bool, passed_over: bool) -> Kind:
    if passed_over:
        return Kind.PASSED_OVER
    return Kind.RETURNED if dealt_with else Kind(what)

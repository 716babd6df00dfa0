"""What a postman has in hand: letters that wait for a line, and letters at one."""

import asyncio
from collections.abc import Sequence

from ticketflow.store.outbox import Letter


class Hand:
    """Letters by the end of their lease. In hand until their end is noted, or they are given back."""

    def __init__(self, lease_seconds: float) -> None:
        self._lease_seconds = lease_seconds
        self._waiting: asyncio.Queue[Letter | None] = asyncio.Queue()
        self._until: dict[int, float] = {}
        self._held: dict[int, Letter] = {}
        self.taking = asyncio.Lock()
        """Held by who leases letters, until they are in hand."""
        self.room = asyncio.Event()
        """Set when a line has taken a letter up, and more may be leased."""
        self.stopping = False

    @property
    def waiting(self) -> int:
        """How many wait for a line."""
        return self._waiting.qsize()

    @property
    def held(self) -> list[Letter]:
        """All that are in hand."""
        return list(self._held.values())

    def take(self, letters: Sequence[Letter], leased_at: float) -> None:
        """Have letters wait for a line; `leased_at` by the loop's clock."""
        for letter in letters:
            self._held[letter.id], self._until[letter.id] = letter, leased_at + self._lease_seconds
            self._waiting.put_nowait(letter)

    async def next(self) -> Letter | None:
        """The next letter for a line, once there is one; None when the line is to end."""
        if self.stopping:
            return None
        letter = await self._waiting.get()
        self.room.set()
        return letter

    def stop(self, lines: int) -> None:
        """Have so many lines end, as soon as they have brought theirs to its end."""
        self.stopping = True
        self.take_out()
        for _ in range(lines):
            self._waiting.put_nowait(None)

    def until(self, letter: Letter) -> float:
        """When its lease ends, by the loop's clock."""
        return self._until[letter.id]

    def is_fresh(self, letter: Letter) -> bool:
        """Whether half of its lease is left: near the end, somebody else would soon deliver it as well."""
        return self.until(letter) - asyncio.get_running_loop().time() > self._lease_seconds / 2

    def take_out(self) -> list[Letter]:
        """What no line has taken up: no line will."""
        taken = [self._waiting.get_nowait() for _ in range(self.waiting)]
        return [letter for letter in taken if letter is not None]

    def drop(self, letters: Sequence[Letter]) -> None:
        """These are in hand no more."""
        for letter in letters:
            del self._held[letter.id], self._until[letter.id]

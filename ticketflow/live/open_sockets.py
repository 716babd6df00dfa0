"""Every open socket of this process: how many an address and an account may have, and how they are let go.

The counts are this process's own. Shared ones would have to be taken back from a process that died, and a
limit is a brake: with N processes somebody may have N times as many, which is still a limit.
"""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ticketflow.domain import Refusal
from ticketflow.live.slot import Slot

RESTART = 1012
"""Close code when this process stops: reconnect to another (RFC 6455's registry)."""
ELSEWHERE = 4001
"""Close code when newer sockets of the same account took this one's place: stay away until used again."""
RETURNS_A_SECOND = 100
"""So many sockets of a process that stops are asked back in a second; taking one in costs milliseconds."""
MOST_SPREAD_SECONDS = 5.0
"""However many there are: a longer absence is worse than a crowd."""
CLOSED_A_SECOND = 500
MOST_CLOSING_SECONDS = 1.0
"""Within this all are told to go. Not at once: requests under way share the process with them."""
PING_SECONDS = 20.0
"""Each socket is told something in this time, if only that the line is still there: a page can hear a frame,
and so that none came, while the protocol's own pings are the browser's business."""
PORTIONS = 20
PING = json.dumps({"type": "ping"})
RETRY_SECONDS = 30
"""After which an address with too many may try again; its pages poll meanwhile."""


@dataclass(eq=False)
class OpenSocket:
    """One open socket: where its frames go, and the code it is to be closed with."""

    slot: Slot = field(default_factory=Slot)
    close_code: int = RESTART

    def let_go(self, code: int, after: float | None) -> None:
        """Close it once what waits was sent. The last frame says after how many seconds to come back; None is
        when its page is used again."""
        self.close_code = code
        # As a reply: frames wait for their turn, and the newest of a kind takes another's place.
        self.slot.reply(json.dumps({"type": "reconnect", "after": after}))
        self.slot.close()


class OpenSockets:
    """Counts sockets in and out. A limit of 0 is none."""

    def __init__(self, *, per_address: int, per_account: int) -> None:
        self._per_address = per_address
        self._per_account = per_account
        self._all: set[OpenSocket] = set()
        self._by_address: defaultdict[str, int] = defaultdict(int)
        # In the order they came: a dictionary is a set that remembers it.
        self._by_account: defaultdict[int, dict[OpenSocket, None]] = defaultdict(dict)
        self._draining = False

    def __len__(self) -> int:
        return len(self._all)

    @contextmanager
    def enter(self, *, address: str | None, account: int | None) -> Iterator[OpenSocket]:
        """A new socket, counted for as long as the block lasts. None is counted for nobody.

        Raises `Refusal` too_many_sockets: strangers share an address, so there the one who comes waits. An
        account is one person, who means the page they have just opened: its oldest socket goes instead.
        """
        if self._draining:
            raise Refusal("not_ready", "This desk restarts. Your place is kept; try again in a moment.")
        if address and self._per_address and self._by_address[address] >= self._per_address:
            raise Refusal(
                "too_many_sockets",
                "Very many pages are open from your address. Yours looks every few seconds instead; "
                "nothing is lost.",
                retry_after=RETRY_SECONDS,
            )
        socket = OpenSocket()
        self._all.add(socket)
        if address:
            self._by_address[address] += 1
        if account is not None:
            self._make_room(account)
            self._by_account[account][socket] = None
        try:
            yield socket
        finally:
            self._leave(socket, address, account)

    def _make_room(self, account: int) -> None:
        mine = self._by_account[account]
        if self._per_account and len(mine) >= self._per_account:
            oldest = next(iter(mine))
            del mine[oldest]
            oldest.let_go(ELSEWHERE, None)

    def _leave(self, socket: OpenSocket, address: str | None, account: int | None) -> None:
        self._all.discard(socket)
        if address:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]
        if account is not None:
            self._by_account[account].pop(socket, None)
            if not self._by_account[account]:
                del self._by_account[account]

    async def keep_talking(self) -> None:
        """Ping every socket now and then, until cancelled: some each second, not all at once."""
        while True:
            # Who comes during a round has just been told something, and is in the next.
            everybody = list(self._all)
            for portion in range(PORTIONS):
                for socket in everybody[portion::PORTIONS]:
                    socket.slot.put("ping", PING)
                await asyncio.sleep(PING_SECONDS / PORTIONS)

    def drain(self) -> None:
        """Let every socket go and take no new one: this process stops.

        Each is told a moment of its own to come back at, so that who takes them in sees no herd. The moments
        are dealt evenly, for chance alone would bunch some.
        """
        self._draining = True
        leaving = list(self._all)
        # In no order that a fan could have a part in.
        random.shuffle(leaving)
        spread = min(MOST_SPREAD_SECONDS, len(leaving) / RETURNS_A_SECOND)
        closing = min(MOST_CLOSING_SECONDS, len(leaving) / CLOSED_A_SECOND)
        loop = asyncio.get_running_loop()
        for number, socket in enumerate(leaving):
            share = (number + random.random()) / len(leaving)
            loop.call_later(closing * share, socket.let_go, RESTART, round(spread * share, 2))

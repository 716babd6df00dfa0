"""Every open socket of this process: how many an address and an account may have, and how they are let go.

A socket belongs to who was signed in when it opened. When that session ends its sockets are let go, and come
back as whoever is signed in then.

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
from datetime import timedelta

from ticketflow.domain import Refusal, now
from ticketflow.live.ended import Ended, session_of
from ticketflow.live.slot import Slot

RESTART = 1012
"""Close code when this process stops: reconnect to another (RFC 6455's registry)."""
ELSEWHERE = 4001
"""Close code when newer sockets of the same account took this one's place: stay away until used again."""
SIGNED_OUT = 4002
"""Close code when the session a socket belonged to has ended: come back as who is signed in now."""
SIGNED_OUT_RETURN_SECONDS = 0.5
"""The answer that takes the cookie away follows the sockets' end: who came at once would still bring it."""
ENDED_KEPT = timedelta(minutes=1)
"""So long a session that has ended opens no socket: by then its browser has had that answer, however slow.
After it, who still brings the session is nobody, and may look as anybody may."""
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

    @property
    def signed_out(self) -> bool:
        """Whether its session is over: what it still says is nobody's."""
        return self.close_code == SIGNED_OUT

    def let_go(self, code: int, after: float | None) -> None:
        """Close it once what waits was sent. The last frame says after how many seconds to come back; None is
        when its page is used again."""
        self.close_code = code
        # As a reply: frames wait for their turn, and the newest of a kind takes another's place.
        self.slot.reply(json.dumps({"type": "reconnect", "after": after}))
        self.slot.close()


class OpenSockets:
    """Counts sockets in and out. A limit of 0 is none."""

    def __init__(self, ended: Ended, *, per_address: int, per_account: int) -> None:
        self._ended = ended
        self._per_address = per_address
        self._per_account = per_account
        self._all: set[OpenSocket] = set()
        self._by_address: defaultdict[str, int] = defaultdict(int)
        # In the order they came: a dictionary is a set that remembers it.
        self._by_account: defaultdict[int, dict[OpenSocket, str | None]] = defaultdict(dict)
        self._draining = False

    def __len__(self) -> int:
        return len(self._all)

    @contextmanager
    def enter(
        self, *, address: str | None, account: int | None, session: str | None = None
    ) -> Iterator[OpenSocket]:
        """A new socket, counted for as long as the block lasts. None is counted for nobody.

        Raises `Refusal` too_many_sockets: strangers share an address, so there the one who comes waits. An
        account is one person, who means the page they have just opened: its oldest socket goes instead.
        not_signed_in: the session has just ended. not_ready: this process stops.
        """
        if self._draining:
            raise Refusal("not_ready", "This desk restarts. Your place is kept; try again in a moment.")
        if self._has_just_ended(session):
            raise Refusal("not_signed_in", "You have just signed out here. Your place in the queue is kept.")
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
            self._by_account[account][socket] = session
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

    def _has_just_ended(self, session: str | None) -> bool:
        named = session_of(session)
        ended_at = self._ended.at(named) if named else None
        return ended_at is not None and now() - ended_at < ENDED_KEPT

    def end_session(self, account: int, session: str) -> None:
        """Let go the sockets of a session that is over: from here on they do nothing for the account."""
        for socket, its_session in self._by_account.get(account, {}).items():
            if its_session == session:
                socket.let_go(SIGNED_OUT, SIGNED_OUT_RETURN_SECONDS)

    def send_back(self, account: int) -> None:
        """Let go all sockets of an account that is not any more what it was when they opened."""
        for socket in self._by_account.get(account, {}):
            socket.let_go(SIGNED_OUT, SIGNED_OUT_RETURN_SECONDS)

    def end_older_sessions(self, account: int, epoch: int) -> None:
        """Let go the sockets of all sessions and tokens of an account that began under an older number."""
        for socket, session in self._by_account.get(account, {}).items():
            named = session_of(session)
            if named and named.epoch < epoch:
                socket.let_go(SIGNED_OUT, SIGNED_OUT_RETURN_SECONDS)

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

"""The waiting room: each call is one script on Redis, so that any number of processes may serve one room."""

from __future__ import annotations

import asyncio
import re
import secrets as randomness
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from redis.asyncio import Redis

from .draw import commitment, draw_number
from .draw_list import DrawList
from .entrants import read_entrants
from .errors import NotCalled, NotDrawn, RoomLost
from .frame import Frame
from .journal import Journal
from .keys import RoomKeys
from .pilots import Pilots
from .places import VISITOR_BYTES, Pass, Place, Signer
from .policy import STORED, Mode, RoomPolicy
from .scripts import Scripts
from .standing import Standing, State
from .tally import Figures, Tally

_AT_ONCE = 1_000
"""Visitors named in one command: it must not hold up the others."""
_VISITOR = re.compile(r"[A-Za-z0-9_-]{1,64}")


class WaitingRoom:
    """One virtual waiting room on one Redis.

        lobby -> waiting -> called -> active -> done
                    ^          |         |
                    '-------- missed <---'         and left, from anywhere

    `redis` must decode its answers to text. `secrets` are newest first: the first signs, all are accepted.
    `seed` decides the lobby's draw; publish `commitment` before, and what `reveal` gives once the doors have
    opened. Without one the draw is as even, but whoever knows a visitor's id can foretell their number.

    Every method that talks to Redis raises RoomLost if the room is not there, save `set_present` and
    `keep_present`. Methods
    taking a ticket raise BadTicket unless we signed it for this room.
    """

    def __init__(
        self,
        redis: Redis,
        name: str,
        *,
        secrets: Sequence[str],
        prefix: str = "waiting-room",
        seed: bytes = b"",
    ) -> None:
        self.name = name
        self.keys = RoomKeys.of(prefix, name)
        self.channel = self.keys.frames
        self._redis = redis
        self._signer = Signer(secrets, name, seed)
        self._scripts = Scripts(redis, self.keys)
        self.journal = Journal(redis, self.keys.journal, self._scripts)
        self._seed = seed

    async def ensure(
        self,
        policy: RoomPolicy,
        *,
        epoch: int,
        frontier: int = 0,
        recovering: bool = False,
        revision: int = 0,
        tally: str = "",
        journal: bool = False,
    ) -> bool:
        """Make the room unless Redis has it. True if this call made it; a room that is there stays as it is.

        After a loss pass an `epoch` above the lost one, the last known `frontier`, and `recovering`: then
        places are taken back for `recovery_seconds` before anybody is admitted. It goes on counting from
        the last known `tally`, as `Tally.text` wrote it. `revision` as for `steer`. With `journal` it is
        written down from the first on whose turn came; somebody must read `self.journal`.
        """
        head = (epoch, frontier, int(recovering), int(journal), revision, tally or "{}")
        (made,) = await self._scripts.run("ensure", *head, *chain.from_iterable(policy.stored().items()))
        return bool(made)

    async def join(
        self,
        ticket: str | None = None,
        *,
        present: bool = False,
        visitor: str | None = None,
        sources: Mapping[str, int] | None = None,
    ) -> Standing:
        """Take a place, or with a ticket find the one there is; a missed or lost place comes back.

        Who is done or has left starts anew. `present` says that a live page shows the place; otherwise the
        fan counts as away from now on, until they are seen again. Raises NotOpen, RoomClosed.

        `visitor` is who joins where the app knows it (`account_visitor`): they have one place however often
        and from wherever they come, and a ticket of another visitor is passed over. `sources` names where the
        join comes from, such as an address, and how many new places that source may take in any minute;
        finding a place again is never counted. Raises TooManyJoins above that, and ValueError for a visitor
        that is not 1 to 64 letters, digits, "-" and "_", a source without a name, or a limit below 1.
        """
        place = None if ticket is None else self._place(ticket)
        if place is None or visitor not in (None, place.visitor):
            place = Place(_checked(visitor), 0, 0)
        if sources and not all(name and limit >= 1 for name, limit in sources.items()):
            raise ValueError("a source needs a name, and a limit of at least 1")
        counted = chain.from_iterable(sources.items()) if sources else ()
        return await self._standing("join", place, int(present), *counted)

    async def look(self, ticket: str, *, present: bool | None = None) -> Standing:
        """Where the fan is. Makes no place, but puts back one lost with Redis. `present` as in `join`."""
        return await self._standing("look", self._place(ticket), "" if present is None else int(present))

    async def claim(self, ticket: str) -> Pass:
        """Come in: a called fan gets a lease and its pass, an active one a pass for the lease they have.

        Raises NotCalled, with the standing, for anybody else; who missed their turn has their old place back.
        """
        standing = await self._standing("claim", self._place(ticket), self.keys.moves)
        if standing.state is not State.ACTIVE or standing.expires_at is None:
            raise NotCalled(standing)
        return self._signer.grant(standing.visitor, standing.expires_at)

    async def renew(self, visitor: str) -> float:
        """Extend a lease to its full length from now, and give its end (unix seconds). Raises NotActive."""
        (till,) = await self._scripts.run("renew", visitor)
        return int(till) / 1e6

    async def leave(self, ticket: str) -> None:
        """Give up the place, the turn or the lease. Leaving twice is leaving once."""
        await self._scripts.run("leave", self.read_ticket(ticket).visitor, self.keys.moves)

    async def finish(self, visitor: str, *, asked_at: float = 0) -> None:
        """End a lease whose purpose is served. Does nothing for who is neither active nor lapsed.

        `asked_at` (unix seconds) is when what it served was asked for: said again after the fan has finished
        and come in anew, it does not end the new lease.
        """
        await self.finish_all([(visitor, asked_at)])

    async def finish_all(self, served: Iterable[tuple[str, float]]) -> None:
        """End many leases: of each visitor, with when what it served was asked for, as `finish` takes it."""
        pairs = [value for visitor, asked_at in served for value in (visitor, round(asked_at * 1e6))]
        await self._scripts.run("finish", self.keys.moves, *pairs)

    async def set_present(self, visitor: str, present: bool) -> None:
        """Note that a waiting fan's page is live, or is not any more. Nothing happens to anybody else."""
        await self._scripts.run("presence", visitor, int(present))

    async def keep_present(self, visitors: Iterable[str]) -> None:
        """Note that all these have a live page. To be said of each open page several times in `away_seconds`:
        another page of the same visitor may close, or poll, and does not know of this one."""
        named = list(visitors)
        for first in range(0, len(named), _AT_ONCE):
            await self._redis.hdel(self.keys.away, *named[first : first + _AT_ONCE])

    async def steer(
        self,
        *,
        mode: Mode | None = None,
        rate_per_minute: int | None = None,
        max_active: int | None = None,
        message: str | None = None,
        revision: int = 0,
    ) -> RoomPolicy:
        """Change what is given, and give the policy that holds from the next tick on. Raises BadPolicy.

        A mode that is really changed clears `opens_at`: the doors then open by hand, too. Mode DRAINING lets
        nobody in, and who is called and not in yet has their place in the line back. An app that numbers the
        changes gives the `revision`: of each control the highest one stands, whichever comes last.
        """
        given = {
            "mode": mode,
            "rate_per_minute": rate_per_minute,
            "max_active": max_active,
            "message": message,
        }
        changes = {field: value for field, value in given.items() if value is not None}
        if changes:
            wanted = replace(await self.policy(), **changes)  # type: ignore[arg-type]
            pairs = chain.from_iterable(wanted.stored(*changes).items())
            await self._scripts.run("steer", revision, *pairs)
        return await self.policy()

    async def extend(self, seconds: int, *, revision: int = 0) -> int:
        """Give everybody who is inside so many seconds more, and give how many they are. No lease ends later
        than a day from now by it, and none sooner than it did. `revision` as for `steer`.

        Raises ValueError unless there is something to give.
        """
        if seconds <= 0:
            raise ValueError("a lease is never made shorter")
        (inside,) = await self._scripts.run("extend", seconds * 1_000_000, revision)
        return int(inside)

    async def schedule(self, *, lobby_opens_at: int, opens_at: int) -> bool:
        """Change when the lobby and the doors open, in unix microseconds, while nobody can be in the room.

        Gives whether that was so: once the lobby is open its times stand. Raises BadPolicy.
        """
        times = {"lobby_opens_at": lobby_opens_at, "opens_at": opens_at}
        wanted = replace(await self.policy(), **times)  # type: ignore[arg-type]
        (changed,) = await self._scripts.run("schedule", wanted.lobby_opens_at, wanted.opens_at)
        return bool(changed)

    async def policy(self) -> RoomPolicy:
        """The policy that holds now."""
        names = list(STORED.values())
        values = await self._redis.hmget(self.keys.room, names)
        held = {name: str(value) for name, value in zip(names, values, strict=True) if value is not None}
        if not held:
            raise RoomLost("room lost")
        return RoomPolicy.restored(held)

    async def snapshot(self) -> Frame:
        """The frame as it is now, with its rank map: what to begin with after subscribing to `channel`."""
        (text,) = await self._scripts.run("snapshot", self.name)
        return Frame.parse(text)

    async def figures(self) -> Figures:
        """The frame as it is now, without a rank map, and all that was counted until this moment."""
        text, *tally = await self._scripts.run("figures", self.name)
        frame = Frame.parse(text)
        return Figures(frame, Tally.read(frame.admitted_total, tally))

    @property
    def commitment(self) -> str:
        """What may be published before the doors open, to prove later that the seed was not chosen then."""
        return commitment(self._seed)

    async def reveal(self) -> bytes:
        """The draw's seed. Raises NotDrawn until the doors have opened for the first time."""
        opened_at = await self._redis.hget(self.keys.room, "opened_at")
        if opened_at is None:
            raise RoomLost("room lost")
        if int(opened_at) == 0:
            raise NotDrawn("not drawn")
        return self._seed

    async def entrants(self) -> AsyncIterator[str]:
        """The visitors of the draw, each once, in the order in which they came. Raises NotDrawn as `reveal`.

        Who left is among them. After a loss of Redis they are those who have come back.
        """
        await self.reveal()
        async for visitor in read_entrants(self._redis, self.keys.draw):
            yield visitor

    async def log_size(self) -> int:
        """Bytes of the log of entrants: as long as it does not change, neither does the draw."""
        return int(await self._redis.strlen(self.keys.draw))

    async def draw(self) -> DrawList:
        """The whole draw, worked out anew off the event loop: seconds, for a million. Raises NotDrawn."""
        seed = await self.reveal()
        visitors = [visitor async for visitor in self.entrants()]
        return await asyncio.to_thread(DrawList, self.name, seed, visitors)

    async def tick(self) -> Frame | None:
        """Admit whose turn it is and publish a frame. None if this interval's tick is done already.

        To be called once in `tick_seconds` by one process or by many.
        """
        published = await self._scripts.run("tick", self.name, self.channel)
        if not published:
            return None
        text, *pilots = published
        frame = Frame.parse(text)
        if pilots:
            await self._note(frame, Pilots.parse(pilots[0]))
        return frame

    async def _note(self, frame: Frame, pilots: Pilots) -> None:
        """Let the pilots see a frame, and keep what they know after it. The next frame tells it to all."""
        forecast = pilots.see(frame)
        await self._scripts.run("note", frame.epoch, frame.version, forecast.text(), pilots.text())

    def read_ticket(self, ticket: str) -> Place:
        """What a ticket says, by its signature alone: order 0 for who was drawn. Raises BadTicket."""
        return self._signer.read_ticket(ticket)

    def mark(self, standing: Standing) -> str:
        """A name for the place in a standing, by which a page knows it again. It tells nobody the order."""
        return self._signer.mark(standing.visitor, standing.order)

    def read_pass(self, token: str) -> Pass:
        """What a pass says, by its signature alone: whether the lease runs, Redis knows. Raises BadPass."""
        return self._signer.read_pass(token)

    def _place(self, ticket: str) -> Place:
        place = self.read_ticket(ticket)
        return place if place.order else replace(place, order=self._draw(place))

    def _draw(self, place: Place) -> int:
        return draw_number(self._seed, place.visitor)

    async def _standing(self, command: str, place: Place, *args: str | int) -> Standing:
        held = (place.visitor, place.order, place.epoch, self._draw(place))
        answer = await self._scripts.run(command, *held, *args)
        return Standing.read(place.visitor, self._signer, answer)


def _checked(visitor: str | None) -> str:
    if visitor is None:
        return randomness.token_urlsafe(VISITOR_BYTES)
    if not _VISITOR.fullmatch(visitor):
        raise ValueError(f"not a visitor: {visitor!r}")
    return visitor

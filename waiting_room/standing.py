"""What a fan is told about where they are. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .forecast import Forecast
from .places import Place, Signer
from .policy import Mode
from .promise import Promise, Slower, first_promise


class State(StrEnum):
    """Where a fan is on the way in."""

    LOBBY = "lobby"
    WAITING = "waiting"
    CALLED = "called"
    ACTIVE = "active"
    MISSED = "missed"
    DONE = "done"
    LEFT = "left"
    CLOSED = "closed"


@dataclass(frozen=True)
class Standing:
    """A fan's place and what there is to know about it. Times are unix seconds.

    `place`, `ahead` and `wait_seconds` are None where they mean nothing: a draw is not yet a place, and who
    was called has none any more. `claim_by` is for the called; `expires_at` is the end of an active fan's
    lease, or of a missed fan's time to return. `new` says that this call made the place. `order` is for the
    application alone: before the doors open nobody may learn what they have drawn. `promise` is the wait as
    moments of time. What is told here remembers nothing: `slower` says why the line is slower than when the
    fan joined it, and whoever tells a fan again and again keeps the promise (next_promise). `epoch` is the
    room's: under a later one Redis has lost this place, until the ticket is shown again. `opened` says that
    the doors have been open: a lobby draws only before. `opens_at` is when they open by themselves, None if
    that is done by hand.
    """

    state: State
    visitor: str
    order: int
    epoch: int
    ticket: str
    place: int | None
    ahead: int | None
    waiting: int
    promise: Promise | None
    rate_per_minute: int
    claim_by: float | None
    expires_at: float | None
    message: str
    mode: Mode
    new: bool
    opened: bool = True
    opens_at: float | None = None

    @property
    def wait_seconds(self) -> tuple[int, int] | None:
        """The interval until the turn, from the promise's moment on; None where nothing can be said."""
        return self.promise.seconds if self.promise else None

    @property
    def slower(self) -> Slower | None:
        """Why the wait told is longer than it was."""
        return self.promise.slower if self.promise else None

    @classmethod
    def read(cls, visitor: str, signer: Signer, answer: list[Any]) -> Standing:
        """The standing in a script's answer (lua/fans.lua, `standing`)."""
        found, order, rank, until, new, waiting, epoch, mode, message, opened, opens_at, *pace = answer
        mode = Mode(mode)
        state = _shown(found, mode, bool(opened))
        rate, recovering = int(pace[0]), int(pace[1])
        # After a loss the line is half empty until its fans are back: a rank in it is not a place.
        ahead = int(rank) if state is State.WAITING and not recovering else None
        promise = None if ahead is None else _promise(ahead, int(order), mode, rate, *pace[2:])
        ends = int(until) / 1e6
        return cls(
            state=state,
            visitor=visitor,
            order=int(order),
            epoch=int(epoch),
            ticket=signer.ticket(Place(visitor, int(order), int(epoch))),
            place=None if ahead is None else ahead + 1,
            ahead=ahead,
            waiting=int(waiting),
            promise=promise,
            rate_per_minute=rate,
            claim_by=ends if state is State.CALLED else None,
            expires_at=ends if state in (State.ACTIVE, State.MISSED) else None,
            message=message,
            mode=mode,
            new=bool(new),
            opened=bool(opened),
            opens_at=int(opens_at) / 1e6 or None,
        )


def _promise(
    ahead: int,
    order: int,
    mode: Mode,
    rate: int,
    cap: Any,
    slowed_at: Any,
    slower: str,
    forecast: str,
    at: Any,
) -> Promise:
    known = Forecast.parse(forecast)
    expected = known.expect(ahead, mode=mode, rate_per_minute=rate, max_active=int(cap))
    # An order is the moment of joining: who came after the change was never told better.
    reason = Slower(slower) if slower and (order < int(slowed_at) or expected is None) else None
    if reason is None and known.inside >= int(cap):
        reason = Slower.DESK_FULL
    return first_promise(expected, int(at) / 1e6, reason)


def _shown(found: str, mode: Mode, opened: bool) -> State:
    # The called and the active keep what they were promised when the doors close behind them.
    if mode is Mode.CLOSED and found in (State.WAITING, State.MISSED):
        return State.CLOSED
    # Before the doors have been open a draw is not yet a place, whatever the mode is.
    if (mode is Mode.LOBBY or not opened) and found == State.WAITING:
        return State.LOBBY
    return State(found)

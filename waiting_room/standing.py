"""What a fan is told about where they are. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .estimate import wait_interval
from .places import Place, Signer
from .policy import Mode


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
    lease, or of a missed fan's time to return. `new` says that this call made the place. `epoch` is the
    room's: under a later one Redis has lost this place, until the ticket is shown again.
    """

    state: State
    visitor: str
    order: int
    epoch: int
    ticket: str
    place: int | None
    ahead: int | None
    waiting: int
    wait_seconds: tuple[int, int] | None
    rate_per_minute: int
    claim_by: float | None
    expires_at: float | None
    message: str
    mode: Mode
    new: bool

    @classmethod
    def read(cls, visitor: str, signer: Signer, answer: list[Any]) -> Standing:
        """The standing in a script's answer (lua/fans.lua, `standing`)."""
        found, order, rank, until, new, waiting, epoch, mode, message, *numbers = answer
        rate, admitted_last_minute, measured_us, recovering = map(int, numbers)
        mode = Mode(mode)
        state = _shown(found, mode)
        # After a loss the line is half empty until its fans are back: a rank in it is not a place.
        ahead = int(rank) if state is State.WAITING and not recovering else None
        wait = None
        if ahead is not None:
            measured = measured_us / 1e6
            wait = wait_interval(ahead, rate, admitted_last_minute, mode=mode, measured_seconds=measured)
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
            wait_seconds=wait,
            rate_per_minute=rate,
            claim_by=ends if state is State.CALLED else None,
            expires_at=ends if state in (State.ACTIVE, State.MISSED) else None,
            message=message,
            mode=mode,
            new=bool(new),
        )


def _shown(found: str, mode: Mode) -> State:
    # The called and the active keep what they were promised when the doors close behind them.
    if mode is Mode.CLOSED and found in (State.WAITING, State.MISSED):
        return State.CLOSED
    if mode is Mode.LOBBY and found == State.WAITING:
        return State.LOBBY
    return State(found)

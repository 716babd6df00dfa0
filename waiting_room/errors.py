"""What can go wrong in a waiting room. Each error has a stable `code` for scripts and clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from .standing import Standing


class WaitingRoomError(Exception):
    """The base of all of them."""

    code: ClassVar[str] = "waiting_room"


class BadTicket(WaitingRoomError):
    """The ticket is forged, malformed or of another room."""

    code = "bad_ticket"


class BadPass(WaitingRoomError):
    """The pass is forged, malformed or of another room."""

    code = "bad_pass"


class NotOpen(WaitingRoomError):
    """The lobby has not opened yet."""

    code = "not_open"


class NotDrawn(WaitingRoomError):
    """The doors have not opened: until then nothing of the draw is told but its commitment."""

    code = "not_drawn"


class RoomClosed(WaitingRoomError):
    """The room takes nobody in any more; `message` is what the organiser says to it, or empty."""

    code = "room_closed"

    def __init__(self, text: str = "", message: str = "") -> None:
        super().__init__(text)
        self.message = message


class TooManyJoins(WaitingRoomError):
    """A source has taken as many new places in the last minute as it may.

    After `retry_after` whole seconds there is room for one; `source` is the name it was counted by.
    """

    code = "too_many_joins"

    def __init__(self, message: str, retry_after: int, source: str) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.source = source


class NotCalled(WaitingRoomError):
    """It is not this fan's turn; `standing` says where they are instead."""

    code = "not_called"

    def __init__(self, standing: Standing) -> None:
        super().__init__(f"not called: {standing.state}")
        self.standing = standing


class NotActive(WaitingRoomError):
    """The visitor has no lease, or it has run out."""

    code = "not_active"


class RoomLost(WaitingRoomError):
    """Redis has no such room: never made, or lost with Redis. `WaitingRoom.ensure` puts it back."""

    code = "room_lost"


class BadPolicy(WaitingRoomError, ValueError):
    """A policy's value is out of range; `field` names it."""

    code = "bad_policy"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field


REFUSALS: dict[str, type[WaitingRoomError]] = {
    error.code: error for error in (NotOpen, RoomClosed, TooManyJoins, NotActive, RoomLost)
}
"""The codes a script may answer with, and what each is raised as."""

"""A virtual waiting room for anyone with Redis: a fair line, told live, that outlives Redis itself."""

from .errors import (
    BadPass,
    BadPolicy,
    BadTicket,
    NotActive,
    NotCalled,
    NotOpen,
    RoomClosed,
    RoomLost,
    WaitingRoomError,
)
from .estimate import RankMap
from .forecast import Expected, Forecast
from .frame import Frame
from .keys import RoomKeys
from .places import Pass, Place
from .policy import Mode, RoomPolicy
from .promise import Promise, Slower
from .room import WaitingRoom
from .standing import Standing, State

__all__ = [
    "BadPass",
    "BadPolicy",
    "BadTicket",
    "Expected",
    "Forecast",
    "Frame",
    "Mode",
    "NotActive",
    "NotCalled",
    "NotOpen",
    "Pass",
    "Place",
    "Promise",
    "RankMap",
    "RoomClosed",
    "RoomKeys",
    "RoomLost",
    "RoomPolicy",
    "Slower",
    "Standing",
    "State",
    "WaitingRoom",
    "WaitingRoomError",
]

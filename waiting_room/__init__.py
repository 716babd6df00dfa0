"""A virtual waiting room for anyone with Redis: a fair line, told live, that outlives Redis itself."""

from .accounts import account_visitor
from .draw_list import DrawList
from .errors import (
    BadPass,
    BadPolicy,
    BadTicket,
    NotActive,
    NotCalled,
    NotDrawn,
    NotOpen,
    RoomClosed,
    RoomLost,
    TooManyJoins,
    WaitingRoomError,
)
from .estimate import RankMap
from .forecast import Expected, Forecast
from .frame import Frame
from .journal import Entry, Journal, Kind, Turn
from .keys import RoomKeys
from .places import Pass, Place
from .policy import Mode, RoomPolicy
from .promise import Promise, Slower
from .room import WaitingRoom
from .standing import Standing, State
from .tally import Figures, Tally, Waits

__all__ = [
    "BadPass",
    "BadPolicy",
    "BadTicket",
    "DrawList",
    "Entry",
    "Expected",
    "Figures",
    "Forecast",
    "Frame",
    "Journal",
    "Kind",
    "Mode",
    "NotActive",
    "NotCalled",
    "NotDrawn",
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
    "Tally",
    "TooManyJoins",
    "Turn",
    "WaitingRoom",
    "WaitingRoomError",
    "Waits",
    "account_visitor",
]

"""What has become of the crowd, counted. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Phase(StrEnum):
    """Where a fan is now."""

    AWAY = "away"
    ARRIVING = "arriving"
    WAITING = "waiting"
    CALLED = "called"
    CHOOSING = "choosing"
    HOLDING = "holding"
    GONE = "gone"


class Outcome(StrEnum):
    """How a fan's visit has ended."""

    BOOKED = "booked"
    LEFT_LINE = "left the line"
    MISSED_TURN = "let the turn pass"
    GAVE_BACK = "gave tickets back"
    DECLINED = "had no card that works"
    REFUSED = "refused"
    FAILED = "failed"
    CUT_SHORT = "cut short"


GAVE_UP = (Outcome.LEFT_LINE, Outcome.MISSED_TURN, Outcome.GAVE_BACK, Outcome.DECLINED)


@dataclass
class Tally:
    """The counts of one crowd. Waits are in seconds, from joining the line to being called."""

    size: int
    phases: Counter[Phase] = field(default_factory=Counter)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    arrived: int = 0
    admitted: int = 0
    bookings: int = 0
    tickets: int = 0
    reconnects: int = 0
    waits: list[float] = field(default_factory=list)
    intervals_told: int = 0
    intervals_held: int = 0
    _sold: set[tuple[int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.phases[Phase.AWAY] = self.size

    @property
    def gave_up(self) -> int:
        return sum(self.outcomes[outcome] for outcome in GAVE_UP)

    def error(self, what: str) -> None:
        """Note something that must not be."""
        self.errors[what] += 1

    def move(self, before: Phase, after: Phase) -> None:
        """A fan has gone from one phase to another."""
        self.phases[before] -= 1
        self.phases[after] += 1
        if before is Phase.AWAY:
            self.arrived += 1

    def called(self, waited: float, told: tuple[float, float] | None) -> None:
        """A fan's turn has come after `waited` seconds; `told` is the interval they were told at first."""
        self.waits.append(waited)
        if told is not None:
            self.intervals_told += 1
            self.intervals_held += told[0] <= waited <= told[1]

    def booked(self, ticket_type_id: int, units: Sequence[int]) -> None:
        """A booking is confirmed. A unit that this crowd was sold before is an error."""
        self.bookings += 1
        self.tickets += len(units)
        for unit in units:
            if (ticket_type_id, unit) in self._sold:
                self.error("a unit was sold twice")
            self._sold.add((ticket_type_id, unit))

    def wait_at(self, share: float) -> float:
        """The wait that `share` of those who were called did not exceed."""
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

"""What has happened in a room so far, and how long people really waited. Pure.

Waits are counted by spans, each 1.1 times as wide as the one before (lua/tally.lua, in step with this): a
quantile read from them lies within 5% of the true one, and within half a second below one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .frame import Frame

WIDER = 1.1
OPENED_AT = "opened_at"


@dataclass(frozen=True)
class Waits:
    """How many people waited how long: span -> people. Span 0 is below a second, span n goes from 1.1^(n-1)
    up to 1.1^n seconds."""

    spans: Mapping[int, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(self.spans.values())

    def quantile(self, share: float) -> float | None:
        """The wait in seconds that this share of them did not exceed; None if nobody has waited."""
        wanted, seen = max(1, math.ceil(share * self.count)), 0
        for span in sorted(self.spans):
            seen += self.spans[span]
            if seen >= wanted:
                return 0.5 if span == 0 else WIDER ** (span - 0.5)
        return None


@dataclass(frozen=True)
class Tally:
    """All that a room has counted since it was made, also before Redis was lost.

    `called` is as often as somebody was called. `joins` are new places; `left` gave theirs up, wherever they
    were; `missed` were called and did not come in; `passed_over` were away for too long when their turn came.
    `admitted` is how long those waited who were called for the first time, `gave_up` how long those did who
    left the line or were passed over in it.
    """

    called: int = 0
    joins: int = 0
    left: int = 0
    missed: int = 0
    passed_over: int = 0
    opened_at: int = 0
    admitted: Waits = field(default_factory=Waits)
    gave_up: Waits = field(default_factory=Waits)

    @classmethod
    def read(cls, called: int, flat: Sequence[str]) -> Tally:
        """The tally in the hash that the scripts keep, its fields and values in turn."""
        kept = {name: int(value) for name, value in zip(flat[::2], flat[1::2], strict=True)}
        numbers = {name: kept.get(name, 0) for name in ("joins", "left", "missed", "passed_over", OPENED_AT)}
        return cls(called, **numbers, admitted=_waits("admitted", kept), gave_up=_waits("gave_up", kept))

    def text(self) -> str:
        """What a room that comes back goes on from, as JSON; `""` is of one that begins."""
        numbers = {
            "called": self.called,
            "joins": self.joins,
            "left": self.left,
            "missed": self.missed,
            "passed_over": self.passed_over,
            OPENED_AT: self.opened_at,
            **{f"admitted:{span}": people for span, people in self.admitted.spans.items()},
            **{f"gave_up:{span}": people for span, people in self.gave_up.spans.items()},
        }
        # As texts: Redis's JSON would round a moment in microseconds.
        return json.dumps({name: str(number) for name, number in numbers.items() if number})


class Figures(NamedTuple):
    """A room at one moment: its frame, without a rank map, and what it has counted."""

    frame: Frame
    tally: Tally


def _waits(kind: str, kept: Mapping[str, int]) -> Waits:
    start = f"{kind}:"
    return Waits({int(name.removeprefix(start)): n for name, n in kept.items() if name.startswith(start)})

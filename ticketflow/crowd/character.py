"""What kind of person a fan is, decided before they come."""

import asyncio
import random
from dataclasses import dataclass
from random import Random

GOOD, SLOW, LOST, BAD = "card-ok", "card-slow", "card-timeout", "card-declined"

IMPATIENT = 0.06
ABSENT_MINDED = 0.03
UNDECIDED = 0.05
WALLETS = (
    ((GOOD,), 82),
    ((SLOW,), 5),
    ((LOST,), 1),
    ((BAD, GOOD), 8),
    ((BAD, SLOW), 1),
    ((BAD, BAD), 3),
)
"""Cards in the order in which they are tried, and how many of a hundred fans carry them."""


@dataclass(frozen=True)
class Character:
    """`patience` is how many seconds the fan stays in line; None is for ever."""

    wants: int = 2
    cards: tuple[str, ...] = (GOOD,)
    patience: float | None = None
    lets_turn_pass: bool = False
    gives_back: bool = False

    @classmethod
    def draw(cls, dice: Random, most_tickets: int) -> "Character":
        """One of the many kinds, in the shares above."""
        wallets, shares = zip(*WALLETS, strict=True)
        return cls(
            wants=min(most_tickets, dice.choices((1, 2, 3, 4), (25, 50, 10, 15))[0]),
            cards=dice.choices(wallets, shares)[0],
            patience=dice.uniform(8, 45) if dice.random() < IMPATIENT else None,
            lets_turn_pass=dice.random() < ABSENT_MINDED,
            gives_back=dice.random() < UNDECIDED,
        )


@dataclass(frozen=True)
class Pace:
    """How quickly people think and give up: `hurry` times quicker than they do."""

    hurry: float = 1.0

    async def think(self, low: float, high: float) -> None:
        """Take `low` to `high` seconds, as people count them."""
        await asyncio.sleep(random.uniform(low, high) / self.hurry)

    def shortened(self, seconds: float | None) -> float | None:
        return None if seconds is None else seconds / self.hurry

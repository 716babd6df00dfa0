"""Letters on which the server has closed (421): whose doing was that, the letter's or the server's?

Once, nobody can tell: it may be shutting down, or want fewer letters. So the letter goes behind the others,
and pays with a try only if it is told so again when others were answered in between. A server that closes on
several letters in a row, and answers none in between, is away.
"""

from dataclasses import dataclass

IN_A_ROW = 5


@dataclass(frozen=True)
class Told:
    """What a letter was told."""

    times: int
    answered: int
    """How many letters had been answered by then."""


class Closings:
    """What one worker has been told since it started."""

    def __init__(self) -> None:
        self._answered = 0
        self._told: dict[int, Told] = {}
        self._in_a_row: set[int] = set()

    def note_answer(self, letter_id: int) -> None:
        """The server has dealt with this letter."""
        self._answered += 1
        self._told.pop(letter_id, None)
        self._in_a_row.clear()

    def note(self, letter_id: int) -> None:
        """The server has closed on this letter, once more."""
        self._told[letter_id] = Told(self.times(letter_id) + 1, self._answered)
        self._in_a_row.add(letter_id)

    def times(self, letter_id: int) -> int:
        """How often it has closed on this letter."""
        told = self._told.get(letter_id)
        return told.times if told else 0

    def suspects(self, letter_id: int) -> bool:
        """Whether closing once more on this letter would be its doing: others were answered in between."""
        told = self._told.get(letter_id)
        return told is not None and told.answered < self._answered and not self.on_all

    @property
    def on_all(self) -> bool:
        """Whether it closes on whatever it is brought."""
        return len(self._in_a_row) >= IN_A_ROW

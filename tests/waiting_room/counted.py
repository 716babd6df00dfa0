"""What the model has counted: the real room's tally, in plain Python."""

from collections import Counter

SECOND = 1_000_000
DRAWN = 2**50


class Counted:
    """A tally as the room's hash has it, by field."""

    def __init__(self) -> None:
        self.fields: Counter[str] = Counter()

    def open(self, now: int) -> None:
        """The doors opened for the first time."""
        if not self.fields["opened_at"]:
            self.fields["opened_at"] = now

    def add(self, what: str) -> None:
        self.fields[what] += 1

    def waited(self, how: str, order: int, now: int) -> None:
        """Somebody's wait has ended."""
        since = order if order >= DRAWN else self.fields["opened_at"]
        self.fields[f"{how}:{span_of((now - since) / SECOND)}"] += 1

    def kept(self) -> dict[str, int]:
        return {field: count for field, count in self.fields.items() if count}


def span_of(seconds: float) -> int:
    """0 below a second, else n with 1.1^(n-1) <= seconds < 1.1^n."""
    span, end = 0, 1.0
    while seconds >= end:
        span, end = span + 1, end * 1.1
    return span

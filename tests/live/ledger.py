"""What a run has seen of a room's admissions, and whether it is what DESIGN 9.7 and 9.8 say. Pure."""

from bisect import bisect_right
from collections import defaultdict

MINUTE = 60_000_000


class Ledger:
    """Calls at their exact moments (unix microseconds), and the levers that held from when on."""

    def __init__(self, tick_seconds: float, cap: int) -> None:
        self._tick_seconds = tick_seconds
        self.calls: list[tuple[int, str]] = []
        self._known: set[tuple[int, str]] = set()
        self._rates: list[tuple[int, int]] = []
        self._caps = [cap]
        self._inside = 0

    def note_call(self, at: int, visitor: str) -> None:
        """One and the same call may be seen many times."""
        if (at, visitor) not in self._known:
            self._known.add((at, visitor))
            self.calls.append((at, visitor))

    def note_rate(self, since: int, rate: int) -> None:
        self._rates.append((since, rate))

    def note_cap(self, cap: int) -> None:
        """A cap that holds from now on. What is seen next may still stem from the one before."""
        self._caps.append(cap)

    def note_inside(self, inside: int) -> None:
        """How many are called and active at one moment. With a cap set below them they only become fewer."""
        assert inside <= max([*self._caps, self._inside]), f"{inside} inside, and the cap is {self._caps}"
        self._inside, self._caps = inside, self._caps[-1:]

    def allowed_until(self, at: int) -> float:
        """How many the rates so far would have let in until a moment."""
        total = 0.0
        for (since, rate), (until, _) in zip(self._rates, [*self._rates[1:], (at, 0)], strict=True):
            total += rate * max(0, min(until, at) - since) / MINUTE
        return total

    def one_tick(self) -> float:
        """What may be called at once: one tick's worth, and a fraction of a person left over from before."""
        return max(rate for _, rate in self._rates) * self._tick_seconds / 60 + 1

    def check_rate(self) -> int:
        """In any stretch of time no more are called than the rate allows and one tick's worth.

        That is more than the rolling minute asks. Gives the most calls of a rolling minute.
        """
        calls = sorted(self.calls)
        lowest = 0.0
        for n, (at, visitor) in enumerate(calls):
            allowed = self.allowed_until(at)
            lowest = min(lowest, n - allowed)
            excess = n + 1 - allowed - lowest
            assert excess < self.one_tick(), f"{excess} too many when {visitor} was called"
        moments = [at for at, _ in calls]
        return max(bisect_right(moments, at + MINUTE) - n for n, at in enumerate(moments))

    def check_order(self, orders: dict[str, int], excepted: set[str]) -> int:
        """Of those who stayed, the earlier were called earlier. Gives how many they were."""
        at_once: dict[int, list[int]] = defaultdict(list)
        for at, visitor in self.calls:
            if visitor not in excepted:
                at_once[at].append(orders[visitor])
        last = 0
        for at in sorted(at_once):
            assert min(at_once[at]) > last, f"somebody was overtaken at {at}"
            last = max(at_once[at])
        return sum(map(len, at_once.values()))

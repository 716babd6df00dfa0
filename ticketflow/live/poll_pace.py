"""How often pages without a socket may look: few often, many seldom."""

import math
import time
from collections.abc import Callable

POLLS_A_SECOND = 200
"""So many a process answers beside its real work: about a fifth of what it could."""
SHORTEST_SECONDS = 5.0
LONGEST_SECONDS = 60.0


class PollPace:
    """Sets the interval so that all who poll this process together ask `POLLS_A_SECOND` times at most."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._asked = 0
        self._interval = SHORTEST_SECONDS

    def next_poll(self) -> int:
        """Count a poll; gives after how many whole seconds to ask again."""
        passed = self._clock() - self._began
        # In one interval each who polls asks as often as a page does in a round: that much is to be spread.
        if passed >= self._interval:
            wanted = self._asked * self._interval / passed / POLLS_A_SECOND
            self._interval = min(max(wanted, SHORTEST_SECONDS), LONGEST_SECONDS)
            self._began, self._asked = self._clock(), 0
        self._asked += 1
        return math.ceil(self._interval)

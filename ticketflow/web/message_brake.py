"""How many messages a second an open socket may send."""

from ticketflow.domain import Refusal
from ticketflow.live.open_sockets import RETRY_SECONDS, OpenSocket

POLICY_VIOLATION = 1008
"""Close code for who goes on and on (RFC 6455)."""
BURST_SECONDS = 2
PATIENCE_SECONDS = 10
"""As many as were allowed in this time may be refused; then the socket is closed."""


class MessageBrake:
    """A bucket that fills with `per_second` and holds twice as many; 0 is no limit."""

    __slots__ = ("_at", "_left", "_most", "_per_second", "_refused")

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._most = self._left = float(per_second * BURST_SECONDS)
        self._at = 0.0
        self._refused = 0

    def take(self, now: float, line: OpenSocket) -> Refusal | None:
        """Count a message at `now`, in seconds of the loop's clock. Gives what it is refused with, if it is;
        who does not stop at that is let go."""
        if not self._per_second:
            return None
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left >= 1:
            self._left -= 1
            if self._left >= self._most / 2:
                self._refused = 0
            return None
        self._refused += 1
        if self._refused == self._per_second * PATIENCE_SECONDS:
            line.let_go(POLICY_VIOLATION, RETRY_SECONDS)
        said = (
            "That was a lot in one second, so it was not done. Nothing was lost; send it again in a moment."
        )
        return Refusal("too_many_requests", said, retry_after=1)

"""Which sessions are over, in this process's memory: so it costs nothing to ask at each request."""

from datetime import datetime
from typing import NamedTuple

from ticketflow.domain import now
from ticketflow.store.session_ends import KEPT, End


class Session(NamedTuple):
    """A sign-in on one device, or a token: whose, under which number it began, and its whole name."""

    account: int
    epoch: int
    name: str


def session_of(name: str | None) -> Session | None:
    """The session that is called so; None for a name of an older form, which had no number."""
    parts = name.split(".") if name else ()
    return Session(int(parts[0]), int(parts[1]), name) if name and len(parts) == 3 else None


class Ended:
    """All of them whose cookie or token could still be shown: about 200 bytes for each that signed out in the
    last 30 days, and for each account that was signed out everywhere."""

    def __init__(self) -> None:
        self._by_name: dict[str, datetime] = {}
        # The number under which an account's sessions begin now, and since when.
        self._begin_with: dict[int, tuple[int, datetime]] = {}

    def at(self, session: Session) -> datetime | None:
        """When it ended; None if it has not."""
        if session.name in self._by_name:
            return self._by_name[session.name]
        epoch, since = self._begin_with.get(session.account, (0, None))
        return since if session.epoch < epoch else None

    def add(self, end: End) -> bool:
        """Keep an end. False: it was known."""
        if end.session is not None:
            new = end.session not in self._by_name
            self._by_name.setdefault(end.session, end.ended_at)
            return new
        epoch = end.epoch or 0
        new = epoch > self._begin_with.get(end.user_id, (0, None))[0]
        if new:
            self._begin_with[end.user_id] = (epoch, end.ended_at)
        return new

    def prune(self) -> None:
        """Forget what ends by itself by now."""
        since = now() - KEPT
        self._by_name = {name: at for name, at in self._by_name.items() if at >= since}
        self._begin_with = {of: known for of, known in self._begin_with.items() if known[1] >= since}

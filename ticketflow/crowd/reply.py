"""What the house answers, by HTTP or by socket, and what a fan cannot take for an answer."""

from dataclasses import dataclass
from typing import Any

SERVER_ERROR = 500
COME_BACK_LATER = (429, 503)
DEFAULT_RETRY_SECONDS = 2.0


class Broken(Exception):
    """The house did what it must not do, or did not answer; the message says what."""


class NoSale(Exception):
    """There is no server, or no sale at it, to go to; the message says which, in one line."""


@dataclass(frozen=True)
class Reply:
    """Status and body; the body of a refusal is a problem document."""

    status: int
    body: Any

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def code(self) -> str:
        """The problem's code; the bare status where the house gave none."""
        return str(self.body.get("code", self.status)) if isinstance(self.body, dict) else str(self.status)

    @property
    def retry_after(self) -> float | None:
        """The seconds after which to ask again, if that is what the house says."""
        if self.status not in COME_BACK_LATER or not isinstance(self.body, dict):
            return None
        return float(self.body.get("retry_after", DEFAULT_RETRY_SECONDS))

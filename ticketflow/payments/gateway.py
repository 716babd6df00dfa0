"""What the ledger asks of a payment gateway.

`key` is the booking's id throughout. A gateway must treat it as an idempotency key: whatever is
asked twice under one key happens once.
"""

from dataclasses import dataclass
from typing import Protocol


class GatewayTimeout(Exception):
    """No answer came in time. The charge may exist or not: `find` tells."""


@dataclass(frozen=True)
class Authorisation:
    """The gateway's word on a charge. `reason` says why it was declined."""

    approved: bool
    reference: str
    reason: str | None = None


class Gateway(Protocol):
    @property
    def default_method(self) -> str:
        """How who names no method pays."""

    def accepts(self, method: str) -> bool:
        """Whether `method` names a way to pay here."""

    async def authorise(self, key: str, amount: int, currency: str, method: str) -> Authorisation:
        """Reserve `amount` (minor units). Raises `GatewayTimeout`."""

    async def find(self, key: str) -> Authorisation | None:
        """What became of an authorisation, or None if the gateway never saw it."""

    async def capture(self, key: str) -> None:
        """Take what was authorised; nothing happens if it was taken before. Raises `GatewayTimeout`."""

    async def void(self, key: str) -> None:
        """Let go of what was authorised and not captured. Raises `GatewayTimeout`."""

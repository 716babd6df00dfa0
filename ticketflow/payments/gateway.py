"""What the ledger asks of a payment gateway.

`key` is the booking's id throughout. A gateway must treat it as an idempotency key: whatever is
asked twice under one key happens once.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class GatewayTimeout(Exception):
    """No answer came in time. The charge may exist or not: `find` tells."""


class GatewayRefused(Exception):
    """The gateway knows nothing of a charge that our books name, as after a change of account there."""


class NotTheGateway(Exception):
    """What claims to be a notice of the gateway's is none."""


@dataclass(frozen=True)
class Authorisation:
    """The gateway's word on a charge. `reason` says why it was declined."""

    approved: bool
    reference: str
    reason: str | None = None


class ChargeStatus(StrEnum):
    """`authorised` -> `captured` -> `refunded`; or `authorised` -> `voided`; or `declined` from the start."""

    AUTHORISED = "authorised"
    CAPTURED = "captured"
    VOIDED = "voided"
    REFUNDED = "refunded"
    DECLINED = "declined"


@dataclass(frozen=True)
class Charge:
    """A charge as the gateway's own books have it. `amount` is in minor units."""

    key: str
    amount: int
    currency: str
    status: ChargeStatus
    created_at: datetime


@dataclass(frozen=True)
class Notice:
    """What the gateway tells by itself: the charge of `key` has ended so. `id` is the notice's own."""

    id: str
    key: str
    status: ChargeStatus


class Gateway(Protocol):
    @property
    def methods(self) -> Mapping[str, str]:
        """The ways to pay that a page can offer, and what they are called; none if only clients know them."""

    @property
    def default_method(self) -> str:
        """How who names no method pays; "" where one must be named."""

    def accepts(self, method: str) -> bool:
        """Whether `method` names a way to pay here."""

    async def authorise(self, key: str, amount: int, currency: str, method: str) -> Authorisation:
        """Reserve `amount` (minor units). Raises `GatewayTimeout`."""

    async def find(self, key: str) -> Authorisation | None:
        """What became of an authorisation, or None if the gateway never saw it."""

    async def capture(self, key: str) -> None:
        """Take what is authorised; nothing happens to a charge that has ended otherwise.
        Raises `GatewayTimeout`, `GatewayRefused`."""

    async def void(self, key: str) -> None:
        """Let go of what was authorised and not captured. Raises `GatewayTimeout`, `GatewayRefused`."""

    async def refund(self, key: str) -> None:
        """End a charge in the payer's favour: give back what was captured, let go of what was only
        authorised. Nothing happens the second time. Raises `GatewayTimeout`, `GatewayRefused`."""

    def recent(self, since: datetime) -> AsyncIterator[Charge]:
        """All charges made at `since` or later, in no order. Raises `GatewayTimeout` while it is read."""

    async def read_notice(self, body: bytes, signature: str) -> Notice | None:
        """What came in at the gateway's own door; None if it is nothing of ours. Raises `NotTheGateway`."""

"""A gateway that moves no money, for demonstrations and tests. It decides by the method's name.

It remembers its charges in a table of its own, as a real gateway does on its own machines: a
ledger that dies between authorising and committing must find the charge again.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from databases import Database

from ticketflow.domain import now
from ticketflow.groups import GroupWriter
from ticketflow.payments.gateway import (
    Authorisation,
    Charge,
    ChargeStatus,
    GatewayTimeout,
    Notice,
    NotTheGateway,
)
from ticketflow.store import charges
from ticketflow.store.charges import ChargeRow

METHODS = {
    "card-ok": "A card that works",
    "card-slow": "A card whose bank takes a few seconds",
    "card-declined": "A card that is declined",
    "card-timeout": "A card whose answer gets lost on the way",
}


class SimulatedGateway:
    """Approves `card-ok` at once and `card-slow` after `slow_seconds`; declines `card-declined`;
    for `card-timeout` it takes the charge and loses the answer."""

    default_method = "card-ok"
    methods: Mapping[str, str] = METHODS

    def __init__(self, database: Database, slow_seconds: float) -> None:
        self._database = database
        self._slow_seconds = slow_seconds
        self._new = GroupWriter[ChargeRow](lambda new: charges.add(database, new))
        self._captured = GroupWriter[str](lambda keys: charges.close(database, keys, "captured"))
        self._voided = GroupWriter[str](lambda keys: charges.close(database, keys, "voided"))
        self._refunded = GroupWriter[str](lambda keys: charges.refund(database, keys))

    def accepts(self, method: str) -> bool:
        return method in METHODS

    async def authorise(self, key: str, amount: int, currency: str, method: str) -> Authorisation:
        if method == "card-slow":
            await asyncio.sleep(self._slow_seconds)
        status = "declined" if method == "card-declined" else "authorised"
        await self._new.add(ChargeRow(key, amount, currency, status, now()))
        if method == "card-timeout":
            raise GatewayTimeout
        return _authorisation(key, status)

    async def find(self, key: str) -> Authorisation | None:
        status = await charges.status(self._database, key)
        return None if status is None else _authorisation(key, status)

    async def capture(self, key: str) -> None:
        await self._captured.add(key)

    async def void(self, key: str) -> None:
        await self._voided.add(key)

    async def refund(self, key: str) -> None:
        await self._refunded.add(key)

    async def recent(self, since: datetime) -> AsyncIterator[Charge]:
        async for row in charges.since(self._database, since):
            yield Charge(row.key, row.amount, row.currency, ChargeStatus(row.status), row.created_at)

    async def read_notice(self, body: bytes, signature: str) -> Notice | None:
        raise NotTheGateway  # it tells nothing by itself


def _authorisation(key: str, status: str) -> Authorisation:
    if status == "declined":
        return Authorisation(False, f"sim_{key[:12]}", "The bank declined the payment.")
    return Authorisation(status in ("authorised", "captured"), f"sim_{key[:12]}")

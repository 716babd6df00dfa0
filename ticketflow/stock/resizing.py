"""What an organiser changes of a stock while it is on sale: how many units a type has, how many one may have.

Each method is one script. The database goes first where units are made, and Redis where they are taken out:
in between, and after a crash there, Redis never has a unit that the database has not.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from redis.asyncio import Redis

from ticketflow.domain import Event, Refusal, TicketType
from ticketflow.stock.keys import StockKeys
from ticketflow.stock.replies import REFUSALS
from ticketflow.stock.scripts import source

Run = tuple[int, int]
"""Units by number, from the first to the last."""


class OtherStock(Exception):
    """Redis does not have the stock that the database has: a rebuild puts it right."""


class Resizing:
    """Changes the stocks of all events on one Redis. Arguments are as those of `Stock`."""

    def __init__(self, redis: "Redis", prefix: str) -> None:
        self._prefix = prefix
        self._scripts = {name: redis.register_script(source(name)) for name in ("shrink", "grow", "limit")}

    async def shrink(self, event: Event, leases: str, kind: TicketType, capacity: int) -> list[Run]:
        """Take free units of the type out, so that it has `capacity`; gives which.

        Raises `Refusal` not_ready, and below_sold with how many are in use; `OtherStock`.
        """
        reply = await self._run(
            "shrink", event, leases, type=kind.id, before=kind.capacity, capacity=capacity, gaps=kind.gaps
        )
        if reply[0] == "below_sold":
            raise below_sold(capacity, int(reply[1]))
        _check(reply)
        flat = reply[1]
        return [(int(first), int(last)) for first, last in zip(flat[::2], flat[1::2], strict=True)]

    async def grow(
        self, event: Event, leases: str, before: TicketType, after: TicketType, runs: Iterable[Run]
    ) -> None:
        """Put these new units for sale. Raises `Refusal` not_ready; `OtherStock`, also if it was done."""
        _check(
            await self._run(
                "grow",
                event,
                leases,
                type=after.id,
                before=before.capacity,
                capacity=after.capacity,
                size=after.size,
                runs=list(runs),
            )
        )

    async def limit(self, event: Event, leases: str) -> None:
        """Let the event's limit a person hold from now on. Who has more keeps it."""
        await self._run("limit", event, leases, limit=event.per_user_limit)

    async def _run(self, script: str, event: Event, leases: str, **ask: Any) -> Any:
        types = [t.id for t in event.ticket_types]
        keys = StockKeys(self._prefix, event.id).script_keys(leases, types)
        return await self._scripts[script](keys=keys, args=[json.dumps({"types": types, **ask})])


def below_sold(capacity: int, in_use: int) -> Refusal:
    """Why a type cannot have as few as that."""
    words = f"{in_use} of these tickets are sold, held or being paid for, so there cannot be only {capacity}."
    return Refusal("below_sold", f"{words} Nothing was changed.", in_use=in_use)


def _check(reply: Sequence[Any]) -> None:
    if reply[0] == "not_ready":
        raise Refusal("not_ready", REFUSALS["not_ready"])
    if reply[0] == "other_stock":
        raise OtherStock

"""An event's stock seen as a whole, and made anew: what the auditor and a rebuild need of Redis."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from ticketflow.domain import Event
from ticketflow.stock.entries import drop_what_is_no_order
from ticketflow.stock.keys import StockKeys
from ticketflow.stock.scripts import source
from ticketflow.stock.stock import free_bits

_SCRIPTS = ("close", "rebuild", "correct")

FIRST_EPOCH = 10**12
"""Epochs are milliseconds, and none is as old as that (2001)."""
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)
_FOREVER = 9e18
_BEYOND = 10**14
"""No epoch or version is so large: the scripts write 14 digits."""

Unit = tuple[int, int, int]
"""Ticket type, user, unit."""


@dataclass(frozen=True)
class StoredHold:
    """A hold as it stands in Redis. `booking` is what it is being paid as; `expires` in microseconds."""

    id: str
    ticket_type_id: int
    user: str
    visitor: str
    units: tuple[int, ...]
    expires: int
    booking: str | None


@dataclass(frozen=True)
class Snapshot:
    """All of an event's stock at one moment. What cannot be read there is None, or in `unreadable`."""

    loaded: bool
    closed: bool
    """It is being rebuilt right now."""
    strange: Mapping[str, str]
    """Epoch, version and end of closing where they are nothing that the scripts write."""
    limit: int | None
    capacity: Mapping[int, int | None]
    size: Mapping[int, int | None]
    """None where the type has lost no units: its size is its capacity."""
    free: Mapping[int, int | None]
    sold: Mapping[int, int | None]
    bits: Mapping[int, bytes]
    holds: Sequence[StoredHold]
    unreadable: Sequence[str]
    expiry: Mapping[str, int]
    taken: Mapping[str, int | None]
    visits: Mapping[str, int | None]
    pending: frozenset[str]
    orders: int


class Inspection:
    """Looks at stock and rebuilds it. Each method is one script; arguments are as those of `Stock`."""

    def __init__(self, redis: "Redis", prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._scripts = {name: redis.register_script(source(name)) for name in _SCRIPTS}
        self._redis = redis
        self._look = source("look")

    async def look(self, event: Event, leases: str) -> Snapshot:
        """The stock as it is at this moment."""
        types = [t.id for t in event.ticket_types]
        keys = StockKeys(self._prefix, event.id).script_keys(leases, types)
        # What somebody wrote there may be no text, so the reply is asked for raw, which Script cannot do.
        reply = await self._redis.execute_command(  # type: ignore[no-untyped-call]
            "EVAL", self._look, len(keys), *keys, json.dumps({"types": types}), NEVER_DECODE=True
        )
        return _snapshot(event, _as_text(reply))

    async def close(self, event: Event, leases: str) -> None:
        """Take no holds until `correct`, or for a minute.

        Keys of a wrong type are deleted: what they held is lost already.
        """
        await self._run("close", event, leases)

    async def rebuild(
        self,
        event: Event,
        leases: str,
        *,
        sold: Mapping[int, Sequence[int]],
        taken: Mapping[int, int],
        committed: Iterable[str],
        cancelled: Sequence[str],
        retry_seconds: int,
    ) -> tuple[int, int]:
        """Make the stock anew, closed: free = all units - `sold` (per type) - holds whose units are free.

        `taken` is what each user has bought, `committed` the bookings among those sold whose hold may still
        stand as paying, `cancelled` those whose units are not sold any more. Gives how many holds were kept
        and how many had to end.
        """
        await drop_what_is_no_order(self._redis, StockKeys(self._prefix, event.id))
        bits = [free_bits(t.size, (*sold.get(t.id, ()), *t.missing())) for t in event.ticket_types]
        kept, ended = await self._run(
            "rebuild",
            event,
            leases,
            *bits,
            limit=event.per_user_limit,
            capacity={str(t.id): t.capacity for t in event.ticket_types},
            size={str(t.id): t.size for t in event.ticket_types},
            gaps={str(t.id): t.gaps for t in event.ticket_types},
            taken={str(user_id): count for user_id, count in taken.items()},
            committed=dict.fromkeys(committed, True),
            cancelled=cancelled,
            retry_seconds=retry_seconds,
        )
        return int(kept), int(ended)

    async def correct(
        self,
        event: Event,
        leases: str,
        sold: Iterable[Unit],
        freed: Iterable[Unit],
        cancelled: Sequence[str],
    ) -> int:
        """Tell a stock just rebuilt what was sold and given back meanwhile, and open it. Gives how many units
        were put right."""
        as_text = {
            name: [(type_id, str(user), unit) for type_id, user, unit in units]
            for name, units in (("sold", sold), ("freed", freed))
        }
        return int(await self._run("correct", event, leases, cancelled=cancelled, **as_text))

    async def _run(self, script: str, event: Event, leases: str, *args: bytes, **ask: Any) -> Any:
        types = [t.id for t in event.ticket_types]
        keys = StockKeys(self._prefix, event.id).script_keys(leases, types)
        return await self._scripts[script](keys=keys, args=[json.dumps({"types": types, **ask}), *args])


def _snapshot(event: Event, reply: Sequence[Any]) -> Snapshot:
    at, closed, stock, holds, expiry, taken, visits, pending, orders, bits = reply
    fields = _pairs(stock)
    types = [t.id for t in event.ticket_types]
    read = {hold_id: _hold(hold_id, stored) for hold_id, stored in _pairs(holds).items()}
    return Snapshot(
        loaded="epoch" in fields,
        closed=closed == 1,
        strange=_strange(fields, int(at)),
        limit=_whole(fields.get("limit")),
        capacity={t: _whole(fields.get(f"capacity:{t}")) for t in types},
        size={t: _whole(fields.get(f"size:{t}")) for t in types},
        free={t: _whole(fields.get(f"free:{t}")) for t in types},
        sold={t: _whole(fields.get(f"sold:{t}")) for t in types},
        bits=dict(zip(types, map(bytes.fromhex, bits), strict=True)),
        holds=[hold for hold in read.values() if hold],
        unreadable=[hold_id for hold_id, hold in read.items() if not hold],
        expiry={hold_id: _micros(ends) for hold_id, ends in _pairs(expiry).items()},
        taken={user: _whole(count) for user, count in _pairs(taken).items()},
        visits={visitor: _whole(count) for visitor, count in _pairs(visits).items()},
        pending=frozenset(pending),
        orders=int(orders),
    )


def _hold(hold_id: str, stored: str) -> StoredHold | None:
    """The hold, or None if it is none: somebody may have written there by hand."""
    try:
        body = json.loads(stored)
        return StoredHold(
            id=hold_id,
            ticket_type_id=int(body["type"]),
            user=str(body["user"]),
            visitor=str(body["visitor"]),
            units=tuple(int(unit) for unit in body["units"]),
            expires=int(body["expires"]),
            booking=str(body["booking"]) if body["state"] == "paying" else None,
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and _WHOLE.fullmatch(text) else None


def _micros(score: str) -> int:
    """A time in a sorted set, where `inf` is one too."""
    return int(max(-_FOREVER, min(_FOREVER, float(score))))


def _strange(fields: Mapping[str, str], at: int) -> dict[str, str]:
    """The fields of time and order that are nonsense; `at` is now. A rebuild that died leaves `closed_until`
    in the past."""
    bounds = {"epoch": (FIRST_EPOCH, _BEYOND), "version": (0, _BEYOND), "closed_until": (0, at + 1)}
    found = {}
    for name, (least, end) in bounds.items():
        value = _whole(fields.get(name))
        absent_well = name == "closed_until" and name not in fields
        if not absent_well and (value is None or not least <= value < end):
            found[name] = fields.get(name, "none")
    return found


def _as_text(reply: Any) -> Any:
    """A raw reply as text; a byte that is none stands there as its escape."""
    if isinstance(reply, bytes):
        return reply.decode("utf-8", "backslashreplace")
    return [_as_text(part) for part in reply] if isinstance(reply, list) else reply


def _pairs(flat: Sequence[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))

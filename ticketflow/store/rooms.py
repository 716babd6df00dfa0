"""What the database keeps of each waiting room, so that it can come back after Redis is lost."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from databases import Database
from sqlalchemy import insert, select, update

from ticketflow.domain import Refusal, User, now
from ticketflow.store.ownership import of_event_seen_to_by
from ticketflow.store.tables import rooms


@dataclass(frozen=True)
class RoomRecord:
    event_id: int
    mode: str
    rate_per_minute: int
    max_active: int
    message: str
    manual: bool
    """The organiser set the mode by hand: the schedule no longer opens the doors."""
    epoch: int
    """How often the room was put into Redis; 0 before the first time."""
    frontier: int
    seed: bytes = field(repr=False)
    """The draw's secret: nobody may see it before the doors have opened."""
    account_key: bytes = field(repr=False)
    """Makes visitors of accounts in this room; never public, unlike the seed."""
    closed_for: datetime | None = None
    """The end of the sale that it was closed for: another end closes it again."""


async def create(
    database: Database,
    event_id: int,
    *,
    mode: str,
    rate_per_minute: int,
    max_active: int,
    seed: bytes,
    account_key: bytes,
) -> None:
    row = {
        "event_id": event_id,
        "mode": mode,
        "rate_per_minute": rate_per_minute,
        "max_active": max_active,
        "message": "",
        "manual": False,
        "epoch": 0,
        "frontier": 0,
        "seed": seed.hex(),
        "account_key": account_key.hex(),
        "updated_at": now(),
    }
    await database.execute(insert(rooms).values(row))


async def by_event(database: Database, event_id: int) -> RoomRecord | None:
    row = await database.fetch_one(select(rooms).where(rooms.c.event_id == event_id))
    return _record(row) if row else None


async def of_own_event(database: Database, event_id: int, actor: User) -> RoomRecord:
    """The same of an event that the actor sees to. Raises `Refusal` not_found."""
    this = of_event_seen_to_by(actor, rooms.c.event_id, event_id)
    row = await database.fetch_one(select(rooms).where(this))
    if row is None:
        raise Refusal("not_found", "There is no such event of yours.")
    return _record(row)


async def change(database: Database, event_id: int, **values: Any) -> None:
    """Keep the named columns: mode, rate_per_minute, max_active, message, manual, epoch, frontier and
    closed_for."""
    await database.execute(
        update(rooms).where(rooms.c.event_id == event_id).values(**values, updated_at=now())
    )


async def steer(database: Database, event_id: int, actor: User, **levers: Any) -> None:
    """The same by hand, of an event that the actor sees to. Raises `Refusal` not_found.

    In a transaction: the row is locked until it ends.
    """
    this = of_event_seen_to_by(actor, rooms.c.event_id, event_id)
    if await database.fetch_one(select(rooms.c.event_id).where(this).with_for_update()) is None:
        raise Refusal("not_found", "There is no such event of yours.")
    await database.execute(update(rooms).where(this).values(**levers, updated_at=now()))


async def note_opened(database: Database, event_id: int) -> None:
    """Keep that the doors have opened, before anybody is told the seed: a frontier of at least 1."""
    unnoted = (rooms.c.event_id == event_id) & (rooms.c.frontier < 1)
    await database.execute(update(rooms).where(unnoted).values(frontier=1, updated_at=now()))


def _record(row: Any) -> RoomRecord:
    return RoomRecord(
        event_id=row["event_id"],
        mode=row["mode"],
        rate_per_minute=row["rate_per_minute"],
        max_active=row["max_active"],
        message=row["message"],
        manual=bool(row["manual"]),
        epoch=row["epoch"],
        frontier=row["frontier"],
        seed=bytes.fromhex(row["seed"]),
        account_key=bytes.fromhex(row["account_key"]),
        closed_for=row["closed_for"],
    )

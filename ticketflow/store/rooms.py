"""What the database keeps of each waiting room, so that it can come back after Redis is lost."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from databases import Database
from sqlalchemy import insert, select, update

from ticketflow.domain import Refusal, User, now
from ticketflow.store import autopilots
from ticketflow.store.called_off import is_called_off
from ticketflow.store.ownership import of_event_seen_to_by
from ticketflow.store.tables import called_off, rooms


class StaleRevision(Exception):
    """The levers were moved since the revision that a change was made against."""


@dataclass(frozen=True)
class RoomRecord:
    event_id: int
    mode: str
    rate_per_minute: int
    max_active: int
    message: str
    revision: int
    """How often the levers were moved."""
    manual: bool
    """The organiser set the mode by hand: the schedule no longer opens the doors."""
    epoch: int
    """How often the room was put into Redis; 0 before the first time."""
    frontier: int
    seed: bytes = field(repr=False)
    """The draw's secret: nobody may see it before the doors have opened."""
    account_key: bytes = field(repr=False)
    """Makes visitors of accounts in this room; never public, unlike the seed."""
    tally: str = ""
    """What it had counted; `waiting_room.Tally.text`."""
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
    """What is kept of the event's room. Of an event that is called off it is closed, whatever a worker that
    has not heard of it yet keeps of the room in Redis."""
    off = select(called_off.c.event_id).where(called_off.c.event_id == event_id).exists()
    row = await database.fetch_one(select(rooms, off.label("off")).where(rooms.c.event_id == event_id))
    return _record(row, off=row["off"]) if row else None


async def of_own_event(database: Database, event_id: int, actor: User) -> RoomRecord:
    """The same of an event that the actor sees to. Raises `Refusal` not_found."""
    this = of_event_seen_to_by(actor, rooms.c.event_id, event_id)
    row = await database.fetch_one(select(rooms).where(this))
    if row is None:
        raise Refusal("not_found", "There is no such event of yours.")
    return _record(row)


async def change(database: Database, event_id: int, **values: Any) -> None:
    """Keep the named columns: mode, rate_per_minute, max_active, message, manual, epoch, frontier, tally and
    closed_for."""
    await database.execute(
        update(rooms).where(rooms.c.event_id == event_id).values(**values, updated_at=now())
    )


async def lock(database: Database, event_id: int, actor: User, seen: int | None = None) -> RoomRecord:
    """The room of an event that the actor sees to, for them alone until the transaction ends.

    Raises `Refusal` not_found, and StaleRevision if it was steered since the revision they have `seen`.
    """
    this = of_event_seen_to_by(actor, rooms.c.event_id, event_id)
    row = await database.fetch_one(select(rooms).where(this).with_for_update())
    if row is None:
        raise Refusal("not_found", "There is no such event of yours.")
    if seen is not None and seen != row["revision"]:
        raise StaleRevision
    return _record(row)


async def steer(
    database: Database, event_id: int, actor: User, *, seen: int | None = None, **levers: Any
) -> int:
    """Change columns by hand, and give the revision that this makes. In a transaction; raises what `lock`
    raises, and `Refusal` called_off."""
    revision = (await lock(database, event_id, actor, seen)).revision + 1
    if await is_called_off(database, event_id):
        raise Refusal("called_off", "This event is called off: its room stays closed. Nothing was changed.")
    this = of_event_seen_to_by(actor, rooms.c.event_id, event_id) & (rooms.c.revision == revision - 1)
    await database.execute(update(rooms).where(this).values(**levers, revision=revision, updated_at=now()))
    await autopilots.hand_back_by_lever(database, event_id, actor, levers)
    return revision


async def note_opened(database: Database, event_id: int) -> None:
    """Keep that the doors have opened, before anybody is told the seed: a frontier of at least 1."""
    unnoted = (rooms.c.event_id == event_id) & (rooms.c.frontier < 1)
    await database.execute(update(rooms).where(unnoted).values(frontier=1, updated_at=now()))


def _record(row: Any, *, off: bool = False) -> RoomRecord:
    return RoomRecord(
        event_id=row["event_id"],
        mode="closed" if off else row["mode"],
        rate_per_minute=row["rate_per_minute"],
        max_active=row["max_active"],
        message=row["message"],
        revision=row["revision"],
        manual=bool(row["manual"]),
        epoch=row["epoch"],
        frontier=row["frontier"],
        seed=bytes.fromhex(row["seed"]),
        account_key=bytes.fromhex(row["account_key"]),
        tally=row["tally"] or "",
        closed_for=row["closed_for"],
    )

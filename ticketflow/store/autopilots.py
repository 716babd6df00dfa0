"""What organisers ask of the autopilot, and what it did: written together with the room that it moves.

Whoever moves a room's rate or mode holds its row until all of it is written. So a move of the autopilot and
an organiser's change come one after the other, and after the organiser's there is no autopilot any more.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from databases import Database
from sqlalchemy import insert, select, true, update

from ticketflow.domain import Refusal, User, now
from ticketflow.store import audit
from ticketflow.store.ownership import of_event_seen_to_by
from ticketflow.store.tables import autopilots, rooms

BY_HAND = ("rate_per_minute", "mode")
"""The levers whose change hands back."""
BASIS_POINTS = 10_000


@dataclass(frozen=True)
class Asked:
    """The bounds of the rate, and the targets of the bookings."""

    low: int
    high: int
    target_p95_ms: int
    target_error_rate: float


@dataclass(frozen=True)
class Autopilot:
    """An event's, engaged or handed back, and why it did what it did last."""

    event_id: int
    engaged: bool
    asked: Asked
    switched_on_by: int
    why: str
    moved_at: datetime | None
    cut_at: datetime | None
    rate_per_minute: int
    """The room's, as it is written down."""


_AUTOPILOTS = select(autopilots, rooms.c.rate_per_minute).join_from(
    autopilots, rooms, autopilots.c.event_id == rooms.c.event_id
)


async def by_event(database: Database, event_id: int) -> Autopilot | None:
    """None if it was never switched on."""
    row = await database.fetch_one(_AUTOPILOTS.where(autopilots.c.event_id == event_id))
    return _read(row) if row else None


async def engaged(database: Database) -> list[Autopilot]:
    """All that fly."""
    rows = await database.fetch_all(_AUTOPILOTS.where(autopilots.c.engaged == true()))
    return [_read(row) for row in rows]


async def switch_on(database: Database, event_id: int, actor: User, asked: Asked) -> None:
    """Let it fly, or go on by other bounds and targets. Raises `Refusal` not_found."""
    async with database.transaction():
        await _lock(database, event_id, actor)
        before = await by_event(database, event_id)
        row = {
            "engaged": True,
            "low": asked.low,
            "high": asked.high,
            "target_p95_ms": asked.target_p95_ms,
            "target_error_basis_points": round(asked.target_error_rate * BASIS_POINTS),
            "switched_on_by": actor.id,
            "why": "",
            "moved_at": None,
            "cut_at": None,
        }
        if before is None:
            await database.execute(insert(autopilots).values(event_id=event_id, **row))
        else:
            await database.execute(_of(event_id).values(**row))
        await audit.record(
            database,
            actor_id=actor.id,
            event_id=event_id,
            action="autopilot.on",
            before=asdict(before.asked) if before and before.engaged else None,
            after=asdict(asked),
        )


async def switch_off(database: Database, event_id: int, actor: User) -> None:
    """Hand back. An act on record also where there was nothing to hand back. Raises `Refusal` not_found."""
    async with database.transaction():
        await _lock(database, event_id, actor)
        await _hand_back(database, event_id, actor, f"Handed back by {actor.name}.")


async def hand_back_by_lever(database: Database, event_id: int, actor: User, levers: dict[str, Any]) -> None:
    """Hand back if a lever is moved that the autopilot moves. In a transaction that holds the room's row."""
    if moved := [name for name in BY_HAND if name in levers]:
        flies = await by_event(database, event_id)
        if flies and flies.engaged:
            word = "rate" if "rate_per_minute" in moved else "mode"
            await _hand_back(database, event_id, actor, f"Handed back: {actor.name} set the {word}.")


async def _hand_back(database: Database, event_id: int, actor: User, why: str) -> None:
    flies = autopilots.c.engaged == true()
    await database.execute(_of(event_id).where(flies).values(engaged=False, why=why, moved_at=now()))
    await audit.record(
        database, actor_id=actor.id, event_id=event_id, action="autopilot.off", after={"why": why}
    )


async def hold_room(database: Database, event_id: int) -> int | None:
    """Hold the room's row until the transaction ends. Its rate; None if the autopilot has it no more."""
    await database.fetch_one(select(rooms.c.event_id).where(rooms.c.event_id == event_id).with_for_update())
    still = await by_event(database, event_id)
    return still.rate_per_minute if still and still.engaged else None


async def note_move(
    database: Database, autopilot: Autopilot, rate: int, why: str, *, at: datetime, cut: bool
) -> None:
    """Write a move down, with its audit row. In the transaction of `hold_room`."""
    event_id, patience = autopilot.event_id, {"cut_at": at} if cut else {}
    await database.execute(
        update(rooms).where(rooms.c.event_id == event_id).values(rate_per_minute=rate, updated_at=now())
    )
    await database.execute(_of(event_id).values(why=why, moved_at=at, **patience))
    await audit.record(
        database,
        actor_id=autopilot.switched_on_by,
        event_id=event_id,
        action="autopilot.rate",
        before={"rate_per_minute": autopilot.rate_per_minute},
        after={"rate_per_minute": rate, "why": why},
    )


async def _lock(database: Database, event_id: int, actor: User) -> None:
    this = of_event_seen_to_by(actor, rooms.c.event_id, event_id)
    if await database.fetch_one(select(rooms.c.event_id).where(this).with_for_update()) is None:
        raise Refusal("not_found", "There is no such event of yours.")


def _of(event_id: int) -> Any:
    return update(autopilots).where(autopilots.c.event_id == event_id)


def _read(row: Any) -> Autopilot:
    asked = Asked(
        low=row["low"],
        high=row["high"],
        target_p95_ms=row["target_p95_ms"],
        target_error_rate=row["target_error_basis_points"] / BASIS_POINTS,
    )
    return Autopilot(
        event_id=row["event_id"],
        engaged=bool(row["engaged"]),
        asked=asked,
        switched_on_by=row["switched_on_by"],
        why=row["why"],
        moved_at=row["moved_at"],
        cut_at=row["cut_at"],
        rate_per_minute=row["rate_per_minute"],
    )

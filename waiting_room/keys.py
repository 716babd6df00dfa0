"""The names of a room's keys in Redis: the one place that knows them."""

from __future__ import annotations

from dataclasses import dataclass, fields

CHANNELS = ("frames", "moves")


@dataclass(frozen=True)
class RoomKeys:
    """All keys of one room. They share a hash tag, so that one script may touch them all in a cluster."""

    room: str
    """Hash: policy, epoch, version, token bucket, totals. Without it the room is lost."""
    waiting: str
    """Sorted set: visitor -> order."""
    called: str
    """Sorted set: visitor -> end of their time to claim, unix microseconds."""
    active: str
    """Sorted set: visitor -> end of their lease, unix microseconds. Others may read it as the lease table."""
    missed: str
    """Sorted set: visitor -> end of their time to return, unix microseconds. Kept a day longer."""
    away: str
    """Hash: waiting visitor without a live page -> since when, unix seconds in 4 bytes."""
    done: str
    """Sorted set: visitor -> when they finished, unix microseconds. Kept a day."""
    left: str
    """Sorted set: visitor -> when they gave their place up, unix microseconds. Kept a day."""
    admissions: str
    """Hash: unix second -> how many were called in it, over the last minute."""
    joins: str
    """Hash: source of joins -> how many new places it took of late (lua/limits.lua). Kept some minutes."""
    joins_before: str
    """Hash: the same, of the minutes before those in `joins`."""
    draw: str
    """Text: who entered the lobby's draw, a visitor a line, only ever appended to. Kept 30 days after it."""
    tally: str
    """Hash: what has happened so far, and how long people waited (lua/tally.lua)."""
    turns: str
    """Hash: called visitor -> the order they had in the line, so that a drain can give it back."""
    journal: str
    """Stream: whose turn came and what became of it, until its reader has it (lua/journal.lua). Absent where
    nobody keeps it."""
    frames: str
    """The channel the frames are published on; no key."""
    moves: str
    """The channel that names each visitor who came in, is done or has left; no key."""

    @classmethod
    def of(cls, prefix: str, name: str) -> RoomKeys:
        """The keys of room `name`. Raises ValueError for a name that would break the hash tag."""
        if not name or "{" in name or "}" in name:
            raise ValueError(f"not a room's name: {name!r}")
        base = f"{prefix}:{{{name}}}:"
        return cls(*(base + field.name for field in fields(cls)))

    @property
    def touched(self) -> tuple[str, ...]:
        """Every key, in the order in which lua/room.lua binds them. The channels are none."""
        return tuple(getattr(self, field.name) for field in fields(self) if field.name not in CHANNELS)

"""The Lua scripts, read from package data and registered with a client."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis

from .errors import REFUSALS
from .keys import RoomKeys

SHARED: Mapping[str, tuple[str, ...]] = {
    "ensure": ("room", "journal"),
    "join": ("room", "tally", "journal", "fans", "admission", "limits"),
    "look": ("room", "tally", "journal", "fans"),
    "claim": ("room", "tally", "journal", "fans"),
    "renew": ("room", "tally", "journal", "fans"),
    "leave": ("room", "tally", "journal", "fans"),
    "finish": ("room", "tally", "journal", "fans"),
    "presence": ("room", "tally", "journal", "fans"),
    "steer": ("room", "tally", "journal", "admission"),
    "extend": ("room",),
    "schedule": ("room",),
    "note": ("room",),
    "begin": ("room", "journal"),
    "snapshot": ("room", "frame"),
    "figures": ("room", "frame"),
    "tick": ("room", "tally", "journal", "fans", "admission", "frame"),
}
"""Each command, and the files of functions that go before it."""


@cache
def source(command: str) -> str:
    """The full text of a command's script: the functions it shares with others, then itself."""
    folder = files("waiting_room") / "lua"
    names = (*SHARED[command], command)
    return "\n".join((folder / f"{name}.lua").read_text(encoding="utf-8") for name in names)


class Scripts:
    """A room's commands, each run as one script on one Redis."""

    def __init__(self, redis: Redis, keys: RoomKeys) -> None:
        # As bytes, or the client would encode all of them anew for each call.
        self._keys = [key.encode() for key in keys.touched]
        self._registered = {command: redis.register_script(source(command)) for command in SHARED}

    async def run(self, command: str, *args: str | int | float) -> list[Any]:
        """Run a command and give what it answers after its "ok". Raises what stands for any other code."""
        code, *answer = await self._registered[command](keys=self._keys, args=args)
        if code != "ok":
            raise REFUSALS[code](code.replace("_", " "), *answer)
        return list(answer)

"""A room per test, on the session's Valkey."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from redis.asyncio import Redis

from waiting_room import Mode, RoomPolicy, WaitingRoom

from .door import open_shop

MakeRoom = Callable[..., Awaitable[WaitingRoom]]


@pytest.fixture
def make_room(redis: Redis, prefix: str) -> MakeRoom:
    """Make a room with the given policy; unless told otherwise open, 600 a minute (5 a tick), cap 100."""

    async def make(**policy: Any) -> WaitingRoom:
        room = WaitingRoom(redis, "event:42", secrets=["new", "old"], prefix=prefix, seed=b"seed")
        given: dict[str, Any] = {"mode": Mode.OPEN, "rate_per_minute": 600, "max_active": 100}
        assert await room.ensure(RoomPolicy(**given | policy), epoch=1)
        return room

    return make


@pytest.fixture
async def shop(redis: Redis, prefix: str) -> SimpleNamespace:
    """A shop with a door that lets one in at a time: its app, door and room."""
    return await open_shop(redis, prefix)

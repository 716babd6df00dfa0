"""A stall per test."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.stock.stall import Stall, event_of

MakeStall = Callable[..., Awaitable[Stall]]


@pytest.fixture
def make_stall(redis: Redis, prefix: str) -> MakeStall:
    """Make a stall and load it: 10 standing and no seats unless told otherwise, 4 a person."""

    async def make(capacity: int = 10, seats: int = 0, **event: Any) -> Stall:
        stall = Stall(redis, prefix, event_of(capacity, seats, **event))
        assert await stall.load()
        return stall

    return make

"""Rooms with as many waiting as wanted, and what Redis says they cost."""

from __future__ import annotations

import secrets
from collections import Counter

from redis.asyncio import Redis

from waiting_room import Mode, RoomPolicy, WaitingRoom
from waiting_room.scripts import source

SECRET = "a secret for the bench"
AT_ONCE = 2_000


async def room_with(redis: Redis, name: str, waiting: int, *, rate_per_minute: int) -> WaitingRoom:
    """An open room with `waiting` in line, each put there by the script that a join over HTTP runs.

    They came by polls, so all of them are away; nobody is away too long to be called.
    """
    room = WaitingRoom(redis, name, secrets=[SECRET], prefix="bench")
    policy = RoomPolicy(Mode.OPEN, rate_per_minute, 0, away_seconds=86_400, tick_seconds=0.6)
    await room.ensure(policy, epoch=1, journal=True)
    join = redis.register_script(source("join"))
    for already in range(0, waiting, AT_ONCE):
        async with redis.pipeline(transaction=False) as joins:
            for _ in range(min(AT_ONCE, waiting - already)):
                await join(keys=room.keys.touched, args=[secrets.token_urlsafe(10), 0, 0, 0, 0], client=joins)
            await joins.execute()
    await room.steer(max_active=1_000_000)
    return room


async def make_due(redis: Redis, room: WaitingRoom) -> None:
    """Let the next tick be a full one: due, with a full bucket and a rank map. Nobody called is left over."""
    await redis.delete(room.keys.called)
    await redis.hset(room.keys.room, mapping={"ticked_at": 0, "mapped_at": 0, "refilled_at": 0})


async def commands_run(redis: Redis) -> Counter[str]:
    """How often each command has run on the server since it started, inside scripts or not."""
    stats = await redis.info("commandstats")
    return Counter({name.removeprefix("cmdstat_"): each["calls"] for name, each in stats.items()})


async def commands_of_a_tick(redis: Redis, room: WaitingRoom) -> Counter[str]:
    """Each command that one full tick runs. Nobody else may use the server meanwhile."""
    await make_due(redis, room)
    before = await commands_run(redis)
    frame = await room.tick()
    assert frame is not None
    assert frame.ranks is not None
    # What is counted includes the count before it.
    return await commands_run(redis) - before - Counter({"info": 1})


async def bytes_in_redis(redis: Redis, room: WaitingRoom) -> dict[str, int]:
    """What each key of the room takes, every entry counted, by the name of its field in RoomKeys."""
    sizes = {key: await redis.memory_usage(key, samples=0) or 0 for key in room.keys.touched}
    return {key.rpartition(":")[2]: size for key, size in sizes.items()}

"""A thousand waiting against a million: commands of a tick, memory, calling 10,000, join and look."""

from __future__ import annotations

from functools import partial
from typing import Any

from redis.asyncio import Redis

from waiting_room import Place, WaitingRoom
from waiting_room.places import Signer

from .common import Measure, seconds, taking_turns
from .line import SECRET, bytes_in_redis, commands_of_a_tick, make_due, room_with

FEW, MANY = 1_000, 1_000_000
CALLED = 10_000
RATE = 1_000_000
"""A minute. With ticks of 0.6 s it makes a budget of CALLED."""
ROUNDS = 9
CALLS = 300


async def measures(redis: Redis, many: int = MANY) -> list[Measure]:
    """All figures of this file. `redis` is a server of its own, with nothing else on it."""
    # What is deleted between two rounds must not be freed by another thread during the next.
    await redis.config_set("lazyfree-lazy-user-del", "no")
    few_room = await room_with(redis, "few", FEW, rate_per_minute=6_000)
    empty = (await redis.info("memory"))["used_memory"]
    many_room = await room_with(redis, "many", many, rate_per_minute=6_000)
    return [
        *await memory(redis, many_room, many, empty),
        *await join_and_look(redis, few_room, many_room),
        *await commands(redis, few_room, many_room),
        *await calling(redis, many_room),
    ]


async def memory(redis: Redis, room: WaitingRoom, many: int, empty: int) -> list[Measure]:
    sizes = await bytes_in_redis(redis, room)
    grown = (await redis.info("memory"))["used_memory"] - empty
    each = sum(sizes.values()) / many
    return [
        Measure("bytes a fan, all of them away", each, most=140, note="MEMORY USAGE of every key"),
        Measure("bytes a fan, nobody away", each - sizes["away"] / many, most=140),
        Measure("bytes a fan, by used_memory", grown / many, most=140, note="how much the server grew"),
    ]


async def commands(redis: Redis, few_room: WaitingRoom, many_room: WaitingRoom) -> list[Measure]:
    # The first tick brings its script with it.
    await few_room.tick()
    few, many = [await commands_of_a_tick(redis, room) for room in (few_room, many_room)]
    different = sum(((few - many) + (many - few)).values())
    note = f"{many.total()} in each, called from one EVALSHA" if not different else f"{few} against {many}"
    return [
        # The tick, and what its pilots have measured (lua/note.lua).
        Measure("commands sent for a tick", many["evalsha"], most=2),
        Measure(f"commands of a tick that {FEW:,} and a million differ by", different, most=0, note=note),
    ]


async def calling(redis: Redis, room: WaitingRoom) -> list[Measure]:
    """A tick that calls 10,000 against ZPOPMIN of as many from the same line, by the same client."""
    await room.steer(rate_per_minute=RATE)

    async def tick() -> float:
        await make_due(redis, room)
        took = await seconds(room.tick)
        assert await redis.zcard(room.keys.called) == CALLED
        return took

    pop = partial(seconds, partial(redis.zpopmin, room.keys.waiting, CALLED))
    found = []
    for who in ("all of them away", "nobody away"):
        turns = await taking_turns(ROUNDS, tick, pop)
        note = f"{turns.of(0) * 1e3:.1f} ms against {turns.of(1) * 1e3:.1f} ms"
        found.append(Measure(f"calling {CALLED:,}, {who}, in ZPOPMINs", turns.ratio(0, 1), most=3, note=note))
        await redis.delete(room.keys.away)
    return found


async def join_and_look(redis: Redis, few_room: WaitingRoom, many_room: WaitingRoom) -> list[Measure]:
    """What joining and looking cost in a long line, in what they cost in a short one."""
    found = []
    for name, cost in (("join", _join_cost), ("look", _look_cost)):
        turns = await taking_turns(ROUNDS, partial(cost, redis, few_room), partial(cost, redis, many_room))
        note = f"{turns.of(1):.1f} µs against {turns.of(0):.1f} µs of the server's time"
        found.append(
            Measure(f"{name} with a million, in {name}s with {FEW:,}", turns.ratio(1, 0), most=1.3, note=note)
        )
    return found


async def _join_cost(redis: Redis, room: WaitingRoom) -> float:
    """The server's microseconds for one join. The client's own would hide what the line's length does."""
    before = await _server_time(redis)
    joined = [await room.join() for _ in range(CALLS)]
    took = await _server_time(redis) - before
    for standing in joined:
        await room.leave(standing.ticket)
    return took / CALLS


async def _look_cost(redis: Redis, room: WaitingRoom) -> float:
    """The server's microseconds for one look, by fans from all over the line."""
    signer = Signer([SECRET], room.name)
    fans: Any = await redis.zrandmember(room.keys.waiting, CALLS)
    orders: Any = await redis.zmscore(room.keys.waiting, fans)
    tickets = [signer.ticket(Place(fan, int(order), 1)) for fan, order in zip(fans, orders, strict=True)]
    before = await _server_time(redis)
    for ticket in tickets:
        await room.look(ticket, present=False)
    return (await _server_time(redis) - before) / CALLS


async def _server_time(redis: Redis) -> float:
    """The microseconds of processor time that the server's one thread has taken so far."""
    used = await redis.info("cpu")
    return float(used["used_cpu_user_main_thread"] + used["used_cpu_sys_main_thread"]) * 1e6

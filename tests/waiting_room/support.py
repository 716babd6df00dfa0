"""What the room's tests share: moving time, filling a line, taking a guard out."""

from typing import Any

from redis.asyncio import Redis

from waiting_room import Promise, WaitingRoom
from waiting_room.pilots import Pilots
from waiting_room.promise import Window
from waiting_room.scripts import source

TIMES = [
    "refilled_at",
    "ticked_at",
    "mapped_at",
    "steered_at",
    "slowed_at",
    "opened_at",
    "recover_until",
    "opens_at",
    "lobby_at",
    "extended_at",
]

# Moved where they are: there may be a thousand, and those who are away are bytes that are no text.
MOMENTS_EARLIER = """
for _, key in ipairs(KEYS) do
  local entries = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  for i = 1, #entries, 2 do
    redis.call('ZADD', key, string.format('%.0f', entries[i + 1] - ARGV[1]), entries[i])
  end
end
"""
AWAY_EARLIER = """
local away = redis.call('HGETALL', KEYS[1])
for i = 1, #away, 2 do
  redis.call('HSET', KEYS[1], away[i], struct.pack('>I4', struct.unpack('>I4', away[i + 1]) - ARGV[1]))
end
"""


async def travel(redis: Redis, room: WaitingRoom, seconds: float) -> None:
    """Let time pass for a room: everything it remembers happened, and is due, that much earlier."""
    shift = round(seconds * 1_000_000)
    keys = room.keys
    moments: dict[Any, Any] = await redis.hgetall(keys.room)
    counts: dict[Any, Any] = await redis.hgetall(keys.admissions)
    pilots = Pilots.parse(moments["pilots"])
    _shift(pilots, -seconds)
    async with redis.pipeline() as changes:
        changes.hset(keys.room, "pilots", pilots.text())
        changes.hset(
            keys.room, mapping={name: int(moments[name]) - shift for name in TIMES if int(moments[name])}
        )
        changes.delete(keys.admissions)
        for second, count in counts.items():
            changes.hincrby(keys.admissions, str(int(second) - round(seconds)), int(count))
        changes.eval(MOMENTS_EARLIER, 3, keys.called, keys.active, keys.missed, shift)
        changes.eval(AWAY_EARLIER, 1, keys.away, round(seconds))
        await changes.execute()


def _shift(pilots: Pilots, seconds: float) -> None:
    pilots.measures.at += seconds
    for pilot in pilots.pilots:
        told = pilot.promise
        window = told.window and Window(told.window.low + seconds, told.window.high + seconds)
        moved_at = told.moved_at and told.moved_at + seconds
        pilot.promise = Promise(told.at + seconds, window, told.slower, moved_at)
        for note in pilot.notes:
            note.at, note.low, note.high = note.at + seconds, note.low + seconds, note.high + seconds


async def stand_in_line(redis: Redis, room: WaitingRoom, count: int) -> list[str]:
    """Put visitors into the line without the ceremony; they are named by their order."""
    names = [f"fan-{n:06}" for n in range(count)]
    first = 1_700_000_000_000_000
    await redis.zadd(room.keys.waiting, {name: first + n for n, name in enumerate(names)})
    return names


async def miss_turn(redis: Redis, room: WaitingRoom, visitor: str) -> None:
    """Take a waiting visitor out of the line as one who was called and did not come, a moment ago."""
    seconds, microseconds = await redis.time()
    policy = await room.policy()
    return_by = seconds * 1_000_000 + microseconds + policy.return_seconds * 1_000_000
    assert await redis.zrem(room.keys.waiting, visitor) == 1
    await redis.zadd(room.keys.missed, {visitor: return_by})


def take_out(redis: Redis, room: WaitingRoom, command: str, guard: str, instead: str = "") -> None:
    """Run a command of this room without one of its guards, to see that a test misses it."""
    text = source(command)
    assert text.count(guard) == 1, f"{command} has no such guard any more: {guard}"
    room._scripts._registered[command] = redis.register_script(text.replace(guard, instead))

"""A process that ticks one room until it is killed: `python -m tests.live.ticker URL PREFIX NAME`.

In the tick's own script it also publishes the true ranks of those who are watched: no other moment is the
frame's moment.
"""

import asyncio
import sys

from redis.asyncio import Redis

from waiting_room import WaitingRoom
from waiting_room.scripts import source

SECRETS = ["secret"]
PUBLISH = "redis.call('PUBLISH', channel, text)"
WITH_TRUTH = (
    PUBLISH
    + """
local truth = {}
for _, visitor in ipairs(redis.call('SMEMBERS', waiting_key .. ':watched')) do
  truth[visitor] = redis.call('ZRANK', waiting_key, visitor) or nil
end
redis.call('PUBLISH', channel .. ':truth', cjson.encode(truth))
"""
)


def room_of(redis: Redis, prefix: str, name: str) -> WaitingRoom:
    return WaitingRoom(redis, name, secrets=SECRETS, prefix=prefix)


async def tick_for_ever(url: str, prefix: str, name: str) -> None:
    redis = Redis.from_url(url, decode_responses=True)
    room = room_of(redis, prefix, name)
    text = source("tick")
    assert text.count(PUBLISH) == 1
    room._scripts._registered["tick"] = redis.register_script(text.replace(PUBLISH, WITH_TRUTH))
    pause = (await room.policy()).tick_seconds
    while True:
        await room.tick()
        await asyncio.sleep(pause)


if __name__ == "__main__":
    asyncio.run(tick_for_ever(*sys.argv[1:]))

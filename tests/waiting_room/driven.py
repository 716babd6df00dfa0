"""A room on real Valkey whose clock the test sets: its scripts are changed only where they read it."""

from redis.asyncio import Redis

from waiting_room import WaitingRoom
from waiting_room.scripts import SHARED, source

CLOCK = "redis.call('TIME')"
SECRETS = ["secret"]
SEED = b"seed"


class DrivenRoom(WaitingRoom):
    """`set_clock` says what time it is. `mutations` take guards out: {command: (guard, replacement)}."""

    def __init__(
        self, redis: Redis, name: str, prefix: str, mutations: dict[str, tuple[str, str]] | None = None
    ) -> None:
        super().__init__(redis, name, secrets=SECRETS, prefix=prefix, seed=SEED)
        self.clock_key = f"{self.keys.room}:clock"
        for command in SHARED:
            text = source(command)
            assert text.count(CLOCK) == 1, f"{command} reads the time elsewhere, too"
            text = text.replace(CLOCK, f"redis.call('HMGET', '{self.clock_key}', 'seconds', 'microseconds')")
            guard, instead = (mutations or {}).get(command, ("", ""))
            assert not guard or text.count(guard) == 1, f"{command} has no such guard any more: {guard}"
            self._scripts._registered[command] = redis.register_script(
                text.replace(guard, instead) if guard else text
            )

    async def set_clock(self, now: int) -> None:
        """Let it be `now` (unix microseconds) for this room until told otherwise."""
        seconds, microseconds = divmod(now, 1_000_000)
        await self._redis.hset(self.clock_key, mapping={"seconds": seconds, "microseconds": microseconds})

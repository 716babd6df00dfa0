"""The bell: who has written letters rings, and the postmen of all processes look into the outbox at once.

It only saves waiting. Who does not hear it finds the letters when they look by themselves.
"""

import asyncio
import logging
import random
from collections.abc import Callable

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from ticketflow.groups import Groups
from ticketflow.loops import lasting

log = logging.getLogger(__name__)

RING_SECONDS = 2.0
"""How long Redis may take to pass it on."""
HEARTBEAT_SECONDS = 5.0
"""How long a quiet line counts as whole without being asked."""
RETRY_SECONDS = 1.0


class Bell:
    """One a process."""

    def __init__(self, redis: "Redis", prefix: str) -> None:
        self._redis = redis
        self._channel = f"{prefix}:mail"
        self._rings = Groups[None, None](self._pass_on, "mail-bell", most=100_000)

    def ring(self) -> None:
        """Wake the postmen, soon: nobody waits for it. Who rings meanwhile has rung as well."""
        self._rings.ask(None)

    async def quiet(self) -> None:
        """Return once nothing is being passed on."""
        await self._rings.quiet()

    async def _pass_on(self, rings: list[None]) -> list[None]:
        try:
            async with asyncio.timeout(RING_SECONDS):
                await self._redis.publish(self._channel, "")
        except (RedisError, OSError) as error:
            log.warning("the postmen were not woken: %s", error)
        return rings

    @lasting
    async def hear(self, wake: Callable[[], None]) -> None:
        """Call `wake` at each ring until cancelled, and whenever some may have been missed."""
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(self._channel)
                    await self._listen(pubsub, wake)
            except (RedisError, OSError) as error:
                log.warning("the bell for letters is not heard: %s", error)
            await asyncio.sleep(RETRY_SECONDS * random.uniform(0.5, 1.5))

    async def _listen(self, pubsub: PubSub, wake: Callable[[], None]) -> None:
        asked = False
        while True:
            message = await pubsub.get_message(timeout=HEARTBEAT_SECONDS)
            if message is None and asked:
                raise RedisConnectionError("no answer to a ping: the line is deaf")
            if message is None:
                await pubsub.ping()
            elif message["type"] in ("subscribe", "message"):
                # At the start, too: nobody knows what was rung before.
                wake()
            asked = message is None

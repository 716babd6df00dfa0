"""A Redis client that sends scripts called at about the same time in one go.

A command of its own costs a process some 100 microseconds: a connection is found and given back, the
command is packed and sent, its reply is awaited. In a crowd nearly all commands are scripts, and nearly all
of that can be shared.
"""

from collections.abc import Awaitable
from typing import Any

from redis.asyncio import Redis

from ticketflow.groups import Groups


class GroupedRedis(Redis):
    """As `Redis`, but for EVALSHA: what is called while the group before is on its way waits for the next.

    A group is a pipeline, no transaction: each script stands for itself, and one that fails fails alone. It
    is sent by a task of its own, so that a caller who is cancelled leaves no connection behind with the
    replies of others on it.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._calls = Groups[tuple[Any, ...], Any](self._run, "grouped-redis")

    def evalsha(self, sha: str, numkeys: int, *keys_and_args: Any) -> Awaitable[Any]:
        """A script's reply. Raises what it fails with, and what the group fails with."""
        return self._calls.ask(("EVALSHA", sha, numkeys, *keys_and_args))

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close the client, once what is on its way has come: its connection would be nobody's to close."""
        await self._calls.quiet()
        await super().aclose(close_connection_pool)

    async def _run(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        pipeline = self.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        return await pipeline.execute(raise_on_error=False)

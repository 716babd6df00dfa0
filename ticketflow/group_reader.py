"""Group reading: what many tasks want to know at about the same time is asked for together."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class GroupReader(Generic[K, V]):
    """Asks `read` for everything that was wanted while the reading before it ran, at most `most` at once.

    As with `GroupWriter` one runs at a time and a group grows by itself; what is found was read after it was
    asked for.
    """

    def __init__(self, read: Callable[[list[K]], Awaitable[Mapping[K, V]]], most: int = 200) -> None:
        self._read = read
        self._most = most
        self._waiting: list[tuple[K, asyncio.Future[V | None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def find(self, key: K) -> V | None:
        """What there is under `key`, or None. Raises what `read` raised for its group."""
        found: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, found))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="group-reader")
        return await found

    async def _run(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            try:
                values = await self._read(list({key for key, _ in group}))
            except Exception as error:
                for _, found in group:
                    if not found.done():
                        found.set_exception(error)
            else:
                for key, found in group:
                    if not found.done():
                        found.set_result(values.get(key))

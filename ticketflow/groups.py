"""What many tasks want of a store at about the same time goes over together."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Groups(Generic[T, R]):
    """Hands `work` everything that was asked while the work before it ran, at most `most` at once.

    One runs at a time, so a group grows by itself when the store is slow: no timer, and no delay when it is
    quick. `work` gives an answer for each item, in their order; an exception among them is that item's alone,
    one that is raised is everybody's. It runs in a task of its own: who is cancelled cuts off nobody else.
    """

    def __init__(
        self, work: Callable[[list[T]], Awaitable[Sequence[R | Exception]]], name: str, most: int = 200
    ) -> None:
        self._work = work
        self._name = name
        self._most = most
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._task: asyncio.Task[None] | None = None

    def ask(self, item: T) -> "asyncio.Future[R]":
        """The item's answer, to be awaited."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=self._name)
        return answer

    async def quiet(self) -> None:
        """Return once nothing is on its way."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            answers: Sequence[R | Exception]
            try:
                answers = await self._work([item for item, _ in group])
            except Exception as error:
                answers = [error] * len(group)
            for (_, waiting), answer in zip(group, answers, strict=True):
                if waiting.done():
                    continue
                if isinstance(answer, Exception):
                    waiting.set_exception(answer)
                else:
                    waiting.set_result(answer)


class GroupWriter(Generic[T]):
    """Group commit: what many tasks want written is written together; see `Groups`."""

    def __init__(self, write: Callable[[list[T]], Awaitable[None]], most: int = 200) -> None:
        async def work(items: list[T]) -> Sequence[None]:
            await write(items)
            return [None] * len(items)

        self._groups = Groups[T, None](work, "group-writer", most)

    async def add(self, item: T) -> None:
        """Return once `item` is written. Raises what `write` raised for its group."""
        await self._groups.ask(item)


class GroupReader(Generic[T, R]):
    """What many tasks want to know is read together, after it was asked for; see `Groups`."""

    def __init__(self, read: Callable[[list[T]], Awaitable[Mapping[T, R]]], most: int = 200) -> None:
        async def work(keys: list[T]) -> Sequence[R | None]:
            found = await read(list(set(keys)))
            return [found.get(key) for key in keys]

        self._groups = Groups[T, R | None](work, "group-reader", most)

    async def find(self, key: T) -> R | None:
        """What there is under `key`, or None. Raises what `read` raised for its group."""
        return await self._groups.ask(key)

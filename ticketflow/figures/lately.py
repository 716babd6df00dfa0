"""Asked anew each time, but waited for only so long: then the last answer has to do, if it is not too old."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from contextlib import suppress
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lately(Generic[K, V]):
    """What `read` gave of late, by key. A question that takes longer goes on, and is not asked twice at once.

    `failures` are what reading may raise: then there is no answer, and `told` is told why.
    """

    def __init__(
        self,
        read: Callable[[K], Coroutine[Any, Any, V]],
        failures: tuple[type[Exception], ...],
        told: Callable[[Exception], None],
        *,
        patience: float,
        believed: float,
    ) -> None:
        self._read = read
        self._failures = failures
        self._told = told
        self._patience = patience
        self._believed = believed
        self._asking: dict[K, asyncio.Task[V]] = {}
        self._known: dict[K, tuple[float, V]] = {}

    async def get(self, key: K) -> V | None:
        """The answer, or the last one, or None if there is none that may be believed."""
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.create_task(self._read(key), name="lately")
            asking.add_done_callback(lambda done: self._heard(key, done))
        # Many may wait for one answer: who is cancelled leaves the others theirs.
        await asyncio.wait({asking}, timeout=self._patience)
        if asking.done() and not asking.cancelled() and asking.exception() is None:
            return asking.result()
        at, value = self._known.get(key, (-self._believed, None))
        return value if time.monotonic() - at <= self._believed else None

    def _heard(self, key: K, done: "asyncio.Task[V]") -> None:
        self._asking.pop(key, None)
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            self._known[key] = time.monotonic(), done.result()
        elif isinstance(error, self._failures):
            self._told(error)
        else:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a question failed", "exception": error}
            )

    async def close(self) -> None:
        """End the questions that are still open."""
        for asking in list(self._asking.values()):
            asking.cancel()
            with suppress(asyncio.CancelledError, *self._failures):
                await asking

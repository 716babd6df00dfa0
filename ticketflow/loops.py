"""Tasks that run beside a block and end with it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, ParamSpec

log = logging.getLogger(__name__)

Loop = Coroutine[Any, Any, None]

P = ParamSpec("P")

CANCEL_AGAIN_SECONDS = 0.3
BEGIN_AGAIN_SECONDS = 1.0


def lasting(loop: Callable[P, Loop]) -> Callable[P, Loop]:
    """A for-ever loop that begins again when an error ends it, so that it takes no other loop down with it.

    Being cancelled ends it, and so does its own end.
    """

    @wraps(loop)
    async def again(*args: P.args, **kwargs: P.kwargs) -> None:
        while True:
            try:
                await loop(*args, **kwargs)
                return
            except Exception:
                log.exception("%s failed and begins again", loop.__qualname__)
                await asyncio.sleep(BEGIN_AGAIN_SECONDS)

    return again


@asynccontextmanager
async def running(loops: Sequence[Loop]) -> AsyncIterator[None]:
    """Run loops beside the block. One that fails takes the block down with its error; all end with it."""
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(loop) for loop in loops]
        try:
            yield
        finally:
            await end(started)


async def end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they have heard it.

    `wait_for` in Python 3.11, deep inside the mail and database clients, loses a cancellation that meets the
    result it was waiting for.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_SECONDS)

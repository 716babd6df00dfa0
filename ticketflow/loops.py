"""Tasks that run beside a block and end with it."""

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

Loop = Coroutine[Any, Any, None]

CANCEL_AGAIN_SECONDS = 0.3


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

"""Requests whose client goes away at one chosen moment of their handling."""

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest
from quart.asgi import ASGIHTTPConnection

from tests.house import Visitor


@dataclass
class Cut:
    """Cancels a handler where it waits for the `at`-th time (from 1).

    Early: before what it waits for has come, which may then happen all the same. Late: when it has come and
    the handler has not heard of it yet.
    """

    at: int
    late: bool
    waits: int = 0

    @property
    def made(self) -> bool:
        """Whether the handler waited that often."""
        return self.waits >= self.at


_cut: ContextVar[Cut | None] = ContextVar("cut", default=None)


def install_scissors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `ask_cut` reach the handlers of this process, where Quart itself cancels them."""
    handle = ASGIHTTPConnection.handle_request

    async def handle_request(connection: ASGIHTTPConnection, *args: Any) -> None:
        cut, handling = _cut.get(), handle(connection, *args)
        await (driven(handling, cut) if cut else handling)

    monkeypatch.setattr(ASGIHTTPConnection, "handle_request", handle_request)


async def driven(work: Coroutine[Any, Any, Any], cut: Cut) -> Any:
    """What a coroutine gives, whose task is cancelled at the cut."""
    return await _driven(work, cut)


@types.coroutine
def _driven(work: Coroutine[Any, Any, Any], cut: Cut) -> Generator[Any, Any, Any]:
    task = asyncio.current_task()
    assert task is not None
    step: Callable[[], Any] = lambda: work.send(None)  # noqa: E731 - replaced by what the wait ends with
    while True:
        try:
            waited = step()
        except StopIteration as end:
            return end.value
        cut.waits += 1
        if cut.waits == cut.at:
            if cut.late and waited is not None:
                waited.add_done_callback(lambda _: task.cancel())
            else:
                task.cancel()
        step = yield from _end_of(waited, work)


def _end_of(waited: Any, work: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Callable[[], Any]]:
    """Wait; gives how the work goes on."""
    try:
        yield waited
    except BaseException as error:
        return partial(work.throw, error)
    return lambda: work.send(None)


async def ask_cut(visitor: Visitor, cut: Cut, method: str, path: str, **given: Any) -> httpx.Response | None:
    """The response to a request; None if it was cut."""
    token = _cut.set(cut)
    try:
        return await visitor.request(method, path, **given)
    except (AssertionError, asyncio.CancelledError):
        if not cut.made:
            raise
        return None  # httpx has missed the response
    finally:
        _cut.reset(token)

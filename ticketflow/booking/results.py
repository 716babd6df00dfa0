"""Who waits for which booking's end. The hub tells; requests in this process listen."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Result = Mapping[str, Any]


class Results:
    """Booking id -> the futures of those in this process who wait for it."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Future[Result]]] = defaultdict(set)

    @contextmanager
    def expect(self, booking_id: str) -> Iterator[asyncio.Future[Result]]:
        """A future of the booking's result. Ask before submitting: a result may be quick."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting[booking_id].add(future)
        try:
            yield future
        finally:
            self._waiting[booking_id].discard(future)
            if not self._waiting[booking_id]:
                del self._waiting[booking_id]

    def tell(self, result: Result) -> None:
        """Hand a result to all who wait for it here."""
        for future in self._waiting.get(result["booking_id"], ()):
            if not future.done():
                future.set_result(result)

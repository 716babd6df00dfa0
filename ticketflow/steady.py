"""A database whose connections survive that tasks are cancelled and statements fail.

`databases` gives a connection back only where nothing goes wrong. A task cancelled while it waits for
BEGIN or COMMIT, or a BEGIN that fails because the server is away, keeps its connection for ever: after a
few of them the pool of MariaDB is empty, and one of them is enough to leave SQLite locked.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, cast

from databases import Database
from databases.core import Connection
from databases.interfaces import DatabaseBackend


class SteadyDatabase(Database):
    """`Database`, where whoever took a connection gives it back, however they end."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        self._at_work: set[asyncio.Task[None]] = set()
        self._lent = 0
        self._all_back = asyncio.Event()
        self._closing = False
        self.listeners: dict[str, Callable[[], None]] = {}
        """Who is told after the commit, by the name that `after_commit` is given."""

    def after_commit(self, name: str) -> None:
        """Have the listener of that name told once what this task has written is committed: now, if it is in
        no transaction; never, if that is rolled back. Who is cancelled at the commit tells nobody."""
        connection = self.connection()
        if connection.transactions:
            connection.to_tell.add(name)
        else:
            self._tell({name})

    def _tell(self, names: set[str]) -> None:
        for name in names & self.listeners.keys():
            self.listeners[name]()

    def connection(self) -> "_SteadyConnection":
        """The connection of this task; not taken from the pool before it is entered."""
        if self._connection is None:
            self._connection = _SteadyConnection(self, self._backend)
        return cast(_SteadyConnection, self._connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:  # type: ignore[override]  # all we use of theirs
        """A block that is committed, or rolled back if it raises; inside another one, a part of that.

        Who is cancelled at the commit does not learn whether it happened, as after any crash.
        """
        connection = self.connection()
        async with connection:
            transaction = connection._connection.transaction()
            try:
                outermost = connection._connection_counter == 1
                connection.transactions += 1
                await transaction.start(is_root=outermost, extra_options={})
                yield
            except BaseException:
                # What cannot be rolled back has lost its connection, and with it is rolled back.
                with suppress(Exception):
                    await transaction.rollback()
                raise
            else:
                await transaction.commit()
                if connection.transactions == 1:
                    self._tell(connection.to_tell)
            finally:
                connection.transactions -= 1
                if not connection.transactions:
                    connection.to_tell = set()

    async def connect(self) -> None:
        """Open the pool."""
        self._closing = False
        await super().connect()

    async def disconnect(self) -> None:
        """Close all connections once whoever has one has given it back; nobody gets another.

        A group's work may outlive the task that asked for it (see `Groups`), and is let finish. aiomysql's
        pool waits by itself; SQLite has no pool.
        """
        self._closing = True
        if self._lent:
            self._all_back.clear()
            await self._all_back.wait()
        await super().disconnect()

    def _lend(self) -> None:
        if self._closing:
            raise ConnectionError("the database is being closed")
        self._lent += 1

    def _take_back(self) -> None:
        self._lent -= 1
        if not self._lent:
            self._all_back.set()

    def _in_its_own_task(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work, name="database-connection")
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)
        return task


class _SteadyConnection(Connection):
    """Taking from the pool and giving back are done to the end, also for a task that is cancelled meanwhile.

    Half done they would lose the connection, or the word to the next in line that there is one.
    """

    _database: SteadyDatabase

    def __init__(self, database: SteadyDatabase, backend: DatabaseBackend) -> None:
        super().__init__(database, backend)
        self.transactions = 0
        self.to_tell: set[str] = set()

    async def __aenter__(self) -> Connection:
        async with self._connection_lock:
            if self._connection_counter == 0:
                await self._take()
            self._connection_counter += 1
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        async with self._connection_lock:
            self._connection_counter -= 1
            if self._connection_counter == 0:
                self._database._connection = None
                await asyncio.shield(self._database._in_its_own_task(self._release()))

    async def _take(self) -> None:
        taking = self._database._in_its_own_task(self._acquire())
        try:
            await asyncio.shield(taking)
        except asyncio.CancelledError:
            # This task may ask again: by then it has another connection than the one that is on its way.
            self._database._connection = None
            self._database._in_its_own_task(self._give_back(taking))
            raise

    async def _give_back(self, taken: "asyncio.Task[None]") -> None:
        await asyncio.wait([taken])
        if not taken.cancelled() and taken.exception() is None:
            await self._release()

    async def _acquire(self) -> None:
        self._database._lend()
        try:
            await self._connection.acquire()
        except BaseException:
            self._database._take_back()
            raise

    async def _release(self) -> None:
        try:
            await self._connection.release()
        finally:
            self._database._take_back()

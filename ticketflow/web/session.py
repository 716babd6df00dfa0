"""Who is asking: the signed-in user of a request or a websocket."""

import time

from databases import Database
from quart import Quart, g
from quart.sessions import NullSession, SessionInterface
from quart.wrappers import BaseRequestWebsocket
from quart_auth import current_user

from ticketflow.domain import Refusal, Role, User
from ticketflow.store import users as user_store

REMEMBER_SECONDS = 30.0
MOST_REMEMBERED = 50_000


class NoSessions(SessionInterface):
    """Nothing here uses Quart's own session, which would otherwise be looked for in every request."""

    async def open_session(self, app: Quart, request: BaseRequestWebsocket) -> NullSession:
        """A session that can be read, is empty, and refuses to be written."""
        return await self.make_null_session(app)


class Users:
    """Accounts by id, remembered for a moment: a hot page must not ask the database who is looking."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[int, tuple[float, User]] = {}

    async def find(self, user_id: int) -> User | None:
        known = self._known.get(user_id)
        if known and time.monotonic() - known[0] < REMEMBER_SECONDS:
            return known[1]
        user = await user_store.by_id(self._database, user_id)
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        if user:
            self._known[user_id] = (time.monotonic(), user)
        return user


async def signed_in() -> User | None:
    """The user of this request or websocket, or None."""
    from ticketflow.web.services import services

    if not hasattr(g, "ticketflow_user"):
        account = account_id()
        g.ticketflow_user = None if account is None else await services().users.find(account)
    user: User | None = g.ticketflow_user
    return user


def account_id() -> int | None:
    """The account that the session of this request or websocket is of, by its signature alone.

    No query: whether the account is still there, who takes or buys something for it must ask `signed_in`.
    """
    auth_id = current_user.auth_id
    return int(auth_id) if auth_id else None


async def require_user() -> User:
    """The user of this request. Raises `Refusal` not_signed_in."""
    user = await signed_in()
    if user is None:
        raise Refusal("not_signed_in", "Sign in first. Your place in the queue is kept meanwhile.")
    return user


async def require_organiser() -> User:
    """The organiser of this request. Raises `Refusal` not_signed_in, or forbidden for a fan."""
    user = await require_user()
    if user.role not in (Role.ORGANISER, Role.ADMIN):
        raise Refusal("forbidden", "This is for organisers.")
    return user

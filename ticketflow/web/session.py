"""Who is asking: the signed-in user of a request or a websocket."""

import secrets
import time
from functools import cached_property

from databases import Database
from itsdangerous import BadData, URLSafeTimedSerializer
from quart import Quart, current_app, g
from quart.sessions import NullSession, SessionInterface
from quart.wrappers import BaseRequestWebsocket
from quart_auth import AuthUser, QuartAuth, current_user, login_user, logout_user

from ticketflow.domain import Refusal, Role, User
from ticketflow.groups import GroupReader
from ticketflow.live.ended import Session, session_of
from ticketflow.store import users as user_store
from ticketflow.web.bearer import presented_token
from ticketflow.web.logs import security

REMEMBER_SECONDS = 30.0
MOST_REMEMBERED = 50_000


class NoSessions(SessionInterface):
    """Nothing here uses Quart's own session, which would otherwise be looked for in every request."""

    async def open_session(self, app: Quart, request: BaseRequestWebsocket) -> NullSession:
        """A session that can be read, is empty, and refuses to be written."""
        return await self.make_null_session(app)


class SignedCookies(QuartAuth):
    """The library's, with one reader for all cookies: it would make one, keys and all, for each request."""

    def load_token(self, token: str, app: Quart | None = None) -> str | None:
        """The account a cookie was signed for, or None if it was not signed here, or too long ago."""
        try:
            account: str = self._reader.loads(token, max_age=self.duration)
        except BadData:
            return None
        return account

    @cached_property
    def _reader(self) -> URLSafeTimedSerializer:
        # The library wants the newest key last.
        keys = [*current_app.config["SECRET_KEY_FALLBACKS"], current_app.secret_key]
        return self.serializer_class(keys, self.salt or "")


class Users:
    """Accounts by id, remembered for a moment: a hot page must not ask the database who is looking.

    When a sale opens nearly everybody is new here, so those who come at the same time are asked for together.
    """

    def __init__(self, database: Database) -> None:
        self._read = GroupReader[int, User](lambda ids: user_store.by_ids(database, ids))
        self._known: dict[int, tuple[float, User]] = {}
        self._forgotten = 0

    async def find(self, user_id: int, epoch: int = 0) -> User | None:
        """The account, or None. What is remembered from before its sessions' number `epoch` is too old."""
        known = self._known.get(user_id)
        if known and time.monotonic() - known[0] < REMEMBER_SECONDS and epoch <= known[1].session_epoch:
            return known[1]
        forgotten = self._forgotten
        user = await self._read.find(user_id)
        # What changed while it was being read must not be remembered after that was told.
        if user and forgotten == self._forgotten:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[user_id] = (time.monotonic(), user)
        return user

    def forget(self, user_id: int) -> None:
        """Remember nothing of an account: it has changed."""
        self._forgotten += 1
        self._known.pop(user_id, None)


async def signed_in() -> User | None:
    """The user of this request or websocket, or None; also None if the session has ended elsewhere."""
    if not hasattr(g, "ticketflow_user"):
        g.ticketflow_user = await _user_of_session()
    user: User | None = g.ticketflow_user
    return user


async def _user_of_session() -> User | None:
    from ticketflow.web.services import services

    session = _session()
    if session is None:
        return None
    user = await services().users.find(session.account, session.epoch)
    return user if user and user.session_epoch == session.epoch and not user.closed else None


def account_id() -> int | None:
    """The account that the session or token of this request or websocket is of, if it has not ended.

    No query: all ends are in this process's memory. What else an account is now, who takes or buys something
    for it must ask `signed_in`.
    """
    session = _session()
    return session.account if session else None


def session_name() -> str | None:
    """The session's own name: the account, and what tells this sign-in from its others on other devices; or
    that of the token which acts here."""
    token = presented_token()
    return token.session if token else current_user.auth_id


def _session() -> Session | None:
    """The session or token at hand; None for one that has ended."""
    from ticketflow.web.services import services

    session = session_of(session_name())
    return session if session and services().hub.sessions.ended.at(session) is None else None


async def begin_session(user: User) -> None:
    """Sign an account in. Whoever was signed in here before is not from here on."""
    await end_session()
    login_user(AuthUser(f"{user.id}.{user.session_epoch}.{secrets.token_urlsafe(9)}"))
    g.ticketflow_user = user


async def end_session() -> None:
    """Sign out, if anybody is signed in. When this returns, no open page of this process is theirs any more:
    a socket keeps the account it was opened with, and this browser is the next one's."""
    from ticketflow.web.services import services

    if session := session_of(session_name()):
        security.info("signed_out", extra={"account": session.account})
    if session and _session():
        await services().hub.sessions.end_session(session.account, session.name)
    logout_user()
    g.ticketflow_user = None


async def require_user() -> User:
    """The user of this request. Raises `Refusal` not_signed_in."""
    user = await signed_in()
    if user is None:
        raise Refusal("not_signed_in", "Sign in first. Your place in the queue is kept meanwhile.")
    return user


async def require_organiser() -> User:
    """The organiser of this request. Raises `Refusal` not_signed_in, or forbidden for a fan."""
    user = await require_user()
    if not user.organises:
        raise Refusal("forbidden", "This is for organisers.")
    return user


async def require_admin() -> User:
    """The admin of this request. Raises `Refusal` not_signed_in, or forbidden for anybody else."""
    user = await require_user()
    if user.role is not Role.ADMIN:
        raise Refusal("forbidden", "This is for those who run the house.")
    return user

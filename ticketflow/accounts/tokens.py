"""Tokens: made once and shown once, found again by their hash, forgotten everywhere when they are revoked."""

import asyncio
import hashlib
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta

from databases import Database

from ticketflow.domain import ABILITIES_OF, Ability, Refusal, User, now
from ticketflow.groups import GroupReader
from ticketflow.loops import lasting
from ticketflow.store import tokens as records
from ticketflow.store import violations
from ticketflow.store.tokens import Token

log = logging.getLogger(__name__)

MOST_TOKENS = 20
"""Of one account."""
USUAL_DAYS, MOST_DAYS = 90, 365
REMEMBER_SECONDS = 10.0
"""So long a process uses a token without asking the database. Who revokes one tells all processes; this is
for a process that has not heard it, because it was cut off."""
MOST_REMEMBERED = 50_000
NOTED_APART = timedelta(minutes=1)
"""How exact "last used" is."""
GATHER_SECONDS = 1.0
"""So long uses are gathered before they are written together."""

_SHAPE = re.compile(r"tf_[A-Za-z0-9_-]{43}", re.ASCII)


Revoked = Callable[[int, str], Awaitable[None]]
"""Tells all processes that a token is over: its account, and what its sockets belong to."""


class Tokens:
    """Makes, lists, revokes and finds tokens."""

    def __init__(self, database: Database, tell_revoked: Revoked) -> None:
        self._database = database
        self._tell_revoked = tell_revoked
        self._read = GroupReader[str, Token](lambda hashes: records.by_hashes(database, hashes))
        self._known: dict[str, tuple[float, Token]] = {}
        self._forgotten = 0
        self._noted: dict[int, float] = {}
        self._due: set[int] = set()
        self._used = asyncio.Event()

    async def create(
        self,
        user: User,
        name: str,
        abilities: Collection[Ability] | None = None,
        expires_in_days: int = USUAL_DAYS,
    ) -> tuple[Token, str]:
        """A new token of the user's and what it says, which nobody can tell again.

        Without abilities it may do what the account may. Raises `Refusal` forbidden (an ability that the
        account's role does not have), too_many_tokens, not_signed_in (its sessions have ended meanwhile).
        """
        allowed = ABILITIES_OF[user.role]
        wanted = allowed if abilities is None else frozenset(abilities)
        if not wanted <= allowed:
            raise Refusal("forbidden", "This account is no organiser's, so its tokens cannot organise.")
        secret = f"tf_{secrets.token_urlsafe(32)}"
        life = timedelta(days=expires_in_days)
        token = await records.create(self._database, user, name, hash_of(secret), wanted, life, MOST_TOKENS)
        return token, secret

    async def of(self, user: User) -> list[Token]:
        """The user's tokens, the newest first."""
        return await records.of_user(self._database, user.id)

    async def revoke(self, user: User, token_id: int) -> None:
        """End a token of the user's, in every process at once. Raises `Refusal` not_found."""
        token = await records.revoke(self._database, user.id, token_id)
        await self._tell_revoked(user.id, token.session)

    async def find(self, secret: str) -> Token | None:
        """The token that says this, unless it is unknown, revoked or expired, or its account is closed.

        Those that come at the same time are asked for together, also by who only guesses.
        """
        if not _SHAPE.fullmatch(secret):
            return None
        hashed = hash_of(secret)
        at, known = time.monotonic(), self._known.get(hashed)
        if known and at - known[0] < REMEMBER_SECONDS:
            token: Token | None = known[1]
        else:
            token = await self._find(hashed, at)
        if token is None or token.expires_at <= now():
            return None
        self._note(token, at)
        return token

    async def _find(self, hashed: str, at: float) -> Token | None:
        forgotten = self._forgotten
        token = await self._read.find(hashed)
        # What was revoked while it was being read must not be remembered after that was told.
        if token and forgotten == self._forgotten:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[hashed] = (at, token)
        return token

    def forget(self, account: int) -> None:
        """Remember no token of this account."""
        self._forgotten += 1
        self._known = {key: known for key, known in self._known.items() if known[1].user_id != account}

    def _note(self, token: Token, at: float) -> None:
        if at - self._noted.get(token.id, -1e9) < NOTED_APART.total_seconds():
            return
        if len(self._noted) >= MOST_REMEMBERED:
            self._noted.clear()
        self._noted[token.id] = at
        self._due.add(token.id)
        self._used.set()

    @lasting
    async def keep_noting(self) -> None:
        """For ever: write down when tokens were used, off the path of those who use them."""
        while True:
            await self._used.wait()
            self._used.clear()
            due, self._due = self._due, set()
            try:
                await records.note_used(self._database, sorted(due), NOTED_APART)
            except violations.BROKEN as error:
                log.warning("when tokens were used is noted later: %s", error)
                self._due |= due
                self._used.set()
            await asyncio.sleep(GATHER_SECONDS)


def hash_of(secret: str) -> str:
    """What is kept of a token. A plain hash will do: nobody can guess 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()

"""Tokens of programs that act for an account. Whose they are is in each WHERE; only their hashes are kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from databases import Database
from sqlalchemy import delete, func, insert, select, update

from ticketflow.domain import ORGANISE, Ability, Refusal, User, now, to_micros
from ticketflow.store import audit, session_ends
from ticketflow.store.tables import api_tokens, users


@dataclass(frozen=True)
class Token:
    """A token as its owner may see it: what it is called and may do, never what it says."""

    id: int
    user_id: int
    name: str
    abilities: frozenset[Ability]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    session_epoch: int = 0
    """The number of the account's sessions under which it was made, and with which it ends."""

    @property
    def session(self) -> str:
        """What its sockets belong to, named as a session is: account, number, and what no cookie's has.

        The time is in it because SQLite gives the id of a row that is gone to the next one.
        """
        return f"{self.user_id}.{self.session_epoch}.token:{self.id}:{to_micros(self.created_at)}"


async def create(
    database: Database,
    user: User,
    name: str,
    hashed: str,
    abilities: Iterable[Ability],
    life: timedelta,
    most: int,
) -> Token:
    """A new token. Those that have expired make room for it.

    Raises `Refusal` too_many_tokens, and not_signed_in if the account was closed or signed out everywhere
    since `user` was read: who had its old password then must not keep a token.
    """
    at, named = now(), frozenset(abilities)
    row = {
        "user_id": user.id,
        "name": name,
        "token_hash": hashed,
        "abilities": " ".join(sorted(named)),
        "created_at": at,
        "expires_at": at + life,
        "session_epoch": user.session_epoch,
    }
    mine = api_tokens.c.user_id == user.id
    async with database.transaction():
        # The account's row is the lock: who makes another token at the same time is counted after this one.
        still = (
            (users.c.id == user.id)
            & (users.c.session_epoch == user.session_epoch)
            & users.c.closed_at.is_(None)
        )
        if await database.fetch_one(select(users.c.id).where(still).with_for_update()) is None:
            raise Refusal("not_signed_in", "This account was closed or signed out everywhere meanwhile.")
        await database.execute(delete(api_tokens).where(mine & (api_tokens.c.expires_at <= at)))
        count = await database.fetch_val(select(func.count()).select_from(api_tokens).where(mine))
        if count >= most:
            raise Refusal(
                "too_many_tokens", f"An account has at most {most} tokens. Revoke one that is not needed."
            )
        token_id = int(await database.execute(insert(api_tokens).values(row)))
        token = Token(token_id, user.id, name, named, at, at + life, session_epoch=user.session_epoch)
        if ORGANISE in named:
            await _audit(database, "token.create", token, after=True)
    return token


async def of_user(database: Database, user_id: int) -> list[Token]:
    """The account's tokens, the newest first; also those that have expired."""
    mine = select(api_tokens).where(api_tokens.c.user_id == user_id)
    return [_token(row) for row in await database.fetch_all(mine.order_by(api_tokens.c.id.desc()))]


async def revoke(database: Database, user_id: int, token_id: int) -> Token:
    """Delete the account's token, and give what it was. Raises `Refusal` not_found."""
    this = (api_tokens.c.id == token_id) & (api_tokens.c.user_id == user_id)
    async with database.transaction():
        row = await database.fetch_one(select(api_tokens).where(this).with_for_update())
        if row is None:
            raise Refusal("not_found", "You have no such token. Perhaps it is revoked already.")
        token = _token(row)
        await database.execute(delete(api_tokens).where(this))
        await session_ends.note(database, user_id, token.session)
        if ORGANISE in token.abilities:
            await _audit(database, "token.revoke", token, after=False)
    return token


async def by_hashes(database: Database, hashes: Sequence[str]) -> dict[str, Token]:
    """Hash -> token, for those that may still be used: of an open account, not ended and not expired."""
    alive = (
        (api_tokens.c.expires_at > now())
        & (api_tokens.c.session_epoch == users.c.session_epoch)
        & users.c.closed_at.is_(None)
    )
    rows = await database.fetch_all(
        select(api_tokens)
        .join_from(api_tokens, users, users.c.id == api_tokens.c.user_id)
        .where(api_tokens.c.token_hash.in_(hashes) & alive)
    )
    return {row["token_hash"]: _token(row) for row in rows}


async def note_used(database: Database, token_ids: Sequence[int], apart: timedelta) -> None:
    """Note that these are used now; one of which that was noted within `apart`, by any process, stays so."""
    at = now()
    due = api_tokens.c.last_used_at.is_(None) | (api_tokens.c.last_used_at <= at - apart)
    await database.execute(
        update(api_tokens).where(api_tokens.c.id.in_(token_ids) & due).values(last_used_at=at)
    )


async def _audit(database: Database, action: str, token: Token, *, after: bool) -> None:
    said = {"token": token.id, "name": token.name, "abilities": sorted(token.abilities)}
    await audit.record(
        database,
        actor_id=token.user_id,
        event_id=None,
        action=action,
        before=None if after else said,
        after=said if after else None,
    )


def _token(row: Any) -> Token:
    return Token(
        id=row["id"],
        user_id=row["user_id"],
        name=row["name"],
        abilities=frozenset(Ability(word) for word in row["abilities"].split()),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        session_epoch=row["session_epoch"],
    )

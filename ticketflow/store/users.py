"""Accounts."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from databases import Database
from sqlalchemy import ColumnElement, delete, insert, select, update

from ticketflow.domain import Refusal, Role, User, now
from ticketflow.store import violations
from ticketflow.store.bulk import Bulk
from ticketflow.store.tables import api_tokens, users

_SHOWN = (
    users.c.id,
    users.c.name,
    users.c.email,
    users.c.verified_email,
    users.c.role,
    users.c.theme,
    users.c.session_epoch,
    users.c.closed_at,
)


async def create(
    database: Database,
    *,
    name: str,
    email: str,
    password_hash: str,
    role: Role = Role.FAN,
    verified: bool = False,
) -> User:
    """A new account; `verified` if the address is known to be its owner's. Others may claim the same address.

    Raises `Refusal` email_taken if it is `verified` and another account has proven the address.
    """
    email = normal_email(email)
    row = {
        "name": name,
        "email": email,
        "password_hash": password_hash,
        "role": role.value,
        "created_at": now(),
        "verified_email": email if verified else None,
    }
    with _address_taken():
        user_id = await database.execute(insert(users).values(row))
    return User(user_id, name, email, role, verified=verified)


@contextmanager
def _address_taken() -> Iterator[None]:
    """An address is proven by one account at most: says so where the database does."""
    try:
        yield
    except violations.UNIQUE as error:
        raise Refusal(
            "email_taken",
            "This address belongs to another account by now. Nothing was changed; sign in to that one.",
        ) from error


async def by_id(database: Database, user_id: int) -> User | None:
    row = await database.fetch_one(select(users).where(users.c.id == user_id))
    return _user(row) if row else None


async def member_since(database: Database, user_id: int) -> datetime:
    """When the account was made, in UTC."""
    made: datetime = await database.fetch_val(select(users.c.created_at).where(users.c.id == user_id))
    return made


async def by_ids(database: Database, user_ids: Sequence[int]) -> dict[int, User]:
    """Id -> account, for those of the ids that have one."""
    rows = await database.fetch_all(_BY_IDS.of(database, ({"id": user_id} for user_id in user_ids)))
    return {row["id"]: _user(row) for row in rows}


_BY_IDS = Bulk(
    [users.c.id],
    lambda asked: select(*_SHOWN).join_from(asked, users, users.c.id == asked.c.id),
)


@dataclass(frozen=True)
class Claim:
    """An account that says an address is its own, and the hash of its password."""

    user: User
    password_hash: str


async def proven(database: Database, email: str) -> User | None:
    """The account that has proven the address, or None."""
    row = await database.fetch_one(select(users).where(users.c.verified_email == normal_email(email)))
    return _user(row) if row else None


async def claims(database: Database, email: str) -> tuple[Claim | None, Claim | None]:
    """Who signs in with an address: the account that has proven it, and the first that only claims it.

    All that only claim it have the salt of the first one, so one hash tells which of them a password opens
    (`claim_of_hash`): none of them stands in another's way, however many there are, and none shows by the
    work that is done that there are others. One salt for several hashes is worth something only to who has
    stolen both, and then no more than the other account of the same address.
    """
    rows = await database.fetch_all(
        select(users)
        .where((users.c.email == normal_email(email)) & users.c.closed_at.is_(None))
        .order_by(users.c.verified_email.is_(None), users.c.id)
        .limit(2)
    )
    found = [Claim(_user(row), row["password_hash"]) for row in rows]
    first = found[0] if found and found[0].user.verified else None
    return first, next((claim for claim in found if not claim.user.verified), None)


async def claim_of_hash(database: Database, email: str, password_hash: str) -> Claim | None:
    """The first of those that only claim the address whose hash this is."""
    only_claims = (users.c.email == normal_email(email)) & users.c.verified_email.is_(None)
    rows = await database.fetch_all(
        select(users)
        .where(only_claims & users.c.closed_at.is_(None) & (users.c.password_hash == password_hash))
        .order_by(users.c.id)
    )
    # MariaDB does not tell small letters from capital ones here.
    exact = (row for row in rows if row["password_hash"] == password_hash)
    return next((Claim(_user(row), password_hash) for row in exact), None)


async def same_again(database: Database, email: str, name: str) -> Claim | None:
    """Whose account somebody may be making once more: the newest that claims the address under that name,
    else the one that has proven it.

    In this order, or who makes two accounts with an address would see by them whether it is proven.
    """
    either = users.c.verified_email.is_not(None) | (users.c.name == name)
    row = await database.fetch_one(
        select(users)
        .where((users.c.email == normal_email(email)) & users.c.closed_at.is_(None) & either)
        .order_by(users.c.verified_email.is_not(None), users.c.id.desc())
        .limit(1)
    )
    return Claim(_user(row), row["password_hash"]) if row else None


async def claim_of(database: Database, user_ids: Collection[int], email: str) -> Claim | None:
    """The newest of these accounts that claims the address, proven or not."""
    those = users.c.id.in_(user_ids) & (users.c.email == normal_email(email)) & users.c.closed_at.is_(None)
    row = await database.fetch_one(select(users).where(those).order_by(users.c.id.desc()).limit(1))
    return Claim(_user(row), row["password_hash"]) if row else None


async def owner(database: Database, email: str) -> User | None:
    """Whose password is forgotten: the account that has proven the address, else the first that claims it.

    The first, not the newest: nobody can come between somebody and their account by claiming it later, on
    any day of the years that it is used. A stranger must have come before to be in the way, and then has
    lost an account to who reads that mailbox: its password, sessions, tokens and links end. The owner's own
    account still opens by its password, before and after, and could be proven by the letter that came with
    it. Which account has tickets is not asked: a stranger can buy one.
    """
    row = await database.fetch_one(
        select(users)
        .where((users.c.email == normal_email(email)) & users.c.closed_at.is_(None))
        .order_by(users.c.verified_email.is_(None), users.c.id)
        .limit(1)
    )
    return _user(row) if row else None


async def password_hash(database: Database, user_id: int) -> str | None:
    """The hash of an open account's password."""
    found = await database.fetch_val(select(users.c.password_hash).where(_open(user_id)))
    return None if found is None else str(found)


async def has_password(database: Database, user_id: int, password_hash: str) -> bool:
    """Whether that is the hash of an open account's password. Inside a transaction nobody changes it before
    that ends."""
    row = await database.fetch_one(select(users.c.password_hash).where(_open(user_id)).with_for_update())
    return row is not None and row["password_hash"] == password_hash


async def rehash(database: Database, user_id: int, before: str, after: str) -> None:
    """Keep a better hash of the same password, unless the password was changed meanwhile."""
    same = _open(user_id) & (users.c.password_hash == before)
    await database.execute(update(users).where(same).values(password_hash=after))


async def set_name(database: Database, user_id: int, name: str) -> None:
    await database.execute(update(users).where(_open(user_id)).values(name=name))


async def set_theme(database: Database, user_id: int, theme: str) -> None:
    await database.execute(update(users).where(_open(user_id)).values(theme=theme))


async def set_password(database: Database, user_id: int, password_hash: str) -> None:
    """Set another password: all sessions end."""
    values = {"password_hash": password_hash, "session_epoch": users.c.session_epoch + 1}
    await database.execute(update(users).where(_open(user_id)).values(values))


async def drop_tokens(database: Database, user_id: int) -> None:
    """Let no program act for the account any more."""
    await database.execute(delete(api_tokens).where(api_tokens.c.user_id == user_id))


async def end_sessions(database: Database, user_id: int) -> None:
    await database.execute(
        update(users).where(_open(user_id)).values(session_epoch=users.c.session_epoch + 1)
    )


async def prove(database: Database, user_id: int, email: str) -> None:
    """Give the account an address that was proven. Raises `Refusal` email_taken if another has proven it."""
    with _address_taken():
        await database.execute(update(users).where(_open(user_id)).values(email=email, verified_email=email))


def _open(user_id: int) -> ColumnElement[bool]:
    return (users.c.id == user_id) & users.c.closed_at.is_(None)


def normal_email(email: str) -> str:
    """One spelling an address: people do not know in which case they registered."""
    return email.strip().lower()


def _user(row: Any) -> User:
    return User(
        row["id"],
        row["name"],
        row["email"],
        Role(row["role"]),
        verified=row["verified_email"] == row["email"],
        theme=row["theme"],
        session_epoch=row["session_epoch"],
        closed=row["closed_at"] is not None,
    )

"""Accounts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from databases import Database
from sqlalchemy import insert, select

from ticketflow.domain import Refusal, Role, User, now
from ticketflow.store import violations
from ticketflow.store.bulk import Bulk
from ticketflow.store.tables import users

_SHOWN = (
    users.c.id,
    users.c.name,
    users.c.email,
    users.c.verified_email,
    users.c.role,
    users.c.theme,
    users.c.session_epoch,
)


async def create(
    database: Database, *, name: str, email: str, password_hash: str, role: Role = Role.FAN
) -> User:
    """A new account. Raises `Refusal` email_taken."""
    email = normal_email(email)
    row = {
        "name": name,
        "email": email,
        "password_hash": password_hash,
        "role": role.value,
        "created_at": now(),
    }
    try:
        user_id = await database.execute(insert(users).values(row))
    except violations.UNIQUE as error:
        raise Refusal(
            "email_taken", "There is an account with this address already. Sign in instead?"
        ) from error
    return User(user_id, name, email, role)


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


async def by_email(database: Database, email: str) -> tuple[User, str] | None:
    """The account with this address and its password hash, or None."""
    row = await database.fetch_one(select(users).where(users.c.email == normal_email(email)))
    return (_user(row), row["password_hash"]) if row else None


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
    )

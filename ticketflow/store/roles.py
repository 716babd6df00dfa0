"""Who may do what in this house: roles, given and taken, each with a row in the audit log."""

from databases import Database
from sqlalchemy import select, update

from ticketflow.domain import Refusal, Role, User
from ticketflow.store import audit
from ticketflow.store import users as user_store
from ticketflow.store.tables import users


async def claiming(database: Database, email: str) -> list[User]:
    """The open accounts that name this address, the one that has proven it first."""
    named = (users.c.email == user_store.normal_email(email)) & users.c.closed_at.is_(None)
    rows = await database.fetch_all(
        select(users.c.id).where(named).order_by(users.c.verified_email.is_(None), users.c.id)
    )
    ids = [row["id"] for row in rows]
    found = await user_store.by_ids(database, ids) if ids else {}
    return [found[user_id] for user_id in ids if user_id in found]


async def lock_admins(database: Database) -> list[int]:
    """The admins. Their rows are locked until the transaction ends, always in one order: two who step down at
    the same time do so one after the other."""
    rows = await database.fetch_all(
        select(users.c.id)
        .where((users.c.role == Role.ADMIN.value) & users.c.closed_at.is_(None))
        .order_by(users.c.id)
        .with_for_update()
    )
    return [row["id"] for row in rows]


def last_admin() -> Refusal:
    """What the last of them is told who wants to be one no more."""
    return Refusal("last_admin", "This is the last admin. Make somebody else one first; nothing was changed.")


async def change(database: Database, user_id: int, role: Role, *, actor_id: int) -> None:
    """Give an open account another role. Raises `Refusal` not_found, and last_admin: there must be somebody
    who can give it back."""
    async with database.transaction():
        admins = await lock_admins(database)
        this = (users.c.id == user_id) & users.c.closed_at.is_(None)
        row = await database.fetch_one(select(users.c.role).where(this).with_for_update())
        if row is None:
            raise Refusal("not_found", "There is no such account.")
        if role is not Role.ADMIN and admins == [user_id]:
            raise last_admin()
        await database.execute(update(users).where(this).values(role=role.value))
        await audit.record(
            database,
            actor_id=actor_id,
            event_id=None,
            action="account.role",
            before={"account": user_id, "role": row["role"]},
            after={"account": user_id, "role": role.value},
        )

"""What the links in letters stand for. A link works once, for a while; the letter has its signature."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from databases import Database
from sqlalchemy import insert, select, update

from ticketflow.domain import now
from ticketflow.store.tables import mail_links

DAY = 86_400


class Purpose(StrEnum):
    """What using a link does: prove the account's address, let its owner back in, give it another address."""

    VERIFY = "verify"
    RESET = "reset"
    CHANGE = "change"


SECONDS = {Purpose.VERIFY: 3 * DAY, Purpose.RESET: 1800, Purpose.CHANGE: 3 * DAY}
"""How long a link works."""


@dataclass(frozen=True)
class MailLink:
    id: str
    purpose: Purpose
    user_id: int | None
    email: str


async def add(database: Database, purpose: Purpose, email: str, user_id: int | None) -> str:
    """Write a new link down and give its id. Without `user_id`, the postman finds whose address it is."""
    link_id, at = secrets.token_hex(16), now()
    row = {
        "id": link_id,
        "purpose": purpose.value,
        "user_id": user_id,
        "email": email,
        "created_at": at,
        "expires_at": at + timedelta(seconds=SECONDS[purpose]),
    }
    await database.execute(insert(mail_links).values(row))
    return link_id


async def usable(database: Database, link_id: str, *, lock: bool = False) -> MailLink | None:
    """The link, if it was not used and is not too old. With `lock`, inside a transaction, nobody else uses it
    before that ends."""
    query = select(mail_links).where(mail_links.c.id == link_id)
    row = await database.fetch_one(query.with_for_update() if lock else query)
    return _link(row) if row and row["used_at"] is None and now() < row["expires_at"] else None


async def pending_change(database: Database, user_id: int) -> str | None:
    """The address that the account is to have once the link sent there is used; None if there is none."""
    link = mail_links.c
    waiting = (link.user_id == user_id) & link.used_at.is_(None) & (link.expires_at > now())
    query = select(link.email).where(waiting & (link.purpose == Purpose.CHANGE.value))
    email: str | None = await database.fetch_val(query.order_by(link.created_at.desc()).limit(1))
    return email


async def note_used(database: Database, link_id: str) -> None:
    await database.execute(update(mail_links).where(mail_links.c.id == link_id).values(used_at=now()))


async def end(database: Database, user_id: int, *purposes: Purpose) -> None:
    """Let no link of the account for these purposes work any more."""
    theirs = (mail_links.c.user_id == user_id) & mail_links.c.purpose.in_([p.value for p in purposes])
    await database.execute(
        update(mail_links).where(theirs & mail_links.c.used_at.is_(None)).values(used_at=now())
    )


async def leave_resets(database: Database, user_id: int) -> None:
    """Let the account go that never proved its address: who asked there for a new password may be another,
    and the postman looks once more whose it is."""
    theirs = (mail_links.c.user_id == user_id) & (mail_links.c.purpose == Purpose.RESET.value)
    await database.execute(update(mail_links).where(theirs).values(user_id=None))


async def name_owner(database: Database, link_id: str, user_id: int) -> None:
    """Note whose link it is, as the postman has found out."""
    await database.execute(update(mail_links).where(mail_links.c.id == link_id).values(user_id=user_id))


def _link(row: Any) -> MailLink:
    return MailLink(row["id"], Purpose(row["purpose"]), row["user_id"], row["email"])

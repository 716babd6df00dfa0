"""Letters about accounts, and the links in them, as tests get at them."""

import re

from sqlalchemy import select

from tests.house import House
from ticketflow.accounts.links import Links
from ticketflow.domain import User
from ticketflow.store import mail_links, users
from ticketflow.store.mail_links import Purpose
from ticketflow.store.tables import mail_links as table


async def letter(house: House, address: str, subject: str) -> str:
    """The text of the newest letter to that address with that subject, once it has come."""
    assert house.mailbox is not None
    message = await house.mailbox.letter_to(address, subject)
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def token_in(text: str) -> str:
    """The token of the link in a letter."""
    (token,) = re.findall(r"\?token=(\S+)", text)
    return str(token)


async def newest_token(house: House, purpose: Purpose, email: str) -> str:
    """The token of the newest such link, written as the postman would, without waiting for it."""
    those = (table.c.purpose == purpose.value) & (table.c.email == email)
    row = await house.database.fetch_one(select(table).where(those).order_by(table.c.created_at.desc()))
    assert row is not None
    owner = await _owner(house, row["user_id"], email)
    await mail_links.name_owner(house.database, row["id"], owner.id)
    return Links(house.settings.secret_keys).write(row["id"], owner)


async def _owner(house: House, user_id: int | None, email: str) -> User:
    found = (
        await users.by_id(house.database, user_id) if user_id else await users.owner(house.database, email)
    )
    assert found is not None
    return found

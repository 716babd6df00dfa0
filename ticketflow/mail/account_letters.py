"""Letters about accounts: what is still true of them is found out when they are written.

Who asked for a letter has not been told whether there is an account. The postman looks, when nobody waits for
an answer: it writes to the account it finds, says something else to who has an account already, or nothing.

The name that somebody gave is in none of them: whoever makes an account with another's address would choose
the words of a letter to them.
"""

import asyncio

from databases import Database

from ticketflow.accounts.links import Links
from ticketflow.domain import User
from ticketflow.mail.looks import art_band
from ticketflow.mail.message import Messages
from ticketflow.store import events, mail_links, reminders, users
from ticketflow.store.mail_links import MailLink, Purpose
from ticketflow.store.outbox import CLOSED_LETTER, Letter

PAGES = {Purpose.VERIFY: "verify", Purpose.CHANGE: "verify", Purpose.RESET: "reset"}
"""Where a link of each purpose leads."""
NOTICES = {"password_changed": "forgot", "email_changed": "", CLOSED_LETTER: ""}
"""Where a letter leads that only tells what has happened."""


class AccountLetters:
    """Writes the letters of the outbox that tell of no booking."""

    def __init__(self, database: Database, messages: Messages, links: Links) -> None:
        self._database = database
        self._messages = messages
        self._links = links

    async def write(self, letter: Letter) -> bytes | None:
        """The message, or None if there is nothing to say: no account, or not true any more."""
        if letter.link_id is not None:
            return await self._with_link(letter, letter.link_id)
        if letter.kind == reminders.SALE_OPENS:
            return await self._about_sale(letter)
        user = await users.by_id(self._database, letter.user_id or 0)
        if user is None or (user.closed and letter.kind != CLOSED_LETTER):
            return None
        return self._messages.about_account(letter, letter.kind, NOTICES[letter.kind])

    async def _with_link(self, letter: Letter, link_id: str) -> bytes | None:
        link = await mail_links.usable(self._database, link_id)
        user = await self._owner(link) if link else None
        if link is None or user is None or user.closed:
            return None
        if link.purpose is not Purpose.RESET:
            proven = await users.proven(self._database, link.email)
            if proven and proven.id != user.id:
                return self._messages.about_account(letter, "already_known", "forgot")
            if proven or (link.purpose is Purpose.VERIFY and user.email != link.email):
                return None
        page = f"{PAGES[link.purpose]}?token={self._links.write(link.id, user)}"
        return self._messages.about_account(letter, letter.kind, page)

    async def _about_sale(self, letter: Letter) -> bytes | None:
        """With the event as it is now: a time that was moved since is told as it became."""
        event_id, user_id = letter.event_id or 0, letter.user_id or 0
        wish = await reminders.wanted(self._database, event_id, user_id, letter.recipient)
        event = await events.by_id(self._database, event_id)
        if wish is None or event is None:
            return None
        page = f"unsubscribe?token={self._links.write_stop(event_id, user_id)}"
        # Drawn once an event, which takes longer than the other loops of a worker may wait.
        await asyncio.to_thread(art_band, event.id)
        return self._messages.about_sale(
            letter,
            wish.name,
            event,
            page,
            moved=wish.moved,
            opened=wish.opened,
            from_lobby=wish.from_lobby,
        )

    async def _owner(self, link: MailLink) -> User | None:
        if link.user_id is not None:
            return await users.by_id(self._database, link.user_id)
        # Decided once, before the letter goes: whoever claims the address later changes nothing about whom
        # the link in it lets in.
        user = await users.owner(self._database, link.email)
        if user:
            await mail_links.name_owner(self._database, link.id, user.id)
        return user

"""A letter's message for eyes at the delivery desk: as it goes out, but for links that open an account."""

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage

from databases import Database

from ticketflow.domain import BookingStatus
from ticketflow.mail.headers import Unwritable
from ticketflow.mail.message import Messages
from ticketflow.store import bookings, events, reminders, users
from ticketflow.store.mail_desk import DeskLetter
from ticketflow.store.outbox import CLOSED_LETTER, CONFIRMATION

LEFT_OUT = "(the link is only in the letter)"
NOBODY = "left.out@invalid"


class LetterReader:
    """Writes messages to be looked at, never to be sent."""

    def __init__(self, database: Database, messages: Messages) -> None:
        self._database = database
        self._messages = messages

    async def read(self, letter: DeskLetter) -> EmailMessage | None:
        """The message as it would be written now; None if it would not be, for it is not true any more, or
        never can be.

        A link of an account's letter is not even made: only the postman signs one.
        """
        try:
            written = await self._write(letter)
        except Unwritable:
            return None
        return None if written is None else _opened(written, letter)

    async def _write(self, letter: DeskLetter) -> bytes | None:
        if letter.kind == reminders.SALE_OPENS:
            return await self._about_sale(letter)
        if letter.booking_id is None:
            return self._about_account(letter)
        booking = (await bookings.by_ids(self._database, [letter.booking_id])).get(letter.booking_id)
        if booking is None:
            return None
        event = await events.by_id(self._database, booking.event_id)
        user = await users.by_id(self._database, booking.user_id)
        cancelled = letter.kind == CONFIRMATION and booking.status is BookingStatus.CANCELLED
        if event is None or user is None or user.closed or cancelled:
            return None
        return await asyncio.to_thread(self._messages.write, letter.plain, user.name, booking, event)

    async def _about_sale(self, letter: DeskLetter) -> bytes | None:
        event = await events.by_id(self._database, letter.event_id or 0)
        user = await users.by_id(self._database, letter.user_id or 0)
        if event is None or user is None or user.closed:
            return None
        asked, lobby = await reminders.asked(self._database, event.id, user.id), event.lobby_opens_at
        from_lobby = lobby is not None and asked is not None and asked >= lobby
        return await asyncio.to_thread(
            self._messages.about_sale, letter.plain, user.name, event, LEFT_OUT, from_lobby=from_lobby
        )

    def _about_account(self, letter: DeskLetter) -> bytes:
        plain = letter.plain
        if not letter.recipient:
            plain = type(plain)(**{**vars(plain), "recipient": NOBODY})
        return self._messages.about_account(plain, letter.kind, LEFT_OUT)


def _opened(written: bytes, letter: DeskLetter) -> EmailMessage:
    """With the date on which it went, if it did: not that of being looked at. A last letter's address is
    forgotten."""
    message: EmailMessage = message_from_bytes(written, policy=policy.default)
    del message["Date"]
    if letter.sent_at is not None:
        message["Date"] = letter.sent_at
    if letter.kind == CLOSED_LETTER or not letter.recipient:
        del message["To"]
    return message

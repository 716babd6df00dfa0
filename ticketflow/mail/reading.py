"""A letter's message for eyes at the delivery desk: as it goes out, but for links that open an account."""

import asyncio
from email.message import EmailMessage
from functools import partial

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
            return await self._read(letter)
        except Unwritable:
            return None

    async def _read(self, letter: DeskLetter) -> EmailMessage | None:
        if letter.kind == reminders.SALE_OPENS:
            return await self._about_sale(letter)
        if letter.booking_id is None:
            return self._dated(letter, self._about_account(letter))
        booking = (await bookings.by_ids(self._database, [letter.booking_id])).get(letter.booking_id)
        if booking is None:
            return None
        event = await events.by_id(self._database, booking.event_id)
        user = await users.by_id(self._database, booking.user_id)
        cancelled = letter.kind == CONFIRMATION and booking.status is BookingStatus.CANCELLED
        if event is None or user is None or user.closed or cancelled:
            return None
        write = self._messages.write
        return self._dated(letter, await asyncio.to_thread(write, letter.plain, user.name, booking, event))

    async def _about_sale(self, letter: DeskLetter) -> EmailMessage | None:
        event = await events.by_id(self._database, letter.event_id or 0)
        user = await users.by_id(self._database, letter.user_id or 0)
        if event is None or user is None or user.closed:
            return None
        asked, lobby = await reminders.asked(self._database, event.id, user.id), event.lobby_opens_at
        from_lobby = lobby is not None and asked is not None and asked >= lobby
        write = partial(self._messages.about_sale, from_lobby=from_lobby)
        return self._dated(letter, await asyncio.to_thread(write, letter.plain, user.name, event, LEFT_OUT))

    def _about_account(self, letter: DeskLetter) -> EmailMessage:
        plain = letter.plain
        if not letter.recipient:
            plain = type(plain)(**{**vars(plain), "recipient": NOBODY})
        message = self._messages.about_account(plain, letter.kind, LEFT_OUT)
        if letter.kind == CLOSED_LETTER or not letter.recipient:
            del message["To"]
        return message

    @staticmethod
    def _dated(letter: DeskLetter, message: EmailMessage) -> EmailMessage:
        """With the date on which it went, if it did: not that of being looked at."""
        del message["Date"]
        if letter.sent_at is not None:
            message["Date"] = letter.sent_at
        return message

"""Writes a letter's message from what the database says at that moment, or finds it is not to be sent."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from databases import Database

from ticketflow.domain import Booking, BookingStatus, Event, User
from ticketflow.groups import GroupReader
from ticketflow.mail.account_letters import AccountLetters
from ticketflow.mail.headers import Unwritable
from ticketflow.mail.looks import art_band
from ticketflow.mail.message import Messages
from ticketflow.store import bookings, events, users
from ticketflow.store.outbox import CONFIRMATION, Letter

FEW_TICKETS = 2
"""Whose codes are drawn at once. More would take longer than the other loops of a worker may wait, and a
thread for each letter takes longer than the letter: the two take the interpreter from each other."""


class Undeliverable(Exception):
    """No further try can help; the message says why."""


class Untrue(Exception):
    """What the letter says has ended before it was sent; another letter says so."""


@dataclass(frozen=True)
class About:
    """What a letter about a booking tells of; None where there is no such thing any more."""

    booking: Booking
    event: Event | None
    user: User | None


class Writer:
    """Any number may ask at once: what they need is read together."""

    def __init__(
        self,
        database: Database,
        messages: Messages,
        account_letters: AccountLetters,
        find_event: Callable[[int], Event | None],
    ) -> None:
        self._database = database
        self._find_event = find_event
        self._messages = messages
        self._account_letters = account_letters
        self._about = GroupReader[str, About](self._read)

    async def write(self, letter: Letter) -> bytes:
        """The letter's message. Raises `Untrue`, `Undeliverable`."""
        try:
            return await self._write(letter)
        except Unwritable as error:
            raise Undeliverable(str(error)) from error

    async def _write(self, letter: Letter) -> bytes:
        if letter.booking_id is None:
            message = await self._account_letters.write(letter)
            if message is None:
                raise Untrue
            return message
        about = await self._about.find(letter.booking_id)
        if about is None:
            raise Undeliverable("The booking it tells of does not exist.")
        if about.event is None or about.user is None:
            raise Undeliverable("The event or the account of this booking does not exist.")
        cancelled = about.booking.status is BookingStatus.CANCELLED
        if about.user.closed or (letter.kind == CONFIRMATION and cancelled):
            raise Untrue
        # Drawn once an event, which takes longer than the other loops of a worker may wait.
        await asyncio.to_thread(art_band, about.event.id)
        write = partial(self._messages.write, letter, about.user.name, about.booking, about.event)
        if len(about.booking.tickets) > FEW_TICKETS:
            return await asyncio.to_thread(write)
        return write()

    async def _read(self, booking_ids: list[str]) -> dict[str, About]:
        found = await bookings.by_ids(self._database, booking_ids)
        owners = await users.by_ids(self._database, [booking.user_id for booking in found.values()])
        wanted = {booking.event_id for booking in found.values()}
        shown = {event_id: await self._event(event_id) for event_id in wanted}
        return {
            booking.id: About(booking, shown[booking.event_id], owners.get(booking.user_id))
            for booking in found.values()
        }

    async def _event(self, event_id: int) -> Event | None:
        """As this process knows it, which is a second old at most; of this second's it does not know."""
        return self._find_event(event_id) or await events.by_id(self._database, event_id)

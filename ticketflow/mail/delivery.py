"""The postman: leases letters from the outbox and hands them to the mail server, one after another."""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage

from aiosmtplib import SMTP, SMTPException, SMTPRecipientsRefused, SMTPResponseException
from databases import Database

from ticketflow.domain import BookingStatus, now
from ticketflow.faults import Point, reached
from ticketflow.loops import lasting
from ticketflow.mail.account_letters import AccountLetters
from ticketflow.mail.message import Messages
from ticketflow.store import bookings, events, outbox, users, violations
from ticketflow.store.outbox import CONFIRMATION, Letter

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.5
"""How long an empty outbox is left alone."""
MOST_ATTEMPTS = 12
FIRST_DELAY_SECONDS = 2.0
LONGEST_DELAY_SECONDS = 600.0


class Undeliverable(Exception):
    """No further try can help; the message says why."""


class Untrue(Exception):
    """What the letter says has ended before it was sent; another letter says so."""


class Postman:
    """Delivers the outbox. Any number of postmen may work on one outbox; each letter has one at a time."""

    def __init__(
        self,
        database: Database,
        messages: Messages,
        account_letters: AccountLetters,
        connect: Callable[[], SMTP],
        *,
        batch: int,
        lease_seconds: float,
    ) -> None:
        self._database = database
        self._messages = messages
        self._account_letters = account_letters
        self._connect = connect
        self._batch = batch
        self._lease_seconds = lease_seconds
        self._smtp: SMTP | None = None

    @lasting
    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            while True:
                try:
                    delivered = await self.deliver_due()
                except violations.BROKEN as error:
                    log.warning("the outbox could not be read: %s", error)
                    delivered = 0
                if not delivered:
                    await asyncio.sleep(IDLE_SECONDS)
        finally:
            await self._hang_up()

    async def deliver_due(self) -> int:
        """Deliver what is due, up to a batch. Gives the number of letters taken in hand."""
        letters = await outbox.lease(self._database, self._batch, self._lease_seconds)
        if letters:
            reached(Point.MAIL_LEASED)
        # Letters still in hand near the end of the lease would be delivered by somebody else as well.
        enough = asyncio.get_running_loop().time() + self._lease_seconds / 2
        left = list(letters)
        try:
            while left and asyncio.get_running_loop().time() < enough:
                await self._deliver(left[0])
                del left[0]
        finally:
            # Also when stopped in the middle: the letter at hand may be sent twice, the others not.
            # In a task of its own: `databases` leaves a cancelled task's connection unusable.
            if left:
                giving = outbox.give_back(self._database, [letter.id for letter in left])
                await asyncio.shield(asyncio.create_task(giving))
        return len(letters)

    async def _deliver(self, letter: Letter) -> None:
        try:
            await self._send(letter)
        except Undeliverable as error:
            await outbox.give_up(self._database, letter, str(error))
        except Untrue:
            await outbox.withdraw(self._database, letter.id)
        except (SMTPException, OSError, TimeoutError) as error:
            await self._hang_up()
            await self._try_later(letter, error)
        except violations.BROKEN:
            raise
        except Exception as error:
            # One letter that cannot be written must not stop the others.
            log.exception("letter %d could not be written", letter.id)
            await self._try_later(letter, error)
        else:
            reached(Point.MAIL_DELIVERED)
            await outbox.sent(self._database, [letter.id])
            reached(Point.MAIL_NOTED)

    async def _written(self, letter: Letter) -> EmailMessage:
        """The letter's message. Raises `Untrue`, `Undeliverable`."""
        if letter.booking_id is None:
            message = await self._account_letters.write(letter)
            if message is None:
                raise Untrue
            return message
        found = (await bookings.by_ids(self._database, [letter.booking_id])).get(letter.booking_id)
        if found is None:
            raise Undeliverable("The booking it tells of does not exist.")
        event = await events.by_id(self._database, found.event_id)
        user = await users.by_id(self._database, found.user_id)
        if event is None or user is None:
            raise Undeliverable("The event or the account of this booking does not exist.")
        if user.closed or (letter.kind == CONFIRMATION and found.status is BookingStatus.CANCELLED):
            raise Untrue
        # Codes and artwork take their time to draw, and the other loops have none to lose.
        return await asyncio.to_thread(self._messages.write, letter, user.name, found, event)

    async def _send(self, letter: Letter) -> None:
        message = await self._written(letter)
        smtp = await self._connected()
        try:
            await smtp.send_message(message, recipients=[letter.recipient])
        except SMTPRecipientsRefused as error:
            refusal = error.recipients[0]
            if refusal.code >= 500:
                raise Undeliverable(f"{refusal.code} {refusal.message}") from error
            raise
        except SMTPResponseException as error:
            if error.code >= 500:
                raise Undeliverable(f"{error.code} {error.message}") from error
            raise

    async def _try_later(self, letter: Letter, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        if letter.attempts + 1 >= MOST_ATTEMPTS:
            await outbox.give_up(self._database, letter, reason)
            return
        delay = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2**letter.attempts)
        # Jitter: letters that failed together must not come back together.
        until = now() + timedelta(seconds=delay * random.uniform(0.5, 1.0))
        await outbox.postpone(self._database, letter.id, reason, until)

    async def _connected(self) -> SMTP:
        if self._smtp is None or not self._smtp.is_connected:
            smtp = self._connect()
            await smtp.connect()
            self._smtp = smtp
        return self._smtp

    async def _hang_up(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None and smtp.is_connected:
            smtp.close()

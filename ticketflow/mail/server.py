"""The mail server as a worker sees it: there, or away. Away is no letter's fault, and costs none a try."""

import asyncio
import logging
import random
from collections.abc import Callable

from aiosmtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ticketflow.mail.client import MailClient
from ticketflow.mail.closings import Closings
from ticketflow.mail.server_board import say_away, say_up

log = logging.getLogger(__name__)

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 20.0
"""Between two looks whether it is back: twice as long each time. Shorter than its absence is believed."""
BOARD_SECONDS = 2.0


class ServerAway(Exception):
    """It cannot be reached, or takes no letters from us at all; the message says why."""


class MailServer:
    """Makes connections, and finds out when it makes sense to try again."""

    def __init__(self, make: Callable[[], MailClient], redis: "Redis", prefix: str) -> None:
        self._make = make
        self._redis = redis
        self._prefix = prefix
        self._tries = 0
        self._spare: MailClient | None = None
        self.away = False
        self.closings = Closings()

    async def connect(self) -> MailClient:
        """A new connection: greeted, encrypted and signed in as the settings want. Raises `ServerAway`."""
        if self.away:
            raise ServerAway("it was away a moment ago")
        if self._spare is not None and self._spare.is_connected:
            spare, self._spare = self._spare, None
            return spare
        return await self._connect()

    async def _connect(self) -> MailClient:
        smtp = self._make()
        try:
            await smtp.connect()
            if smtp.is_ehlo_or_helo_needed:
                await smtp.ehlo()
        except (SMTPException, OSError, TimeoutError, ValueError) as error:
            smtp.close()
            raise ServerAway(words_of(error)) from error
        return smtp

    def note_answer(self, letter_id: int) -> None:
        """It deals with letters: the next absence is a new one."""
        self.closings.note_answer(letter_id)
        self._tries = 0

    async def gone(self, reason: str) -> None:
        """Note that it is away. Nobody gets a connection until `back` has found it."""
        if self.away:
            return  # said already, in the words of who has lost it
        self.away = True
        log.warning("the mail server is away, letters wait: %s", reason)
        await self._say(reason)

    async def back(self) -> None:
        """Return once it is there; at once if it is not known to be away."""
        while self.away:
            delay = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2**self._tries)
            self._tries = min(self._tries + 1, 16)
            # Jitter: all workers have lost it in the same moment.
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            try:
                self._spare = await self._connect()
            except ServerAway as error:
                log.info("the mail server is still away: %s", error)
                await self._say(str(error))
            else:
                self.away = False
                log.warning("the mail server is back")
                await self._say(None)

    def close(self) -> None:
        """Let go of a connection that nobody has taken up."""
        if self._spare is not None:
            self._spare.close()

    async def _say(self, reason: str | None) -> None:
        """Tell the delivery desk; if Redis does not listen, the log has it."""
        try:
            async with asyncio.timeout(BOARD_SECONDS):
                if reason is None:
                    await say_up(self._redis, self._prefix)
                else:
                    await say_away(self._redis, self._prefix, reason)
        except (RedisError, OSError) as error:
            log.warning("where the mail server is could not be told: %s", error)


def words_of(error: Exception) -> str:
    """What the server has said, or what went wrong before it could say anything."""
    if isinstance(error, SMTPRecipientsRefused):
        return f"{error.recipients[0].code} {error.recipients[0].message}"
    if isinstance(error, SMTPResponseException):
        return f"{error.code} {error.message}"
    return f"{type(error).__name__}: {error}"

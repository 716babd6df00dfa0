"""One kept connection to the mail server, and what its answers mean: for the letter, or for all letters.

    taken               the letter is delivered
    5xx                 `Refused`: no further try can help
    4xx, no answer in   `NotNow`: another try may
    time, cut off
    421 to the letter   `PutOff`: about the letter or the server, nobody knows yet
    no connection,      `ServerAway`: not about this letter at all
    no sender

What is said before the letter is named is about us. All else may be the letter's doing: such a letter must
not be the first again, or a few of them could keep all others back. Whether a connection that was cut off, or
fell silent, is its doing is found out by making another: a server that is not there for that is away.
"""

from contextlib import suppress
from typing import NoReturn

from aiosmtplib import (
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from ticketflow.mail.client import MailClient
from ticketflow.mail.server import MailServer, ServerAway, words_of

CLOSING = 421
TOO_LARGE = 552
"""What is said to a sender about the letter: all else there is about us."""


class Refused(Exception):
    """The server will never take this letter; the message says why."""


class NotNow(Exception):
    """The server did not take this letter this time; the message says why."""


class PutOff(Exception):
    """The server closed on this letter, as it may on any: let others go first. The message says why."""

    def __init__(self, reason: str, times: int) -> None:
        super().__init__(reason)
        self.times = times
        """How often it has done so."""


class Line:
    """Sends letters one after another, over one connection as long as that lasts."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._smtp: MailClient | None = None

    async def send(self, letter_id: int, message: bytes, recipient: str) -> None:
        """Hand a letter over. Raises what the table above says; who is cancelled does not know."""
        try:
            await self._send(letter_id, message, recipient)
        except PutOff as error:
            if self._server.closings.on_all:
                await self._server.gone(str(error))
            raise
        except (Refused, NotNow):
            raise
        except ServerAway as error:
            await self._server.gone(str(error))
            raise
        except BaseException:
            # Somewhere in the middle of a conversation: nobody could take it up.
            self.close()
            raise
        self._server.note_answer(letter_id)

    async def _send(self, letter_id: int, message: bytes, recipient: str) -> None:
        kept = self._smtp is not None and self._smtp.is_connected
        smtp = await self._connected()
        try:
            await smtp.deliver(message, recipient)
        except (SMTPException, OSError, TimeoutError, ValueError) as error:
            if isinstance(error, ValueError | SMTPNotSupported):
                raise Refused(words_of(error)) from error
            code = _code(error)
            if code is None or code == CLOSING:
                self.close()
                if kept and _has_nothing(smtp, error):
                    # Servers end a connection that was idle, or has brought enough: that is about neither.
                    return await self._send(letter_id, message, recipient)
            if code is None:
                await self._connected()
                raise NotNow(words_of(error)) from error
            self._judge(letter_id, error, code)

    def _judge(self, letter_id: int, error: Exception, code: int) -> NoReturn:
        """Say what an answer means that was not yes."""
        reason, closings = words_of(error), self._server.closings
        if isinstance(error, SMTPSenderRefused) and code != TOO_LARGE:
            # Our sender is the same on every letter: who is refused for it is refused all of them.
            raise ServerAway(reason) from error
        if code == CLOSING:
            suspected = closings.suspects(letter_id)
            closings.note(letter_id)
            raise (NotNow(reason) if suspected else PutOff(reason, closings.times(letter_id))) from error
        self._server.note_answer(letter_id)
        raise (Refused if code >= 500 else NotNow)(reason) from error

    async def _connected(self) -> MailClient:
        if self._smtp is None or not self._smtp.is_connected:
            self.close()
            self._smtp = await self._server.connect()
        return self._smtp

    async def leave(self) -> None:
        """Say goodbye, as far as the server lets us."""
        if self._smtp is not None and self._smtp.is_connected:
            with suppress(SMTPException, OSError, TimeoutError):
                await self._smtp.quit(timeout=1)
        self.close()

    def close(self) -> None:
        """Drop the connection."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()


def _code(error: Exception) -> int | None:
    """The code the server has answered with; None if it has not answered."""
    if isinstance(error, SMTPRecipientsRefused):
        return error.recipients[0].code
    # What cannot be read has a code below zero.
    return error.code if isinstance(error, SMTPResponseException) and error.code > 0 else None


def _has_nothing(smtp: MailClient, error: Exception) -> bool:
    """Whether the server, lost this way, cannot have taken the letter: it says so, or never had the text."""
    return not isinstance(error, TimeoutError) and (_code(error) == CLOSING or not smtp.text_begun)

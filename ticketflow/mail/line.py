"""One kept connection to the mail server, and what its answers mean: for the letter, or for all letters.

    taken               the letter is delivered
    5xx                 `Refused`: no further try can help
    4xx, no answer in   `NotNow`: another try may
    time, cut off
    no connection,      `ServerAway`: not about this letter at all
    421, no sender

Whether a connection that was cut off, or fell silent, is the letter's doing is found out by making another: a
server that is not there for that is away.
"""

from contextlib import suppress
from email.message import EmailMessage

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from ticketflow.mail.server import MailServer, ServerAway, words_of

CLOSING = 421
TOO_LARGE = 552
"""What is said to a sender about the letter: all else there is about us."""


class Refused(Exception):
    """The server will never take this letter; the message says why."""


class NotNow(Exception):
    """The server did not take this letter this time; the message says why."""


class Line:
    """Sends letters one after another, over one connection as long as that lasts."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._smtp: SMTP | None = None

    async def send(self, letter_id: int, message: EmailMessage, recipient: str) -> None:
        """Hand a letter over. Raises `Refused`, `NotNow`, `ServerAway`; who is cancelled does not know."""
        try:
            await self._send(letter_id, message, recipient)
        except (Refused, NotNow):
            self._server.note_answer()
            raise
        except ServerAway as error:
            await self._server.gone(str(error))
            raise
        except BaseException:
            # Somewhere in the middle of a conversation: nobody could take it up.
            self.close()
            raise
        self._server.note_answer()

    async def _send(self, letter_id: int, message: EmailMessage, recipient: str) -> None:
        kept = self._smtp is not None and self._smtp.is_connected
        smtp = await self._connected()
        try:
            await smtp.send_message(message, recipients=[recipient])
        except (SMTPException, OSError, TimeoutError, ValueError) as error:
            code = _code(error)
            reason = words_of(error)
            if isinstance(error, ValueError | SMTPNotSupported):
                raise Refused(reason) from error
            lost = code is None or code == CLOSING
            if lost:
                self.close()
            if lost and kept and not isinstance(error, TimeoutError):
                # Servers end a connection that was idle, or has brought enough: that is about neither.
                return await self._send(letter_id, message, recipient)
            if code is None:
                await self._connected()
                raise NotNow(reason) from error
            if code == CLOSING or _is_about_us(error, code):
                raise (NotNow if self._server.suspects(letter_id) else ServerAway)(reason) from error
            raise (Refused if code >= 500 else NotNow)(reason) from error

    async def _connected(self) -> SMTP:
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


def _is_about_us(error: Exception, code: int) -> bool:
    """Our sender is the same on every letter: who is refused for it is refused all of them."""
    return isinstance(error, SMTPSenderRefused) and code >= 500 and code != TOO_LARGE

"""The library's mail client, which also knows how far a letter has come."""

from typing import Any

from aiosmtplib import SMTP, SMTPResponse


class MailClient(SMTP):
    """Talks to the server over one connection. All letters are from `sender`."""

    text_begun = False
    """Whether the server may have the text of the letter at hand. Who hands over the next says no again."""

    def __init__(self, sender: str, **how: Any) -> None:
        super().__init__(**how)
        self._sender = sender

    async def deliver(self, message: bytes, recipient: str) -> None:
        """Hand over a letter, as the bytes that are to arrive."""
        self.text_begun = False
        # Whoever has such an address has it in the letter's head, too (RFC 6531).
        options = [] if recipient.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
        await self.sendmail(self._sender, recipient, message, mail_options=options)

    async def data(self, message: str | bytes, /, **how: Any) -> SMTPResponse:
        """As the library's."""
        self.text_begun = True
        return await super().data(message, **how)

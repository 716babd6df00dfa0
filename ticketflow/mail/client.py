"""The library's mail client, which also knows how far a letter has come."""

from typing import Any

from aiosmtplib import SMTP, SMTPResponse


class MailClient(SMTP):
    """Talks to the server over one connection."""

    text_begun = False
    """Whether the server may have the text of the letter at hand. Who hands over the next says no again."""

    async def data(self, message: str | bytes, /, **how: Any) -> SMTPResponse:
        """As the library's."""
        self.text_begun = True
        return await super().data(message, **how)

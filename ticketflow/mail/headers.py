"""A letter's headers: what is put into one is text, and stands on the wire as one header.

The e-mail library reads what it is given as if it had come by mail: an encoded word (RFC 2047) in a name or
an address is decoded, and the line breaks in it are written out. So these are never read by it: they bring
along how they are written.
"""

import re
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, Policy

MOST_LINE = 998
"""Of a line on the wire, in bytes (RFC 5322)."""
USUAL_LINE = 76
MOST_LOCAL = 64
ENCODED = "=?"
"""How an encoded word begins."""

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+"
_END = r"[A-Za-z0-9\u0080-\U0010ffff]"
_LABEL = rf"{_END}(?:[A-Za-z0-9\-\u0080-\U0010ffff]{{0,61}}{_END})?"
_ADDRESS = re.compile(rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@{_LABEL}(?:\.{_LABEL})*")


class Unwritable(ValueError):
    """No letter can say this; the message says why."""


def is_address(text: str) -> bool:
    """Whether it is a plain dot-atom at the name of a host. Other signs than ASCII's are left to the mail
    server, which takes them (SMTPUTF8) or refuses the letter."""
    found = _ADDRESS.fullmatch(text)
    return (
        found is not None and ENCODED not in text and text.isprintable() and len(found["local"]) <= MOST_LOCAL
    )


class Raw(str):
    """A header that is written as it is, in one line. The library takes what has a name and can fold."""

    name: str

    def __new__(cls, name: str, text: str) -> "Raw":
        made = super().__new__(cls, text)
        made.name = name
        return made

    def fold(self, *, policy: Policy) -> str:
        """The header on the wire; the library asks for it."""
        if not (self.isascii() or getattr(policy, "utf8", False)):
            raise Unwritable(f"{self.name} has other signs than ASCII's.")
        return f"{self.name}: {self}{policy.linesep}"


class Words(Raw):
    """A header that people read: what is not plain, or looks like an encoded word, is encoded by us."""

    def fold(self, *, policy: Policy) -> str:
        """The header on the wire; the library asks for it."""
        plain = self.isascii() and self.isprintable() and ENCODED not in self
        plain = plain and all(len(word) < USUAL_LINE // 2 for word in self.split(" "))
        header = Header(
            str(self), "us-ascii" if plain else "utf-8", maxlinelen=USUAL_LINE, header_name=self.name
        )
        return f"{self.name}: {header.encode(linesep=policy.linesep)}{policy.linesep}"


def address_header(name: str, address: str) -> Raw:
    """The one address of a header. Raises `Unwritable` for what is none."""
    if not is_address(address):
        raise Unwritable("The recipient is no address that a letter can be sent to.")
    return Raw(name, address)


def checked(message: EmailMessage) -> EmailMessage:
    """The message, if each of its headers is one on the wire. Raises `Unwritable`."""
    policy = SMTP if str(message["To"]).isascii() else SMTPUTF8
    for name, value in message.items():
        first, *more = policy.fold(name, value).removesuffix("\r\n").split("\r\n")
        folded = all(line[:1] in (" ", "\t") and line.strip() for line in more)
        if not folded or any(_is_broken(line) for line in (first, *more)):
            raise Unwritable(f"{name} would not be one header.")
    return message


def _is_broken(line: str) -> bool:
    return "\r" in line or "\n" in line or len(line.encode("utf-8", "surrogateescape")) > MOST_LINE

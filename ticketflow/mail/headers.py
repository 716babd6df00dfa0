"""A letter's headers: what is put into one is text, and stands on the wire as one header.

The e-mail library reads what it is given as if it had come by mail: an encoded word (RFC 2047) in a name or
an address is decoded, and the line breaks in it are written out. So it makes none of our letters: headers say
here how they are written, and `mime` puts the rest under them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.header import Header

LINE_END = "\r\n"
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


@dataclass(frozen=True)
class Raw:
    """A header that is written as it is, in one line."""

    name: str
    text: str

    def written(self) -> str:
        """The header on the wire, but for its end. Raises `Unwritable`."""
        if not self.text.isascii():
            raise Unwritable(f"{self.name} has other signs than ASCII's.")
        return f"{self.name}: {self.text}"


class Words(Raw):
    """A header that people read: what is not plain, or looks like an encoded word, is encoded by us."""

    def written(self) -> str:
        plain = self.text.isascii() and self.text.isprintable() and ENCODED not in self.text
        plain = plain and all(len(word) < USUAL_LINE // 2 for word in self.text.split(" "))
        header = Header(
            self.text, "us-ascii" if plain else "utf-8", maxlinelen=USUAL_LINE, header_name=self.name
        )
        return f"{self.name}: {header.encode(linesep=LINE_END)}"


class Address(Raw):
    """The one address of a header. In a letter with other signs than ASCII's there, the server is told."""

    def written(self) -> str:
        if not is_address(self.text):
            raise Unwritable("The recipient is no address that a letter can be sent to.")
        return f"{self.name}: {self.text}"


def head(headers: Iterable[Raw]) -> bytes:
    """The headers on the wire, each of them one. Raises `Unwritable`."""
    return b"".join(_checked(header) for header in headers)


def _checked(header: Raw) -> bytes:
    written = header.written()
    first, *more = written.split(LINE_END)
    folded = all(line[:1] in (" ", "\t") and line.strip() for line in more)
    if not folded or any(_is_broken(line) for line in (first, *more)):
        raise Unwritable(f"{header.name} would not be one header.")
    return f"{written}{LINE_END}".encode()


def _is_broken(line: str) -> bool:
    return "\r" in line or "\n" in line or len(line.encode()) > MOST_LINE

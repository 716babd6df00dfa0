"""What a letter says, before it is text and HTML: one sheet for both, so that they say the same."""

from collections.abc import Sequence
from dataclasses import dataclass

OWN_HUE = 80
"""The hue of letters about no event: that of our pages."""


@dataclass(frozen=True)
class Fact:
    """Something to look up: a label and what stands under it, the first line being what matters."""

    label: str
    lines: Sequence[str]


@dataclass(frozen=True)
class TicketShown:
    """A ticket, with its QR code as a PNG."""

    heading: str
    code: str
    lines: Sequence[str]
    qr: bytes

    @property
    def rows(self) -> Sequence[str]:
        """The code in rows of nine letters: so it can be read aloud, and fits beside its picture."""
        return [self.code[start : start + 9] for start in range(0, len(self.code), 9)]


@dataclass(frozen=True)
class Sheet:
    """A letter's words and facts, from the top."""

    subject: str
    preheader: str
    """What a mail program shows beside the subject."""
    title: str
    url: str
    button: str
    """What the link to `url` is called."""
    lead: Sequence[str] = ()
    body: Sequence[str] = ()
    foot: Sequence[str] = ()
    event_id: int | None = None
    """The event whose artwork and hue it has."""
    hue: int = OWN_HUE
    name: str = ""
    """The event's."""
    facts: Sequence[Fact] = ()
    tickets: Sequence[TicketShown] = ()
    stop_url: str = ""
    """Where the reader says that they want no more of this kind; "" if they did not ask for it."""

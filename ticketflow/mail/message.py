"""The messages: a sheet written as text and as HTML, its pictures inside and its calendar file beside it."""

from email.utils import formataddr, formatdate, parseaddr
from functools import cache, lru_cache
from hashlib import sha256

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from ticketflow.calendar_file import calendar_file, method_of
from ticketflow.domain import Booking, Event, now
from ticketflow.files import folder
from ticketflow.mail import account_words, event_sheets, mime
from ticketflow.mail.account_words import account_sheet
from ticketflow.mail.event_sheets import booking_sheet, sale_sheet
from ticketflow.mail.headers import Address, Raw, Words, head
from ticketflow.mail.looks import art_band, palette_of
from ticketflow.mail.sheet import Sheet
from ticketflow.store.outbox import Letter
from ticketflow.ticket_codes import TicketCodes

SUBJECTS = account_words.SUBJECTS | event_sheets.SUBJECTS
"""The subject of each kind of letter."""
ART = "art@ticketflow"
"""The Content-ID of the artwork. Each code has one that no other letter has."""


class Messages:
    """Writes the mail for a letter of the outbox: its bytes, as they go to the mail server.

    That takes three milliseconds, and two for each further ticket's code; an event's artwork takes a fifth of
    a second, once. Each raises `Unwritable` for a letter that could never be written.
    """

    def __init__(self, mail_from: str, public_url: str, codes: TicketCodes) -> None:
        self._from = Raw("From", formataddr(parseaddr(mail_from)))
        self._public_url = public_url.rstrip("/")
        self._codes = codes
        self._templates = _templates()

    def write(self, letter: Letter, name: str, booking: Booking, event: Event) -> bytes:
        """The message of the letter's kind: a booking's tickets, or that it is cancelled and paid back."""
        sheet = booking_sheet(letter.kind, name, booking, event, self._codes, self._public_url)
        # Published, not an invitation: a mail program offers to keep it, and asks for no answer.
        calendar = mime.file(
            f'text/calendar; charset="utf-8"; method="{method_of(event, booking)}"',
            calendar_file(event, booking, self._public_url, now()),
            f'attachment; filename="{event.slug}.ics"',
        )
        return self._message(letter, sheet, mime.multipart("mixed", self._body(sheet), calendar))

    def about_account(self, letter: Letter, kind: str, page: str) -> bytes:
        """The message of that kind, which may lead to a page of ours."""
        sheet = account_sheet(kind, f"{self._public_url}/{page}")
        return self._message(letter, sheet, self._body(sheet))

    def about_sale(
        self,
        letter: Letter,
        name: str,
        event: Event,
        stop_page: str,
        *,
        moved: bool = False,
        opened: bool = False,
        from_lobby: bool = False,
    ) -> bytes:
        """The message that a sale opens, or is `opened`; `stop_page` is the page that ends such letters."""
        stop_url = f"{self._public_url}/{stop_page}"
        opens = (None if from_lobby else event.lobby_opens_at) or event.sale_starts_at
        sheet = sale_sheet(
            name,
            event,
            moved=moved,
            opened=opened or now() >= opens,
            from_lobby=from_lobby,
            home=self._public_url,
            stop_url=stop_url,
        )
        # RFC 8058: a mail program's own button posts to that address, and nothing has to be signed in to.
        # In one line, however long: those buttons look for the very address, and read no encoded words.
        stop = Raw("List-Unsubscribe", f"<{stop_url}>")
        at_once = Raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
        return self._message(letter, sheet, self._body(sheet), stop, at_once)

    def _message(self, letter: Letter, sheet: Sheet, body: bytes, *more: Raw) -> bytes:
        headers = [
            self._from,
            Address("To", letter.recipient),
            # A line break in an event's name must not become a header of its own.
            Words("Subject", " ".join(sheet.subject.split())),
            Raw("Date", formatdate(usegmt=True)),
            Raw("Message-ID", letter.message_id),
            # Nobody's holiday notice answers it (RFC 3834).
            Raw("Auto-Submitted", "auto-generated"),
            *more,
            Raw("MIME-Version", "1.0"),
        ]
        return head(headers) + body

    def _body(self, sheet: Sheet) -> bytes:
        cids = [f"{sha256(ticket.code.encode()).hexdigest()[:24]}@ticketflow" for ticket in sheet.tickets]
        art = "" if sheet.event_id is None else ART
        context = {"sheet": sheet, "colours": palette_of(sheet.hue), "art": art, "cids": cids}
        plain = mime.text("plain", self._templates.get_template("letter.txt").render(context))
        html = mime.text("html", self._templates.get_template("letter.html").render(context))
        if sheet.event_id is not None:
            codes = [
                mime.file("image/png", ticket.qr, f'inline; filename="ticket-{number}.png"', cid)
                for number, (ticket, cid) in enumerate(zip(sheet.tickets, cids, strict=True), 1)
            ]
            html = mime.multipart("related", html, _artwork(sheet.event_id), *codes)
        return mime.multipart("alternative", plain, html)


@lru_cache(maxsize=64)
def _artwork(event_id: int) -> bytes:
    """The same part in all letters of an event."""
    return mime.file("image/jpeg", art_band(event_id), 'inline; filename="artwork.jpeg"', ART)


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(folder("templates") / "mail"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )

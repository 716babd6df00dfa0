"""The messages: a sheet written as text and as HTML, its pictures inside and its calendar file beside it."""

from base64 import encodebytes
from email.message import EmailMessage, MIMEPart
from email.utils import formatdate
from functools import lru_cache
from hashlib import sha256
from typing import Any, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from ticketflow.calendar_file import calendar_file, method_of
from ticketflow.domain import Booking, Event, now
from ticketflow.files import folder
from ticketflow.mail import account_words, event_sheets
from ticketflow.mail.account_words import account_sheet
from ticketflow.mail.event_sheets import booking_sheet, sale_sheet
from ticketflow.mail.headers import Raw, Words, address_header, checked
from ticketflow.mail.looks import art_band, palette_of
from ticketflow.mail.sheet import Sheet
from ticketflow.store.outbox import Letter
from ticketflow.ticket_codes import TicketCodes

SUBJECTS = account_words.SUBJECTS | event_sheets.SUBJECTS
"""The subject of each kind of letter."""
Pictures = dict[str, bytes]
"""Content-ID -> the artwork as a JPEG, or a code as a PNG."""
ART = "art@ticketflow"


class Messages:
    """Writes the mail for a letter of the outbox.

    A picture takes a third of a second to draw and a code some milliseconds: a loop that has others to serve
    calls `write` in a thread. Each raises `Unwritable` for a letter that could never be written.
    """

    def __init__(self, mail_from: str, public_url: str, codes: TicketCodes) -> None:
        self._mail_from = mail_from
        self._public_url = public_url.rstrip("/")
        self._codes = codes
        self._templates = Environment(
            loader=FileSystemLoader(folder("templates") / "mail"),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def write(self, letter: Letter, name: str, booking: Booking, event: Event) -> EmailMessage:
        """The message of the letter's kind: a booking's tickets, or that it is cancelled and paid back."""
        sheet = booking_sheet(letter.kind, name, booking, event, self._codes, self._public_url)
        message = self._message(letter, sheet)
        # Published, not an invitation: a mail program offers to keep it, and asks for no answer.
        message.add_attachment(
            calendar_file(event, booking, self._public_url, now()),
            maintype="text",
            subtype="calendar",
            params={"charset": "utf-8", "method": method_of(event, booking)},
            filename=f"{event.slug}.ics",
        )
        return checked(message)

    def about_account(self, letter: Letter, kind: str, page: str) -> EmailMessage:
        """The message of that kind, which may lead to a page of ours."""
        return checked(self._message(letter, account_sheet(kind, f"{self._public_url}/{page}")))

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
    ) -> EmailMessage:
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
        message = self._message(letter, sheet)
        # RFC 8058: a mail program's own button posts to that address, and nothing has to be signed in to.
        # In one line, however long: those buttons look for the very address, and read no encoded words.
        message["List-Unsubscribe"] = Raw("List-Unsubscribe", f"<{stop_url}>")
        message["List-Unsubscribe-Post"] = Raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
        return checked(message)

    def _message(self, letter: Letter, sheet: Sheet) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._mail_from
        message["To"] = address_header("To", letter.recipient)
        # A line break in an event's name must not become a header of its own.
        message["Subject"] = Words("Subject", " ".join(sheet.subject.split()))
        message["Date"] = formatdate(usegmt=True)
        message["Message-ID"] = Raw("Message-ID", letter.message_id)
        # Nobody's holiday notice answers it (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        pictures = _pictures(sheet)
        names = {picture: cid for cid, picture in pictures.items()}
        context: dict[str, Any] = {"sheet": sheet, "colours": palette_of(sheet.hue), "art": "", "cids": []}
        if sheet.event_id is not None:
            context |= {"art": ART, "cids": [names[ticket.qr] for ticket in sheet.tickets]}
        message.set_content(self._templates.get_template("letter.txt").render(context))
        message.add_alternative(self._templates.get_template("letter.html").render(context), subtype="html")
        html = cast(MIMEPart, message.get_body(("html",)))
        if pictures:
            html.make_related()
        for number, (cid, picture) in enumerate(pictures.items()):
            html.attach(_picture(cid, picture, "png", f"ticket-{number}") if number else _artwork(picture))
        return message


def _picture(cid: str, picture: bytes, kind: str, name: str) -> MIMEPart:
    # By hand: the library's `add_related` reads each header anew with every parameter that it adds to it.
    part = MIMEPart()
    part["MIME-Version"] = "1.0"
    part["Content-Type"] = f"image/{kind}"
    part["Content-Transfer-Encoding"] = "base64"
    part["Content-Disposition"] = f'inline; filename="{name}.{kind}"'
    part["Content-ID"] = f"<{cid}>"
    part.set_payload(encodebytes(picture).decode())
    return part


@lru_cache(maxsize=64)
def _artwork(picture: bytes) -> MIMEPart:
    """The same part in all letters of an event: nothing changes it once it is made."""
    return _picture(ART, picture, "jpeg", "artwork")


def _pictures(sheet: Sheet) -> Pictures:
    """What the letter shows, each under a name of its own: what is in another letter has another."""
    if sheet.event_id is None:
        return {}
    codes = {
        f"{sha256(ticket.code.encode()).hexdigest()[:24]}@ticketflow": ticket.qr for ticket in sheet.tickets
    }
    return {ART: art_band(sheet.event_id), **codes}

"""The messages: what stands in them. Text and HTML say the same."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from ticketflow.domain import Booking, Event
from ticketflow.files import folder
from ticketflow.showing import show_booking
from ticketflow.store.outbox import Letter
from ticketflow.ticket_codes import TicketCodes
from ticketflow.words import clock, day, money

SUBJECTS = {
    "booking_confirmed": "Your tickets for {event}",
    "booking_cancelled": "Cancelled: your tickets for {event}",
    "verify": "Confirm your address",
    "already_known": "You have an account already",
    "reset": "Set a new password",
    "change_email": "Confirm your new address",
    "email_changed": "Your account has another address",
    "password_changed": "Your password was changed",
    "account_closed": "Your account is closed",
}
"""The subject of each kind of letter; its body is the template of that name."""


class Messages:
    """Writes the mail for a letter of the outbox."""

    def __init__(self, mail_from: str, public_url: str, codes: TicketCodes) -> None:
        self._mail_from = mail_from
        self._public_url = public_url.rstrip("/")
        self._codes = codes
        self._templates = Environment(
            loader=FileSystemLoader(folder("templates")),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"day": day, "clock": clock}
        self._templates.globals["money"] = money

    def write(self, letter: Letter, name: str, booking: Booking, event: Event) -> EmailMessage:
        """The message of the letter's kind: a booking's tickets, or that it is cancelled and paid back."""
        context = {
            "name": name,
            "booking": show_booking(booking, event, self._codes),
            "url": f"{self._public_url}/bookings/{booking.id}",
        }
        return self._message(letter, letter.kind, SUBJECTS[letter.kind].format(event=event.name), context)

    def about_account(self, letter: Letter, kind: str, page: str) -> EmailMessage:
        """The message of that kind, which may lead to a page of ours."""
        return self._message(letter, kind, SUBJECTS[kind], {"url": f"{self._public_url}/{page}"})

    def _message(self, letter: Letter, kind: str, subject: str, context: dict[str, Any]) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._mail_from
        # One address, whatever stands in it: as a text, a comma would make two of it.
        local, _, domain = letter.recipient.rpartition("@")
        message["To"] = Address(username=local, domain=domain)
        # A line break in an event's name must not become a header of its own.
        message["Subject"] = " ".join(subject.split())
        message["Date"] = formatdate(usegmt=True)
        message["Message-ID"] = letter.message_id
        message.set_content(self._templates.get_template(f"mail/{kind}.txt").render(context))
        html = self._templates.get_template(f"mail/{kind}.html").render(context)
        message.add_alternative(html, subtype="html")
        return message

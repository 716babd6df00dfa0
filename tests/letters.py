"""One letter of each kind, made up, for tests that read them and pictures for eyes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

from ticketflow.codes import code_of_number
from ticketflow.domain import Booking, BookingStatus, Event, Ticket, TicketType, now
from ticketflow.mail import account_words
from ticketflow.mail.event_sheets import CANCELLATION
from ticketflow.mail.message import Messages
from ticketflow.store.outbox import CONFIRMATION, Letter
from ticketflow.store.reminders import SALE_OPENS
from ticketflow.ticket_codes import TicketCodes

HOME = "https://tickets.example"
READER = "ada@example.com"
CODES = TicketCodes(["11" * 32])
MESSAGES = Messages("TicketFlow <desk@example.com>", HOME, CODES)
STARTS = datetime(2031, 5, 24, 19, 30, tzinfo=UTC)
EVENT = Event(
    id=3,
    slug="strings-by-candlelight",
    name="Strings by Candlelight: Vivaldi’s Four Seasons",
    venue="The Old Foundry, Main Hall",
    starts_at=STARTS,
    sale_starts_at=datetime(2031, 3, 1, 10, tzinfo=UTC),
    lobby_opens_at=datetime(2031, 3, 1, 9, 30, tzinfo=UTC),
    currency="EUR",
    per_user_limit=10,
    organiser_id=1,
    published=True,
    ticket_types=(
        TicketType(7, "Balcony", 4250, 200, seated=True, fee=200),
        TicketType(8, "Standing", 2500, 400, seated=False, fee=100),
    ),
    cancel_until=STARTS - timedelta(days=7),
)


def made_booking(quantity: int = 2) -> Booking:
    """A confirmed one of so many seats, side by side."""
    tickets = [
        Ticket(code_of_number((unit + 1) * 7**42), unit, f"Balcony, row 4, seat {unit + 11}")
        for unit in range(quantity)
    ]
    amount, fee = EVENT.ticket_types[0].cost(quantity)
    return Booking(
        id="5f" * 16,
        status=BookingStatus.CONFIRMED,
        event_id=EVENT.id,
        user_id=1,
        ticket_type_id=7,
        quantity=quantity,
        amount=amount,
        currency="EUR",
        created_at=now(),
        request_hash="0",
        code=code_of_number(9**41),
        tickets=tickets,
        fee=fee,
    )


def cancelled(booking: Booking) -> Booking:
    """What becomes of it when its booker cancels."""
    return replace(
        booking,
        status=BookingStatus.CANCELLED,
        reason="cancelled_by_booker",
        refund="on_its_way",
        tickets=(),
    )


def letter_of(kind: str, booking_id: str | None = None) -> Letter:
    return Letter(1, kind, booking_id, READER, f"<{kind}@ticketflow>", 0)


def confirmation(booking: Booking, event: Event = EVENT, name: str = "Ada") -> bytes:
    return MESSAGES.write(letter_of(CONFIRMATION, booking.id), name, booking, event)


def cancellation(booking: Booking, event: Event = EVENT, name: str = "Ada") -> bytes:
    return MESSAGES.write(letter_of(CANCELLATION, booking.id), name, cancelled(booking), event)


def sale_opens(event: Event = EVENT, name: str = "Ada") -> bytes:
    return MESSAGES.about_sale(letter_of(SALE_OPENS), name, event, "unsubscribe?token=a.b")


def one_of_each() -> Mapping[str, bytes]:
    """Kind -> a message of it, as it goes to the mail server."""
    booking = made_booking()
    accounts = {
        kind: MESSAGES.about_account(letter_of(kind), kind, "verify?token=a.b")
        for kind in account_words.SUBJECTS
    }
    return {
        CONFIRMATION: confirmation(booking),
        CANCELLATION: cancellation(booking),
        SALE_OPENS: sale_opens(),
        **accounts,
    }


def opened(written: bytes) -> EmailMessage:
    """The message as a mail program reads it."""
    return message_from_bytes(written, policy=policy.default)


def html_of(message: EmailMessage) -> str:
    body = message.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def pictures_of(message: EmailMessage) -> dict[str, bytes]:
    """Content-ID -> the picture of that name."""
    return {
        str(part["Content-ID"]).strip("<>"): part.get_content()
        for part in message.walk()
        if part.get_content_maintype() == "image"
    }

"""Why letters fail, in a few kinds that somebody can do something about.

Each is told by how the postman's note begins: the mail server's own number, or the name of an error.
"""

from enum import StrEnum

from sqlalchemy import ColumnElement, case, or_

from ticketflow.store.tables import outbox


class Reason(StrEnum):
    """Why a letter was given up."""

    MAILBOX_FULL = "mailbox_full"
    REFUSED = "refused"
    NO_SUCH_ADDRESS = "no_such_address"
    PUT_OFF = "put_off"
    SERVER_AWAY = "server_away"
    GONE = "gone"
    OTHER = "other"


_BEGINS: tuple[tuple[Reason, tuple[str, ...]], ...] = (
    (Reason.MAILBOX_FULL, ("552", "550 5.2.2")),
    # 550 is said of an address that is not there, and with 5.7 of a letter that is not wanted.
    (Reason.REFUSED, ("550 5.7", "550 #5.7")),
    (Reason.NO_SUCH_ADDRESS, ("550", "551", "553", "501")),
    (Reason.REFUSED, ("5",)),
    (
        Reason.PUT_OFF,
        ("4", "SMTPRecipientsRefused", "SMTPRecipientRefused", "SMTPResponse", "SMTPData", "SMTPSender"),
    ),
    (
        Reason.SERVER_AWAY,
        ("SMTP", "Timeout", "Connection", "OSError", "gaierror", "ServerAway", "the mail server"),
    ),
    (Reason.GONE, ("The booking", "The event")),
)
"""In the order they are tried."""


def reason_of(note: str | None) -> Reason:
    """The kind of a postman's note."""
    for reason, beginnings in _BEGINS:
        if (note or "").startswith(beginnings):
            return reason
    return Reason.OTHER


def reason_column() -> ColumnElement[str]:
    """The same of the row at hand, in SQL."""
    note = outbox.c.last_error
    kinds = [
        (or_(*(note.like(f"{beginning}%") for beginning in beginnings)), reason.value)
        for reason, beginnings in _BEGINS
    ]
    return case(*kinds, else_=Reason.OTHER.value)

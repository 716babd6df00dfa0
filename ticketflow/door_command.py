"""What `ticketflow check` does, and how it tells it: with the database, or with the published keys alone."""

import json
from dataclasses import replace
from pathlib import Path

from ticketflow.checking import WORDS, Checked, Door, Verdict, check, read
from ticketflow.clients import open_stores
from ticketflow.settings import Settings
from ticketflow.store.ticket_uses import DoorTicket
from ticketflow.ticket_codes import NotATicket, TicketCodes, TicketReader

OFFLINE = "Whether it was used or cancelled cannot be known without the database."


class BadKeys(ValueError):
    """The file is not there, or holds no published keys."""


async def against_database(settings: Settings, text: str, door: Door, *, look: bool) -> tuple[bool, str]:
    """Whether to let the bearer in, and a line that says why."""
    reader = TicketCodes(settings.ticket_keys)
    async with open_stores(replace(settings, redis_url=settings.redis_url or "redis://unused")) as stores:
        checked = await check(stores.database, reader, text, door, look=look)
    return checked.verdict is Verdict.VALID, _line(checked, look=look)


def offline(keys: Path, text: str, event_id: int | None) -> tuple[bool, str]:
    """The same by the signature alone. Raises `BadKeys`."""
    try:
        reader = TicketReader.of_published(json.loads(keys.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadKeys(f"{keys} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise BadKeys(f"{keys} is not a set of published keys: {error}") from None
    try:
        code, of_event = read(reader, text)
    except NotATicket as error:
        return False, f"unknown: {error}"
    if of_event is None:
        return (
            False,
            "unknown: the short code is not signed; offline only the code in the QR code can be checked.",
        )
    if event_id not in (None, of_event):
        return False, f"wrong_event: ticket {code} is for event {of_event}, not {event_id}."
    return True, f"valid: ticket {code} for event {of_event} is ours. {OFFLINE}"


def _line(checked: Checked, *, look: bool) -> str:
    said = f"{checked.verdict}: {WORDS[checked.verdict]}"
    if checked.event:
        said += f" Ticket {checked.code}, {checked.event.name} (event {checked.event.id})."
    if checked.ticket:
        said += f" {checked.ticket.ticket_type}, {_where(checked.ticket)} Booked by {checked.ticket.booker}."
    if checked.verdict is Verdict.VALID and look:
        said += " Only looked at: nothing was written down."
    return said


def _where(ticket: DoorTicket) -> str:
    place = f"{ticket.seat}." if ticket.seat else "no numbered seat."
    if ticket.used_at is None:
        return place
    door = f" at {ticket.door}" if ticket.door else ""
    return f"{place} Used {ticket.used_at:%Y-%m-%d %H:%M:%S} UTC{door}."

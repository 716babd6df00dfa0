"""What a door is told of a ticket: whether to let its bearer in, and why not.

    authentic? -> of this event? -> still in the books? -> the first to use it?

A signed code proves by itself that it is a ticket of ours; of the short code alone only the books can say so,
and to those who see to its event. The first use is written down by one statement, whose keys let one through
however many doors ask at the same moment, and none once the booking is cancelled. It is its own record of who
let whom in, where and when: it has no row in the audit log besides.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from databases import Database

from ticketflow.codes import CODE_LENGTH, code_number
from ticketflow.domain import User, now
from ticketflow.store import ticket_uses
from ticketflow.store.ticket_uses import DoorEvent, DoorTicket
from ticketflow.ticket_codes import PREFIX, NotATicket, TicketReader


class Verdict(StrEnum):
    VALID = "valid"
    USED = "used"
    VOID = "void"
    WRONG_EVENT = "wrong_event"
    UNKNOWN = "unknown"


WORDS = {
    Verdict.VALID: "This ticket is good.",
    Verdict.USED: "Somebody has come in with this ticket before.",
    Verdict.VOID: "The booking of this ticket was cancelled, or its event is called off.",
    Verdict.WRONG_EVENT: "This is a ticket of ours, for another event.",
    Verdict.UNKNOWN: "This is no ticket of ours. Perhaps it was mistyped or not read whole.",
}
"""What each verdict means, for whoever stands at the door."""


MOST_DOOR = 80
"""Characters of a door's name."""


@dataclass(frozen=True)
class Checked:
    """The verdict on a code, with what the door may know of it."""

    verdict: Verdict
    code: str | None = None
    event: DoorEvent | None = None
    """None where the code is unknown, or its event is not the asker's to see to."""
    ticket: DoorTicket | None = None
    """None where it is not, or not any more, in the books. Its use is the first one."""


@dataclass(frozen=True)
class Door:
    """Where a ticket is shown, and to whom."""

    actor: User | None
    """Who checks, and which events they see to. None is the house's own command, which sees to all."""
    event_id: int | None = None
    name: str = ""


async def check(database: Database, reader: TicketReader, text: str, door: Door, *, look: bool) -> Checked:
    """Check what was scanned or typed, and write its first use down unless it is only looked at."""
    try:
        code, of_event = read(reader, text)
    except NotATicket:
        return Checked(Verdict.UNKNOWN)
    event = None
    if of_event is not None:
        event = await ticket_uses.find_event(database, door.actor, of_event)
        if event is None:
            return Checked(Verdict.WRONG_EVENT)
    ticket = await ticket_uses.find(database, door.actor, code)
    event = ticket.event if ticket else event
    if event is None:
        return Checked(Verdict.UNKNOWN)
    if door.event_id not in (None, event.id):
        return Checked(Verdict.WRONG_EVENT, code, event, ticket)
    if ticket is None or (event.called_off and ticket.used_at is None):
        return Checked(Verdict.VOID, code, event)
    return await _use(database, ticket, door, look=look)


def read(reader: TicketReader, text: str) -> tuple[str, int | None]:
    """The ticket's code, and the event that a signed code names. Raises `NotATicket`."""
    if text.strip().upper().startswith(PREFIX):
        signed = reader.read(text)
        return signed.code, signed.event_id
    return _typed(text), None


def _typed(text: str) -> str:
    """A short code as somebody has read it out or typed it. Raises `NotATicket`."""
    code = "".join(text.upper().replace("-", "").split())
    if len(code) != CODE_LENGTH:
        raise NotATicket(f"A ticket's code has {CODE_LENGTH} letters; this has {len(code)}.")
    try:
        code_number(code)
    except ValueError:
        raise NotATicket("It has letters that no code of ours has.") from None
    return code


async def _use(database: Database, ticket: DoorTicket, door: Door, *, look: bool) -> Checked:
    if ticket.used_at is not None:
        return Checked(Verdict.USED, ticket.code, ticket.event, ticket)
    if look:
        return Checked(Verdict.VALID, ticket.code, ticket.event, ticket)
    by, at = door.actor.id if door.actor else None, now()
    if await ticket_uses.record(database, ticket.id, by, door.name, at):
        used = replace(ticket, used_at=at, door=door.name)
        return Checked(Verdict.VALID, ticket.code, ticket.event, used)
    first = await ticket_uses.find(database, door.actor, ticket.code)
    verdict = Verdict.USED if first else Verdict.VOID
    return Checked(verdict, ticket.code, ticket.event, first)

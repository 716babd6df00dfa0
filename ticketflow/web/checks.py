"""Tickets checked over the API, and the public keys with which a door checks them by itself."""

from typing import Any

from quart import Blueprint
from quart.typing import ResponseReturnValue
from quart_schema import validate_request

from ticketflow.checking import WORDS, Checked, Door, check
from ticketflow.domain import iso
from ticketflow.store.ticket_uses import DoorEvent
from ticketflow.web.asks import CheckAsk
from ticketflow.web.services import services
from ticketflow.web.session import require_organiser

blueprint = Blueprint("checks", __name__)

KEYS_FOR_SECONDS = 3_600
"""How long a door may go by the keys it has read: a new one must be out there for as long before it signs."""


@blueprint.get("/.well-known/ticket-keys.json")
async def keys() -> ResponseReturnValue:
    """The public keys that tickets are signed with, the newest first: a JSON Web Key Set (RFC 7517, 8037)."""
    return services().ticket_codes.published(), {"Cache-Control": f"public, max-age={KEYS_FOR_SECONDS}"}


@blueprint.post("/api/organiser/check")
@validate_request(CheckAsk)
async def check_ticket(data: CheckAsk) -> ResponseReturnValue:
    """Check a ticket at the door: the signed code of its QR code, or the short one typed in. The first use is
    written down, unless it is only looked at; however many ask at once, one is told `valid`."""
    found = services()
    door = Door(await require_organiser(), data.event_id, data.door)
    return checked_view(await check(found.database, found.ticket_codes, data.code, door, look=data.look))


def checked_view(checked: Checked) -> dict[str, Any]:
    """The verdict as the API tells it. What a door may not know, or nobody knows any more, is null."""
    ticket = checked.ticket
    return {
        "verdict": checked.verdict.value,
        "detail": WORDS[checked.verdict],
        "ticket": checked.event
        and {
            "code": checked.code,
            "seat": ticket and ticket.seat,
            "ticket_type": ticket and ticket.ticket_type,
            "booker": ticket and ticket.booker,
            "event": _event_view(checked.event),
        },
        "used_at": iso(ticket.used_at) if ticket and ticket.used_at else None,
        "door": ticket and ticket.door,
    }


def _event_view(event: DoorEvent) -> dict[str, Any]:
    return {"id": event.id, "name": event.name, "starts_at": iso(event.starts_at)}

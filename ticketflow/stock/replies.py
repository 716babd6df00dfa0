"""What the scripts answer, as the rest of the house knows it: holds, orders and refusals."""

import json
import re
from collections.abc import Mapping
from typing import Any

from ticketflow.domain import Event, Hold, Order, Refusal, from_micros

REFUSALS = {
    "not_ready": "The desk is counting its tickets again. Nothing was lost; try again in a few seconds.",
    "not_admitted": "It is not your turn at the desk, or your turn has ended. Join the queue to come in.",
    "pass_in_use": "Another account holds tickets in this turn. Join the queue to get a turn of your own.",
    "hold_gone": "The time for these tickets has run out, so they went back. Nothing was charged.",
    "not_found": "You hold no such tickets.",
    "already_extended": "These tickets have had their extra time. They stay held for what is left of it.",
    "hold_in_use": "These tickets are being paid for right now.",
    "busy": "Very many bookings are on their way. Your tickets stay yours; try again in a few seconds.",
}

TEXTS = ("booking_id", "request_hash", "hold_id", "visitor", "currency", "method")
"""Fields of an order that are looked up by others before anything else is known of it."""

_HOLD_ID = re.compile(r"([0-9]{1,18})-[0-9a-f]{32}")


def parse_order(entry_id: str, body: str) -> Order:
    """The order in a stream entry. Raises if it is none; there is no end to how."""
    fields = json.loads(body)
    if not all(isinstance(fields[name], str) for name in TEXTS):
        raise ValueError("an order's ids and names are texts")
    if not all(isinstance(unit, int) for unit in fields["units"]):
        raise ValueError("an order's units are whole numbers")
    return Order(
        entry_id=entry_id,
        booking_id=fields["booking_id"],
        request_hash=fields["request_hash"],
        hold_id=fields["hold_id"],
        event_id=int(fields["event_id"]),
        user_id=int(fields["user_id"]),
        visitor=fields["visitor"],
        ticket_type_id=int(fields["ticket_type_id"]),
        units=tuple(fields["units"]),
        amount=int(fields["amount"]),
        fee=int(fields["fee"]),
        currency=fields["currency"],
        method=fields["method"],
        keep_hold=fields["keep_hold"],
        submitted_at=from_micros(int(fields["submitted_at"])),
    )


def read_hold(hold_id: str, event_id: int, body: Mapping[str, Any]) -> Hold:
    """The hold in its JSON."""
    return Hold(
        id=hold_id,
        event_id=event_id,
        user_id=int(body["user"]),
        visitor=body["visitor"],
        ticket_type_id=int(body["type"]),
        units=tuple(body["units"]),
        amount=int(body["amount"]),
        fee=int(body["fee"]),
        currency=body["currency"],
        expires_at=from_micros(int(body["expires"])),
        paying=body["state"] == "paying",
        extended=bool(body.get("extended")),
        booking_id=body.get("booking"),
    )


def event_of_hold(hold_id: str) -> int:
    """The event of a hold, which its id begins with. Raises `Refusal` hold_gone if it is no hold's id."""
    found = _HOLD_ID.fullmatch(hold_id)
    if found is None:
        raise Refusal("hold_gone", REFUSALS["hold_gone"])
    return int(found[1])


def hold_refusal(event: Event, wanted: int, code: str, value: int = 0) -> Refusal:
    """Why `wanted` units were not set aside: a code of take.lua, with its detail."""
    if code == "limit_exceeded":
        detail = (
            f"{event.per_user_limit} tickets a person is the limit, and you hold or have bought {value}. "
            f"{wanted} more would be too many."
        )
        return Refusal(code, detail, limit=event.per_user_limit, taken=value)
    if code == "sold_out":
        some = f"Only {value} {'is' if value == 1 else 'are'} left right now."
        detail = some if value else "None are left right now."
        return Refusal(code, f"{detail} Tickets that others give back appear here at once.", remaining=value)
    if code == "unit_taken":
        return Refusal(
            code, "Somebody was a moment faster with that seat. Please choose another.", unit=value
        )
    return Refusal(code, REFUSALS[code])

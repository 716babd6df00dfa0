"""What each problem's code means and what to do about it, in a line. Statuses stand where they are used."""

from http import HTTPStatus

from ticketflow.web.problems import HTTP, PUBLIC_CODE, STATUS
from waiting_room.web import STATUS as ROOM_STATUS

MEANINGS = {
    "ability_missing": "The token may not do this; `abilities` says what it needs. Some calls want a person.",
    "bad_token": "The token is not known: expired, revoked or mistyped.",
    "has_events": "Events are in this account's name, so it cannot be closed.",
    "last_admin": "Somebody has to run the house: the last admin stays one.",
    "letter_not_failed": "Only a failed letter can be tried again; `state` says where this one stands.",
    "letter_not_sent": "Only a letter that was sent can be sent again; `state` says where this one stands.",
    "letter_outdated": "The letter's booking is not confirmed any more, or it has none. Nothing was sent.",
    "link_gone": "The link has been used or is too old. Ask for a new letter.",
    "stale": "Others have changed this meanwhile; `changed` says what. Nothing was written.",
    "sale_opened": "People can be in this queue already: what it goes by stands, and nobody need be told.",
    "below_sold": "Fewer tickets than are sold, held or being paid for: `in_use` says how many those are.",
    "last_type": "An event has at least one ticket type. Add another first.",
    "name_taken": "Another ticket type of this event has that name.",
    "seats_stand": "A seated type has as many tickets as it has seats.",
    "tickets_ahead": "There are tickets for something still to come: `bookings`. Nothing was changed.",
    "too_many_tokens": "The account has as many tokens as it may. Revoke one.",
    "wrong_password": "That is not the account's password. Nothing was changed.",
    "already_booked": "You have booked these tickets already; `booking_id` names the booking.",
    "already_extended": "This hold has had its extra time.",
    "bad_host": "The request was made for another site's name.",
    "bad_pass": "The pass was not given out here, or is for another event. Claim a new one.",
    "bad_payment_method": "The gateway knows no such payment method.",
    "bad_request": "This cannot be understood, so it was not done.",
    "bad_policy": "The room cannot be steered like that.",
    "bad_signature": "This was not signed by the payment gateway.",
    "bad_ticket": "The place was not given out here, or is for another event. Join again.",
    "body_too_large": "The body is larger than the desk reads.",
    "busy": "Very many bookings are on their way. What you hold stays yours; try again in a few seconds.",
    "cancel_not_allowed": "The organiser takes no tickets of this event back.",
    "cancel_too_late": "The time in which these tickets could be cancelled is over.",
    "cross_site": "A browser says that a page of another site has sent this. It was not done.",
    "email_taken": "There is an account with this address already.",
    "forbidden": "Your account may not do this.",
    "gone": "This was here, and has ended.",
    "hold_expired": "The hold is over and its tickets went back. Nothing was charged.",
    "hold_in_use": "These tickets are being paid for right now.",
    "idempotency_mismatch": "This key was used before, with another body.",
    "internal": "Something broke on our side. It is logged.",
    "invalid_request": "The body or a header cannot be used; `errors` names each field.",
    "limit_exceeded": "That would be more tickets than one person may have.",
    "malformed_json": "The body is no JSON.",
    "method_not_allowed": "There is something at this address, but not for this method.",
    "no_draw": "This event has no draw.",
    "no_place": "You have no place in this queue. Join it first.",
    "not_active": "Your turn has ended. Join the queue to come in again.",
    "not_admitted": "It is not your turn at the desk. Join the queue to come in.",
    "not_called": "It is not your turn yet; `queue` says where you stand.",
    "not_confirmed": "This booking did not go through, so there is nothing to cancel.",
    "not_drawn": "The draw is told when the doors have opened.",
    "not_found": "There is nothing of this name that is yours to see.",
    "not_open": "The queue is not open yet.",
    "not_ready": "The desk is counting its tickets again. Nothing was lost; try again in a few seconds.",
    "not_signed_in": "Sign in, or send a token.",
    "other_account": "This turn came from another account's place.",
    "pass_in_use": "Another account holds tickets in this turn.",
    "payment_declined": "The bank said no. Nothing was charged; with `hold_kept` you may try another card.",
    "payment_unknown": "The bank gave no answer. Nothing was charged.",
    "room_closed": "The queue is closed.",
    "room_lost": "The queue is coming back. Places are safe; try again in a few seconds.",
    "called_off": "The organiser has called the event off.",
    "payment_not_open": "The gateway has ended this payment already.",
    "sale_closed": "The sale is closed. What is booked stays booked.",
    "slug_taken": "Another event has this name in its address. Try again.",
    "sold_out": "Fewer are left than you want; `remaining` says how many.",
    "still_processing": "The booking is still being paid. Cancel it once it is confirmed.",
    "ticket_used": "A ticket of the booking was used at the door. Nothing was changed.",
    "too_many_joins": "Many places were just taken from your network or account. Wait `retry_after` seconds.",
    "too_many_requests": "That was a lot in a short time. Wait `retry_after` seconds.",
    "too_many_sockets": "Very many pages are open at your address.",
    "too_slow": "What was sent did not arrive whole in time. Send it again.",
    "unavailable": "The desk cannot reach its stores. Nothing was lost; try again in a few seconds.",
    "unit_taken": "Somebody was a moment faster with that seat; `unit` says which.",
    "wrong_credentials": "The address or the password is not right.",
}
"""Every code that a problem may have, and what a client makes of it."""


def status_of(code: str) -> int:
    """The one status of a code. Raises KeyError for a code that no table knows."""
    return _STATUSES[code]


_STATUSES: dict[str, int] = {
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
    **{code: status for status, (code, _) in HTTP.items()},
    **{code: int(status) for code, status in ROOM_STATUS.items()},
    **{PUBLIC_CODE.get(code, code): int(status) for code, status in STATUS.items()},
}

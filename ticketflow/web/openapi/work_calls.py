"""The calls that call an event off, and those about background work."""

from ticketflow.web.openapi import work_answers as w
from ticketflow.web.openapi.calls import Call, Who

ORGANISE = "Organising"

WORK_CALLS = {
    "POST /api/organiser/events/{event_id}/cancel": Call(
        ORGANISE,
        "Call an event off",
        {202: w.CalledOffView},
        who=Who.ORGANISER,
        refusals=("wrong_password", "room_lost"),
        example={"reason": "The hall is flooded.", "current_password": "what you sign in with"},
    ),
    "GET /api/organiser/events/{event_id}/cancel": Call(
        ORGANISE, "See how far an event is called off", {200: w.CalledOffView}, who=Who.ORGANISER
    ),
    "GET /api/organiser/work": Call(
        ORGANISE,
        "Look at background work",
        {200: w.WorkView},
        who=Who.ORGANISER,
        refusals=("invalid_request", "not_found"),
    ),
    "POST /api/organiser/work/payments/{booking_id}/retry": Call(
        ORGANISE,
        "Try a payment again",
        {200: w.TriedAgain},
        who=Who.ORGANISER,
        refusals=("payment_not_open",),
    ),
    "POST /api/organiser/work/payments/retry": Call(
        ORGANISE,
        "Try failed payments again",
        {200: w.TriedAgain},
        who=Who.ORGANISER,
        refusals=("not_found",),
        example={"event_id": 3},
    ),
    "POST /api/organiser/work/orders/retry": Call(
        ORGANISE,
        "Put orders back that were put aside",
        {200: w.TriedAgain},
        who=Who.ORGANISER,
        refusals=("not_found",),
        example={"event_id": 3},
    ),
}

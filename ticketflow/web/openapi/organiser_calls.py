"""The calls of organisers, and of machines: the payment gateway, whoever watches the house."""

from ticketflow.web.openapi import answers as a
from ticketflow.web.openapi.calls import Call, Who

ORGANISE, MACHINES = "Organising", "Machines"

SALE = {
    "name": "A night at the hall",
    "venue": "The hall",
    "starts_at": "2026-12-01T19:00:00Z",
    "sale_starts_at": "2026-09-01T10:00:00Z",
    "currency": "EUR",
    "per_user_limit": 4,
    "publish": True,
    "ticket_types": [
        {"name": "Standing", "price": 2500, "capacity": 200},
        {"name": "Balcony", "price": 4500, "rows": [{"section": "Balcony", "row": "A", "seats": 20}]},
    ],
}

ORGANISER_CALLS = {
    "POST /api/organiser/events": Call(
        ORGANISE,
        "Make a sale",
        {201: a.EventView},
        who=Who.ORGANISER,
        refusals=("slug_taken", "not_ready"),
        example=SALE,
    ),
    "GET /api/organiser/events/{event_id}/room": Call(
        ORGANISE, "Look at the levers", {200: a.Levers}, who=Who.ORGANISER, refusals=("room_lost",)
    ),
    "PATCH /api/organiser/events/{event_id}/room": Call(
        ORGANISE,
        "Move the levers",
        {200: a.Levers},
        who=Who.ORGANISER,
        refusals=("bad_policy", "room_lost"),
        example={"mode": "open", "rate_per_minute": 600},
    ),
    "POST /api/organiser/events/{event_id}/bookings/{booking_id}/cancel": Call(
        ORGANISE,
        "Cancel a booking of your event",
        {200: a.BookingView},
        who=Who.ORGANISER,
        refusals=("still_processing", "not_confirmed"),
    ),
}

MACHINE_CALLS = {
    "POST /api/payments/webhook": Call(
        MACHINES,
        "Take a notice of the payment gateway",
        {200: a.Received},
        refusals=("bad_signature",),
        takes=("Stripe-Signature",),
        takes_anything=True,
    ),
    "GET /healthz": Call(MACHINES, "Is the process alive", {200: a.Alive}),
    "GET /readyz": Call(MACHINES, "Can the process work", {200: a.Ready, 503: a.Ready}),
}

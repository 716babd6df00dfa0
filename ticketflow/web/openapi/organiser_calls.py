"""The calls of organisers and admins, and of machines: the payment gateway, whoever watches the house."""

from ticketflow.web.openapi import account_answers as accounts
from ticketflow.web.openapi import after_answers as after
from ticketflow.web.openapi import answers as a
from ticketflow.web.openapi import autopilot_answers as p
from ticketflow.web.openapi import door_answers as d
from ticketflow.web.openapi import mail_answers as m
from ticketflow.web.openapi import organiser_answers as o
from ticketflow.web.openapi.calls import Call, Who

ORGANISE, DOOR, ADMIN, MACHINES = "Organising", "The door", "Running the house", "Machines"

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
    "GET /api/organiser/events": Call(
        ORGANISE, "List your events", {200: o.EventPage}, who=Who.ORGANISER, refusals=("invalid_request",)
    ),
    "POST /api/organiser/events": Call(
        ORGANISE,
        "Make a sale",
        {201: a.EventView},
        who=Who.ORGANISER,
        refusals=("slug_taken", "not_ready", "not_found"),
        example=SALE,
    ),
    "GET /api/organiser/events/{event_id}": Call(
        ORGANISE, "Look at an event of yours", {200: o.OwnEvent}, who=Who.ORGANISER
    ),
    "PATCH /api/organiser/events/{event_id}": Call(
        ORGANISE,
        "Edit an event",
        {200: o.OwnEvent},
        who=Who.ORGANISER,
        refusals=("sale_opened", "room_lost", "stale", "called_off"),
        example={"name": "A late night at the hall"},
    ),
    "POST /api/organiser/events/{event_id}/ticket-types": Call(
        ORGANISE,
        "Add a ticket type",
        {201: o.OwnEvent},
        who=Who.ORGANISER,
        refusals=("sale_opened", "room_lost", "stale", "name_taken", "not_ready", "called_off"),
        example={"name": "Gallery", "price": 1900, "seating": "section,row,seats\nGallery,A,12\n"},
    ),
    "PATCH /api/organiser/events/{event_id}/ticket-types/{type_id}": Call(
        ORGANISE,
        "Edit a ticket type",
        {200: o.OwnEvent},
        who=Who.ORGANISER,
        refusals=(
            "sale_opened",
            "room_lost",
            "stale",
            "below_sold",
            "seats_stand",
            "name_taken",
            "not_ready",
            "called_off",
        ),
        example={"capacity": 250},
    ),
    "DELETE /api/organiser/events/{event_id}/ticket-types/{type_id}": Call(
        ORGANISE,
        "Remove a ticket type",
        {200: o.OwnEvent},
        who=Who.ORGANISER,
        refusals=(
            "invalid_request",
            "sale_opened",
            "room_lost",
            "stale",
            "last_type",
            "not_ready",
            "called_off",
        ),
    ),
    "POST /api/organiser/events/{event_id}/duplicate": Call(
        ORGANISE,
        "Make an event like another",
        {201: o.OwnEvent},
        who=Who.ORGANISER,
        refusals=("slug_taken", "not_ready"),
        example={"starts_at": "2027-12-01T19:00:00Z", "sale_starts_at": "2027-09-01T10:00:00Z"},
    ),
    "GET /api/organiser/events/{event_id}/bookings": Call(
        ORGANISE,
        "List an event's bookings",
        {200: o.BookingPage},
        who=Who.ORGANISER,
        refusals=("invalid_request",),
    ),
    "GET /api/organiser/events/{event_id}/audit": Call(
        ORGANISE,
        "Read what was done to an event",
        {200: o.AuditPage},
        who=Who.ORGANISER,
        refusals=("invalid_request",),
    ),
    "GET /api/organiser/events/{event_id}/stats": Call(
        ORGANISE,
        "Read the numbers of a sale's charts",
        {200: o.Stats},
        who=Who.ORGANISER,
        refusals=("invalid_request",),
    ),
    "GET /api/organiser/events/{event_id}/report": Call(
        ORGANISE, "Read what a sale came to", {200: after.Report}, who=Who.ORGANISER
    ),
    "GET /api/organiser/events/{event_id}/attendees": Call(
        ORGANISE,
        "List who comes",
        {200: after.AttendeePage},
        who=Who.ORGANISER,
        refusals=("invalid_request",),
    ),
    "GET /api/organiser/events/{event_id}/attendees.csv": Call(
        ORGANISE, "Download who comes", {200: None}, who=Who.ORGANISER, file="text/csv"
    ),
    "GET /api/organiser/events/{event_id}/admissions": Call(
        ORGANISE, "Download the admission log", {200: None}, who=Who.ORGANISER, file="application/jsonl"
    ),
    "GET /api/organiser/events/{event_id}/room": Call(
        ORGANISE, "Look at the levers", {200: a.Levers}, who=Who.ORGANISER, refusals=("room_lost",)
    ),
    "PATCH /api/organiser/events/{event_id}/room": Call(
        ORGANISE,
        "Move the levers",
        {200: a.Levers},
        who=Who.ORGANISER,
        refusals=("bad_policy", "room_lost", "stale", "called_off"),
        example={"mode": "open", "rate_per_minute": 600, "revision": 12},
    ),
    "POST /api/organiser/events/{event_id}/room/extend": Call(
        ORGANISE,
        "Give everybody inside more time",
        {200: o.MoreTime},
        who=Who.ORGANISER,
        refusals=("room_lost", "stale", "called_off"),
        example={"minutes": 5, "revision": 12},
    ),
    "GET /api/organiser/events/{event_id}/room/outlook": Call(
        ORGANISE,
        "Ask what levers would mean",
        {200: o.LineOutlook},
        who=Who.ORGANISER,
        refusals=("invalid_request", "room_lost"),
    ),
    "GET /api/organiser/events/{event_id}/autopilot": Call(
        ORGANISE,
        "Look at the autopilot",
        {200: p.AutopilotView},
        who=Who.ORGANISER,
        refusals=("room_lost",),
    ),
    "PUT /api/organiser/events/{event_id}/autopilot": Call(
        ORGANISE,
        "Switch the autopilot on",
        {200: p.AutopilotView},
        who=Who.ORGANISER,
        refusals=("room_lost",),
        example=p.ASKED,
    ),
    "DELETE /api/organiser/events/{event_id}/autopilot": Call(
        ORGANISE, "Take the rate back from the autopilot", {204: None}, who=Who.ORGANISER
    ),
    "GET /api/organiser/mail": Call(
        ORGANISE,
        "Find letters",
        {200: m.LetterPage},
        who=Who.ORGANISER,
        refusals=("invalid_request", "not_found"),
    ),
    "GET /api/organiser/mail/summary": Call(
        ORGANISE,
        "Count letters",
        {200: m.MailSummary},
        who=Who.ORGANISER,
        refusals=("invalid_request", "not_found"),
    ),
    "GET /api/organiser/mail/{letter_id}": Call(
        ORGANISE, "Look at a letter", {200: m.WholeLetter}, who=Who.ORGANISER
    ),
    "POST /api/organiser/mail/{letter_id}/retry": Call(
        ORGANISE,
        "Try a failed letter again",
        {200: m.LetterView},
        who=Who.ORGANISER,
        refusals=("letter_not_failed",),
    ),
    "POST /api/organiser/mail/{letter_id}/resend": Call(
        ORGANISE,
        "Send a letter once more",
        {200: m.LetterView},
        who=Who.ORGANISER,
        refusals=("letter_not_sent", "letter_outdated"),
    ),
    "POST /api/organiser/mail/retry": Call(
        ORGANISE,
        "Try failed letters again",
        {200: m.Retried},
        who=Who.ORGANISER,
        refusals=("not_found",),
        example={"event_id": 3, "reason": "mailbox_full"},
    ),
    "POST /api/organiser/events/{event_id}/bookings/{booking_id}/cancel": Call(
        ORGANISE,
        "Cancel a booking of your event",
        {200: a.BookingView},
        who=Who.ORGANISER,
        refusals=("still_processing", "not_confirmed", "ticket_used"),
    ),
    "POST /api/organiser/check": Call(
        DOOR,
        "Check a ticket at the door",
        {200: d.CheckedView},
        who=Who.ORGANISER,
        example={"code": d.SHORT, "event_id": 42, "door": "North"},
    ),
    "GET /.well-known/ticket-keys.json": Call(
        DOOR, "Read the keys that sign tickets", {200: d.KeySet}, gives=("Cache-Control",)
    ),
}

ADMIN_CALLS = {
    "GET /api/admin/accounts": Call(
        ADMIN,
        "Find an account",
        {200: list[accounts.AccountFound]},
        who=Who.ADMIN,
        refusals=("invalid_request",),
    ),
    "PATCH /api/admin/accounts/{account_id}": Call(
        ADMIN,
        "Give a role",
        {200: accounts.AccountFound},
        who=Who.ADMIN,
        refusals=("last_admin", "wrong_password"),
        example={"role": "organiser", "current_password": "what they sign in with"},
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

"""The calls a fan makes: what is on, the queue, holds, bookings."""

from ticketflow.web.openapi import answers as a
from ticketflow.web.openapi.calls import RESTING, Call, Who
from waiting_room.web import PASS_HEADER, TICKET_HEADER

EVENTS, QUEUE, DESK, BOOKINGS = "Events", "The queue", "The desk", "Bookings"
PLACE = (TICKET_HEADER,)
TURN = (TICKET_HEADER, PASS_HEADER)
FORGED = ("bad_ticket", "bad_pass")
STOCK = ("not_ready", "room_lost")
HELD = ("hold_expired", "hold_in_use", "already_booked")

FAN_CALLS = {
    "GET /api/events": Call(EVENTS, "List what is on", {200: list[a.EventView]}),
    "GET /api/events/{event_id}": Call(
        EVENTS, "Look at an event", {200: a.EventView, 304: None}, takes=("If-None-Match",), gives=RESTING
    ),
    "GET /api/events/{event_id}/seats": Call(
        EVENTS, "List every seat", {200: list[a.SeatView]}, refusals=STOCK
    ),
    "GET /api/events/{event_id}/seats/plan": Call(
        EVENTS,
        "Read the rows of the hall",
        {200: list[a.PlanView], 304: None},
        takes=("If-None-Match",),
        gives=("ETag",),
    ),
    "GET /api/events/{event_id}/seats/state": Call(
        EVENTS,
        "See which seats are free",
        {200: a.SeatsView, 304: None},
        refusals=STOCK,
        takes=("If-None-Match",),
        gives=RESTING,
    ),
    "GET /api/events/{event_id}/draw": Call(
        EVENTS, "Check the draw", {200: a.DrawView}, refusals=("no_draw", "room_lost")
    ),
    "POST /api/events/{event_id}/reminder": Call(
        EVENTS,
        "Ask to be told when it opens",
        {200: a.ReminderView, 201: a.ReminderView},
        who=Who.ACCOUNT,
        refusals=("sale_opened",),
    ),
    "GET /api/events/{event_id}/reminder": Call(
        EVENTS, "See whether you will be told", {200: a.ReminderView}, who=Who.ACCOUNT
    ),
    "DELETE /api/events/{event_id}/reminder": Call(
        EVENTS, "Not be told after all", {204: None}, who=Who.ACCOUNT
    ),
    "POST /api/events/{event_id}/queue": Call(
        QUEUE,
        "Join the queue",
        {200: a.QueueView, 201: a.QueueView},
        takes=PLACE,
        refusals=("bad_ticket", "not_open", "room_closed", "too_many_joins", "room_lost", "not_signed_in"),
    ),
    "GET /api/events/{event_id}/queue": Call(
        QUEUE,
        "See where you stand",
        {200: a.QueueView, 304: None},
        who=Who.TICKET,
        takes=(*PLACE, "If-None-Match"),
        gives=RESTING,
        refusals=("bad_ticket", "no_place", "room_lost"),
    ),
    "DELETE /api/events/{event_id}/queue": Call(
        QUEUE,
        "Leave the queue",
        {204: None},
        who=Who.TICKET,
        takes=PLACE,
        refusals=("bad_ticket", "no_place", "room_lost"),
    ),
    "POST /api/events/{event_id}/queue/claim": Call(
        QUEUE,
        "Come in when called",
        {200: a.PassView},
        who=Who.TICKET,
        takes=PLACE,
        refusals=("bad_ticket", "no_place", "not_called", "room_closed", "room_lost"),
    ),
    "POST /api/events/{event_id}/holds": Call(
        DESK,
        "Hold tickets",
        {201: a.HoldView},
        who=Who.ACCOUNT,
        takes=TURN,
        refusals=(
            *FORGED,
            "not_admitted",
            "pass_in_use",
            "other_account",
            "limit_exceeded",
            "sold_out",
            "unit_taken",
            "sale_closed",
            "called_off",
            *STOCK,
        ),
        example={"ticket_type_id": 7, "quantity": 2},
    ),
    "GET /api/holds/{hold_id}": Call(
        DESK, "Look at a hold", {200: a.HoldView}, who=Who.ACCOUNT, refusals=HELD
    ),
    "DELETE /api/holds/{hold_id}": Call(
        DESK, "Give tickets back", {204: None}, who=Who.ACCOUNT, refusals=(*HELD, *STOCK)
    ),
    "POST /api/holds/{hold_id}/extend": Call(
        DESK,
        "Ask for more time, once",
        {200: a.HoldView},
        who=Who.ACCOUNT,
        refusals=(*HELD, "already_extended", "not_admitted", "sale_closed", "called_off", *STOCK),
    ),
    "POST /api/bookings": Call(
        BOOKINGS,
        "Book and pay",
        {201: a.BookingView, 202: a.OnItsWay},
        who=Who.ACCOUNT,
        takes=("Idempotency-Key", "Prefer", *TURN),
        gives=("Location",),
        refusals=(
            *FORGED,
            *HELD,
            "not_found",
            "not_admitted",
            "pass_in_use",
            "other_account",
            "limit_exceeded",
            "sold_out",
            "unit_taken",
            "sale_closed",
            "called_off",
            "payment_declined",
            "payment_unknown",
            "bad_payment_method",
            "idempotency_mismatch",
            "busy",
            *STOCK,
        ),
        example={"hold_id": a.HOLD_ID, "payment": {"method": "card-ok"}},
    ),
    "GET /api/bookings": Call(BOOKINGS, "List your bookings", {200: list[a.BookingView]}, who=Who.ACCOUNT),
    "GET /api/bookings/{booking_id}": Call(
        BOOKINGS, "Look at a booking", {200: a.BookingView}, who=Who.ACCOUNT
    ),
    "POST /api/bookings/{booking_id}/cancel": Call(
        BOOKINGS,
        "Cancel a booking",
        {200: a.BookingView},
        who=Who.ACCOUNT,
        refusals=(
            "still_processing",
            "not_confirmed",
            "cancel_not_allowed",
            "cancel_too_late",
            "ticket_used",
        ),
    ),
}

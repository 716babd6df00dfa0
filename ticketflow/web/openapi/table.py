"""All calls that are told of, by method and path; a route of the API that is missing here fails a test."""

from ticketflow.web.openapi.account_calls import ACCOUNT_CALLS
from ticketflow.web.openapi.fan_calls import FAN_CALLS
from ticketflow.web.openapi.organiser_calls import MACHINE_CALLS, ORGANISER_CALLS

CALLS = {**FAN_CALLS, **ACCOUNT_CALLS, **ORGANISER_CALLS, **MACHINE_CALLS}

TAGS = {
    "Events": "What is on, what is left and which seats.",
    "The queue": "One line an event, one place each. The place is a signed text, the ticket: whoever sends "
    "it in Queue-Ticket stands where it says.",
    "The desk": "Whoever was let in holds tickets for some minutes, and pays.",
    "Bookings": "Paying for what is held, and what came of it.",
    "Your account": "Signing in, and everything kept about you.",
    "Organising": "Making a sale and steering its waiting room.",
    "Machines": "For those who watch the house and for the payment gateway.",
}
"""The chapters, in the order they are read."""

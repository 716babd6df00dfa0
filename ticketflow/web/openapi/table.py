"""All calls that are told of, by method and path; a route of the API that is missing here fails a test."""

from ticketflow.web.openapi.account_calls import ACCOUNT_CALLS
from ticketflow.web.openapi.fan_calls import FAN_CALLS
from ticketflow.web.openapi.organiser_calls import ADMIN_CALLS, MACHINE_CALLS, ORGANISER_CALLS
from ticketflow.web.openapi.work_calls import WORK_CALLS

CALLS = {**FAN_CALLS, **ACCOUNT_CALLS, **ORGANISER_CALLS, **WORK_CALLS, **ADMIN_CALLS, **MACHINE_CALLS}

TAGS = {
    "Events": "What is on, what is left and which seats.",
    "The queue": "One line an event, one place each. The place is a signed text, the ticket: whoever sends "
    "it in Queue-Ticket stands where it says.",
    "The desk": "Whoever was let in holds tickets for some minutes, and pays.",
    "Bookings": "Paying for what is held, and what came of it.",
    "Your account": "Signing in, and everything kept about you.",
    "Tokens": "For programs: named, with abilities and an end. Send one as `Authorization: Bearer tf_...`; "
    "cookies of such a request are not looked at.",
    "Organising": "Making a sale, steering its waiting room, seeing what became of it.",
    "The door": "Letting people in, each ticket once. docs/tickets.md tells how to check without a network.",
    "Running the house": "Roles. Only a person may do this, no token.",
    "Machines": "For those who watch the house and for the payment gateway.",
}
"""The chapters, in the order they are read."""

"""What the delivery desk answers: letters, their messages, their numbers; one model an answer."""

from typing import Annotated, Literal

from pydantic import Field

from ticketflow.store.mail_reasons import Reason
from ticketflow.store.outbox import MailState
from ticketflow.web.openapi.answers import BOOKING_ID, WHEN, Answer, Count, Moment, example

LETTER = {
    "id": 4711, "kind": "booking_confirmed", "state": "failed", "event_id": 3, "booking_id": BOOKING_ID,
    "booking_code": "K7RWQ2DXN4H9BTZV3MC6PFGJ8LS", "recipient": "ada@example.com", "attempts": 1,
    "reason": "no_such_address", "error": "550 no such user",
    "created_at": WHEN, "due_at": WHEN, "sent_at": None,
}  # fmt: skip
SENT = {**LETTER, "state": "sent", "reason": None, "error": None, "sent_at": WHEN}
AGAIN = {**LETTER, "state": "pending", "attempts": 0, "reason": None}
MESSAGE = {
    "headers": [{"name": "Subject", "value": "Your tickets for A night at the hall"}],
    "text": "Hello Ada,",
    "html": "<!doctype html><title>Your tickets</title>",
}
NUMBERS = {
    "at": WHEN, "event_id": 3,
    "states": {"pending": 12, "sending": 3, "sent": 4200, "failed": 2, "withdrawn": 0},
    "waiting": 15, "oldest_waiting_since": WHEN, "oldest_waiting_seconds": 4, "sent_last_minute": 900,
    "minutes": [{"at": WHEN, "sent": 900}], "reasons": {"no_such_address": 2},
    "server": {"state": "up", "since": None, "reason": None},
}  # fmt: skip


class LetterView(Answer):
    """A letter of the outbox."""

    model_config = example(**AGAIN)
    id: int
    kind: Annotated[str, Field(description="What it tells, such as booking_confirmed.")]
    state: MailState
    event_id: int | None
    booking_id: str | None
    booking_code: str | None
    recipient: Annotated[str | None, Field(description="Null where nobody may read it any more.")]
    attempts: Count
    reason: Annotated[Reason | None, Field(description="Why it failed, if it did.")]
    error: Annotated[str | None, Field(description="What the mail server said at the last try.")]
    created_at: Moment
    due_at: Moment
    sent_at: Moment | None


class LetterPage(Answer):
    """A page of letters."""

    model_config = example(letters=[LETTER], next=None)
    letters: list[LetterView]
    next: Annotated[int | None, Field(description="Send it as `after` for the next page; null at the end.")]


class HeaderLine(Answer):
    """A header of a message."""

    name: str
    value: str


class MessageView(Answer):
    """A message in its parts."""

    headers: list[HeaderLine]
    text: str
    html: str | None


class WholeLetter(LetterView):
    """A letter with its message; a link that opens an account is not in it."""

    model_config = example(**SENT, message=MESSAGE)
    message: Annotated[
        MessageView | None, Field(description="As it was or would be sent; null if it is not true any more.")
    ]


class Retried(Answer):
    """What was put back."""

    model_config = example(retried=37, more=False)
    retried: Count
    more: Annotated[bool, Field(description="There were more than one call takes: send it again.")]


class States(Answer):
    """How many letters stand where."""

    pending: Count
    sending: Count
    sent: Count
    failed: Count
    withdrawn: Count


class SentMinute(Answer):
    """How many letters were sent in a minute."""

    at: Moment
    sent: Count


class MailServer(Answer):
    """What the postmen say of the mail server."""

    state: Literal["up", "away"]
    since: Moment | None
    reason: str | None


class MailSummary(Answer):
    """The delivery desk's numbers at one moment."""

    model_config = example(**NUMBERS)
    at: Moment
    event_id: int | None
    states: States
    waiting: Annotated[Count, Field(description="Pending or being sent.")]
    oldest_waiting_since: Moment | None
    oldest_waiting_seconds: Count | None
    sent_last_minute: Count
    minutes: Annotated[
        list[SentMinute], Field(description="The last 60 minutes; the last is still going on.")
    ]
    reasons: Annotated[dict[Reason, Count], Field(description="Failed letters, by why.")]
    server: MailServer

"""What is said of a call: who may make it, what it takes, and every answer it gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from waiting_room.web import PASS_HEADER, TICKET_HEADER


class Who(Enum):
    """Who a call is for. A stranger is sent away from the last three before anything else is looked at."""

    ANYBODY = "Anybody."
    TICKET = "Whoever has a place in this queue."
    ACCOUNT = "Whoever is signed in."
    OWNER = "Whoever is signed in and sends the password once more, or the account's address and password."
    ORGANISER = "Organisers, for events of their own, and admins."
    ADMIN = "Admins."

    @property
    def refuses_strangers(self) -> bool:
        """Whether somebody unknown is sent away whatever they send."""
        return self in (Who.ACCOUNT, Who.ORGANISER, Who.ADMIN)

    @property
    def signed_in(self) -> bool:
        return self.refuses_strangers or self is Who.OWNER


@dataclass(frozen=True)
class Header:
    """A header of a request or an answer."""

    about: str
    schema: Mapping[str, Any]
    example: str


TAKEN = {
    TICKET_HEADER: Header(
        "The place in the queue: the `ticket` that joining gave. Browsers have it in a cookie.",
        {"type": "string", "maxLength": 500},
        "eyJyb29tIjoi...",
    ),
    PASS_HEADER: Header(
        "The pass that claiming gave. The ticket alone will do as well.",
        {"type": "string", "maxLength": 500},
        "eyJwYXNzIjoi...",
    ),
    "Idempotency-Key": Header(
        "A name of your own for this booking. The same key and body give the same booking however often "
        "they are sent, so whoever got no answer sends the same again. Another body is refused.",
        {"type": "string", "pattern": "^[!-~]{1,200}$"},
        "7f3c1a52-order-1",
    ),
    "Prefer": Header(
        "`wait=N`: how many seconds to wait for the bank, 30 at most. Then 202, and the booking goes on.",
        {"type": "string", "maxLength": 100},
        "wait=10",
    ),
    "If-None-Match": Header(
        "The ETag of the last answer: 304 if nothing has changed.",
        {"type": "string", "maxLength": 200},
        '"3.17"',
    ),
    "Stripe-Signature": Header(
        "The gateway's signature over the body.", {"type": "string", "maxLength": 1000}, "t=1790000000,v1=..."
    ),
}
"""What may be sent besides the body."""

_SECONDS = {"type": "integer", "minimum": 0}
GIVEN = {
    "Retry-After": Header("After how many seconds to try again.", _SECONDS, "2"),
    "Location": Header("Where the booking is found.", {"type": "string"}, "/api/bookings/0f6c..."),
    "RateLimit-Limit": Header("How many calls of this kind may be made in a minute.", _SECONDS, "600"),
    "RateLimit-Remaining": Header("How many are left.", _SECONDS, "599"),
    "RateLimit-Reset": Header("After how many seconds all of them are there again.", _SECONDS, "60"),
    "Cache-Control": Header(
        "How long it may be kept, by anybody.", {"type": "string"}, "public, max-age=3600"
    ),
    "Poll-After": Header(
        "After how many seconds a page without a socket should ask again.", {"type": "string"}, "5"
    ),
    "ETag": Header("Names this state of the answer, for If-None-Match.", {"type": "string"}, '"3.17"'),
}
"""What an answer may carry besides its body."""

LIMITED = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
"""The headers of every answer: how much may be asked for, how much of it is left, and until when."""

RESTING = ("Poll-After", "ETag")
"""The headers of what pages ask for again and again."""


@dataclass(frozen=True)
class Call:
    """One call of the API, as people and programs are told of it.

    What its path, its body and its door already say is not repeated here: see `document.refusals_of`.
    """

    tag: str
    title: str
    answers: Mapping[int, Any]
    """The body's model by status; None for no body."""
    who: Who = Who.ANYBODY
    refusals: tuple[str, ...] = ()
    """The codes of the problems that are this call's own."""
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    queries: Mapping[str, Header] = field(default_factory=dict)
    example: Mapping[str, Any] | None = None
    """A body as it may be sent."""
    file: str = ""
    """The type of the file that it answers with, where that is no JSON."""
    takes_anything: bool = False
    """The body is checked by other means than a model."""

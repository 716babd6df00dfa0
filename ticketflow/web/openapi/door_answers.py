"""What the API answers at doors: one model an answer, for the document."""

from typing import Annotated, Literal

from pydantic import Field

from ticketflow.checking import Verdict
from ticketflow.web.openapi.answers import WHEN, Answer, Moment, example

SHORT = "W2C8XKQ5NR4TB7HDV9GZ3MF6JPL"


class DoorEventView(Answer):
    """The event that a ticket is for."""

    id: int
    name: str
    starts_at: Moment


class DoorTicketView(Answer):
    """A ticket as whoever stands at the door must know it."""

    code: Annotated[str, Field(description="The short code.")]
    seat: Annotated[str | None, Field(description="Null where there are no numbered seats.")]
    ticket_type: Annotated[str | None, Field(description="Null where the booking was cancelled.")]
    booker: Annotated[str | None, Field(description="Whose name it was booked in.")]
    event: DoorEventView


class CheckedView(Answer):
    """The verdict on a code."""

    model_config = example(
        verdict="used",
        detail="Somebody has come in with this ticket before.",
        ticket={
            "code": SHORT,
            "seat": "Balcony, row A, seat 7",
            "ticket_type": "Balcony",
            "booker": "Ada",
            "event": {"id": 42, "name": "Coldplay in Mumbai", "starts_at": WHEN},
        },
        used_at=WHEN,
        door="North",
    )
    verdict: Annotated[
        Verdict,
        Field(
            description="`valid`: let them in. `used`: somebody came in with it before. `void`: its booking "
            "was cancelled. `wrong_event`: ours, for another event. `unknown`: not ours, or mistyped."
        ),
    ]
    detail: Annotated[str, Field(description="The verdict in words.")]
    ticket: Annotated[
        DoorTicketView | None,
        Field(description="Null where it is unknown, or of an event you do not see to."),
    ]
    used_at: Annotated[
        Moment | None,
        Field(description="The first use, which is this one if the ticket was just found valid."),
    ]
    door: Annotated[str | None, Field(description="Where that was, as that door was called.")]


class TicketKey(Answer):
    """A public key, as RFC 8037 writes it."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    use: Literal["sig"]
    alg: Literal["EdDSA"]
    kid: Annotated[str, Field(pattern="^[0-9a-f]{8}$", description="As codes name it, in hexadecimal.")]
    x: Annotated[str, Field(description="The key's 32 bytes, in base64url.")]


class KeySet(Answer):
    """The keys whose signatures are good, the newest first."""

    model_config = example(
        keys=[
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "use": "sig",
                "alg": "EdDSA",
                "kid": "21fe31df",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            }
        ]
    )
    keys: list[TicketKey]

"""What the API answers about accounts and tokens: one model an answer, for the document."""

from typing import Annotated, Any, Literal

from pydantic import Field

from ticketflow.domain import Ability, Role
from ticketflow.web.openapi.answers import LATER, WHEN, Answer, Moment, example

PERSON = {
    "id": 12,
    "name": "Ada",
    "email": "ada@example.com",
    "verified": True,
    "theme": "system",
    "role": "fan",
}
TOKEN = {
    "id": 3, "name": "The box office's till", "abilities": ["book", "read"], "created_at": WHEN,
    "expires_at": LATER, "last_used_at": None,
}  # fmt: skip
SECRET = "tf_..."  # noqa: S105 - an example


class AccountView(Answer):
    """An account, as its owner sees it."""

    model_config = example(**PERSON)
    id: int
    name: str
    email: str
    verified: Annotated[bool, Field(description="The address is proven to be theirs.")]
    theme: Literal["system", "light", "dark"]
    role: Role


class AccountChanged(AccountView):
    """The account, and the new address that a letter was sent to."""

    model_config = example(**PERSON, email_pending="ada@new.example.com")
    email_pending: Annotated[str, Field(description="Becomes the address once the letter's link is used.")]


class LetterSent(Answer):
    """A letter is on its way, if there is somebody to write to."""

    model_config = example(email="ada@example.com")
    email: str


class Export(Answer):
    """All that is kept of the account, table by table."""

    model_config = example(
        exported_at=WHEN,
        account={"id": 12, "name": "Ada"},
        bookings=[],
        letters=[],
        links=[],
        reminders=[],
        tokens=[],
        audit=[],
    )
    exported_at: Moment
    account: dict[str, Any]
    bookings: list[dict[str, Any]]
    letters: list[dict[str, Any]]
    links: list[dict[str, Any]]
    reminders: list[dict[str, Any]]
    tokens: list[dict[str, Any]]
    audit: list[dict[str, Any]]


class TokenView(Answer):
    """A token, without what it says."""

    model_config = example(**TOKEN)
    id: int
    name: str
    abilities: list[Ability]
    created_at: Moment
    expires_at: Moment
    last_used_at: Annotated[Moment | None, Field(description="To the minute.")]


class TokenMade(TokenView):
    """A new token. What it says is told this once."""

    model_config = example(**TOKEN, token=SECRET)
    token: Annotated[str, Field(description="Send it as `Authorization: Bearer tf_...`.")]


class AccountFound(Answer):
    """An account, as an admin sees it."""

    model_config = example(id=12, name="Ada", email="ada@example.com", verified=True, role="organiser")
    id: int
    name: str
    email: str
    verified: bool
    role: Role

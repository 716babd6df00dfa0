"""What the account's forms share: what they ask for, and our words for what is wrong with a field."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError
from quart import request

from ticketflow.domain import Refusal
from ticketflow.web.asks import (
    LEAST_PASSWORD,
    MOST_EMAIL,
    MOST_NAME,
    MOST_PASSWORD,
    Ask,
    Email,
    Line,
)

AskT = TypeVar("AskT", bound=BaseModel)
Told = dict[str, str]
"""What is wrong, by the field's name; "" is the form as a whole."""

LOOKS = ("system", "light", "dark")
SECRETS = frozenset({"password", "current_password", "token"})
"""Fields that are never written back into a page."""

_NEEDED = f"A password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters."
HINTS = {
    "name": "Please say what to call you.",
    "email": "That does not look like an e-mail address.",
    "password": _NEEDED,
    "current_password": "Please type your password.",
    "theme": "Please choose one of the three.",
    "abilities": "Please choose what it may do.",
    "expires_in_days": "Please choose how long it is good for.",
}
"""What is wrong with a field, by its name: said by the server, and by form.js before it is asked."""

MOST = {
    "name": MOST_NAME,
    "email": MOST_EMAIL,
    "password": MOST_PASSWORD,
    "current_password": MOST_PASSWORD,
}
LONG = {
    "name": f"A name has at most {MOST_NAME} characters.",
    "email": f"An address has at most {MOST_EMAIL} characters.",
    "password": _NEEDED,
}
_UNSHOWABLE = "A name has only characters that can be shown."

Known = Annotated[str, Field(min_length=1, max_length=MOST_PASSWORD)]
Fresh = Annotated[str, Field(min_length=LEAST_PASSWORD, max_length=MOST_PASSWORD)]


class NameForm(Ask):
    name: Annotated[Line, Field(max_length=MOST_NAME)]


class EmailForm(Ask):
    email: Email
    current_password: Known


class PasswordForm(Ask):
    current_password: Known
    password: Fresh


class LookForm(Ask):
    theme: Literal["system", "light", "dark"]


class ConfirmForm(Ask):
    current_password: Known


class ForgotForm(Ask):
    email: Email


class ResetForm(Ask):
    token: Annotated[str, Field(max_length=500)]
    password: Fresh


class LinkForm(Ask):
    token: Annotated[str, Field(max_length=500)]


async def sent() -> dict[str, str]:
    """The form of this request, by field."""
    return dict(await request.form)


def read(kind: type[AskT], form: dict[str, str]) -> AskT:
    """The form as `kind`; fields it does not have are left out. Raises pydantic's `ValidationError`."""
    return kind.model_validate({name: form.get(name, "") for name in kind.model_fields})


def told(error: ValidationError) -> Told:
    """What is wrong with each field, by its name, in our words."""
    words = {}
    for fault in error.errors():
        field, kind = str(fault["loc"][0]), fault["type"]
        words[field] = HINTS.get(field, "")
        if kind.endswith("too_long"):
            words[field] = LONG.get(field, words[field])
        elif field == "name" and kind == "value_error":
            words[field] = _UNSHOWABLE
    return words


_FIELD_OF = {"wrong_password": "current_password", "email_taken": "email"}


def told_of(refusal: Refusal) -> Told:
    """The same for what the accounts' own rules refuse."""
    if faults := refusal.extra.get("errors"):
        return {fault["field"]: fault["problem"] for fault in faults}
    return {_FIELD_OF.get(refusal.code, ""): refusal.detail}


def kept(form: dict[str, str]) -> dict[str, str]:
    """What may be written back into the form."""
    return {name: value for name, value in form.items() if name not in SECRETS}


WORDS: dict[str, Any] = {"wrong": HINTS, "long": LONG, "most": MOST, "password_least": LEAST_PASSWORD}
"""What every template with such fields is given."""

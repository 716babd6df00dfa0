"""What clients may send about accounts that are there."""

from typing import Annotated

from pydantic import Field, model_validator

from ticketflow.web.asks import LEAST_PASSWORD, MOST_EMAIL, MOST_NAME, MOST_PASSWORD, Ask, Email, Line

Token = Annotated[str, Field(min_length=1, max_length=400)]
Password = Annotated[str, Field(min_length=LEAST_PASSWORD, max_length=MOST_PASSWORD)]
Given = Annotated[str, Field(max_length=MOST_PASSWORD)]
"""A password as it was given: whether it is one is found out by trying."""


class ChangeMe(Ask):
    """What is left out stays as it is. The current password belongs to a new address or password."""

    name: Annotated[Line, Field(max_length=MOST_NAME)] | None = None
    theme: Annotated[str, Field(pattern="^(system|light|dark)$")] | None = None
    email: Email | None = None
    password: Password | None = None
    current_password: Given | None = None

    @model_validator(mode="after")
    def _something(self) -> "ChangeMe":
        if not self.model_dump(exclude_none=True, exclude={"current_password"}):
            raise ValueError("name something to change: name, theme, email or password")
        if self.email is not None and self.password is not None:
            raise ValueError("change the address and the password one after the other")
        if (self.email or self.password) is not None and self.current_password is None:
            raise ValueError("give your current_password with a new email or password")
        return self


class Confirmed(Ask):
    """What is done only with the password once more."""

    current_password: Given


class UseLink(Ask):
    token: Token


class Forgotten(Ask):
    email: Annotated[Email, Field(max_length=MOST_EMAIL)]


class Reset(Ask):
    token: Token
    password: Password

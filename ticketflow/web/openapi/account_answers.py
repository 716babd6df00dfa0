"""What the API answers about accounts: one model an answer, for the document."""

from ticketflow.web.openapi.answers import Answer, example

PERSON = {"id": 12, "name": "Ada", "email": "ada@example.com"}


class AccountView(Answer):
    """An account, as its owner sees it."""

    model_config = example(**PERSON)
    id: int
    name: str
    email: str

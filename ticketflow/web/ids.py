"""Numbers in addresses: none is larger than the database can hold, so a larger one names nothing."""

from typing import Any

from quart import Quart
from werkzeug.routing import IntegerConverter

from ticketflow.web.asks import MOST_ID


class Id(IntegerConverter):
    """A whole number that may be an id."""

    def __init__(self, *given: Any, max: int | None = MOST_ID, **named: Any) -> None:  # the library's name
        super().__init__(*given, max=max, **named)


def install(app: Quart) -> None:
    """Let `<int:...>` in the routes of `app` stand for an id; routes come after this."""
    app.url_map.converters["int"] = Id

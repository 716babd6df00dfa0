"""Numbers in addresses: none is larger than the database can hold, so a larger one names nothing."""

from quart import Quart
from werkzeug.routing import IntegerConverter, ValidationError

from ticketflow.web.asks import MOST_ID


class Id(IntegerConverter):
    """A whole number that may be an id."""

    def to_python(self, value: str) -> int:
        """The id in an address. Raises werkzeug's ValidationError, a 404, if nothing can have it."""
        number: int = super().to_python(value)
        if number > MOST_ID:
            raise ValidationError
        return number


def install(app: Quart) -> None:
    """Let `<int:...>` in the routes of `app` stand for an id; routes come after this."""
    app.url_map.converters["int"] = Id

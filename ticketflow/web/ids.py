"""Numbers in addresses: none is larger than the database can hold, so a larger one names nothing."""

from quart import Quart
from werkzeug.routing import IntegerConverter


class Id(IntegerConverter):
    """A whole number that may be an id: of 18 digits at most, which fit into 63 bits.

    By the pattern, not by a look at the number: an address that only its number rules out would be answered
    as one that is there and takes other methods.
    """

    regex = r"\d{1,18}"


def install(app: Quart) -> None:
    """Let `<int:...>` in the routes of `app` stand for an id; routes come after this."""
    app.url_map.converters["int"] = Id

"""JSON as we take it from strangers: no deeper than anybody needs, and with one meaning only."""

import json
import re
from typing import Any

MOST_LEVELS = 32
"""What clients send has three."""
# A text that has no end runs to the end of all: what follows could be no bracket, and the parser refuses it.
_TEXT_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)


class BadJson(ValueError):
    """This is no JSON, or none that we take."""


def loads(text: str | bytes) -> Any:
    """The value that `text` stands for.

    Raises `BadJson` for what is no JSON, is nested more than `MOST_LEVELS` deep, names a member twice, or has
    NaN or an infinity, which JSON does not know; UnicodeDecodeError for bytes that are no text.
    """
    if isinstance(text, bytes):
        text = text.decode()
    # Seldom has a body so many brackets that it could be too deep at all.
    if text.count("[") + text.count("{") > MOST_LEVELS and _levels(text) > MOST_LEVELS:
        raise BadJson("nested too deeply")
    try:
        return _DECODER.decode(text)
    except BadJson:
        raise
    except ValueError as error:
        raise BadJson("no JSON") from error


def _levels(text: str) -> int:
    """How deep the brackets go, told without going down: one past the most is deep enough to know."""
    depth = deepest = 0
    for found in _TEXT_OR_BRACKET.finditer(text):
        sign = found[0][0]
        if sign in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MOST_LEVELS:
                break
        elif sign in "]}":
            depth -= 1
    return deepest


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise BadJson("a member is named twice")
    return found


def _no_number(name: str) -> Any:
    raise BadJson(f"{name} is no number")


# Made once: json.loads would make one for each text that it is told these things with.
_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number)

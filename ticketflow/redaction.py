"""What no log may say: passwords, tokens, cookies, cards, keys. Taken out of every line, whoever wrote it."""

import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any

REDACTED = "[redacted]"

known_secrets: ContextVar[Callable[[], Iterable[str]] | None] = ContextVar("known_secrets", default=None)
"""Finds the secrets that the request at hand has brought: asked only if a line is written meanwhile."""

LEAST_SECRET = 4
"""Shorter ones stand in too many words by chance."""

_SECRET_NAME = re.compile(
    r"pass(?!ed)|pwd|token|secret|cookie|authori[sz]ation|api[-_]?key|csrf|card|cvc|cvv|credential|session|ticket$",
    re.IGNORECASE,
)
_KEPT_NAMES = frozenset({"request_id"})
_NAMES = r"queue-ticket|queue-pass|[\w-]*(?:password|passwd|secret|token|api[-_]?key|card[-_]?number|cvc)"
_DB_VALUES = r"(\(\d{3,4}, ['\"][^'\"\n]*)['\"](?!\)?$)[^\n]*"
"""MySQL's error by its number: what it says up to the first value that it quotes, and the rest."""

_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, flags), instead)
    for pattern, instead, flags in (
        # A driver's error tells the values it choked on, and SQLAlchemy tells all that were given.
        (_DB_VALUES, rf"\1{REDACTED}", re.MULTILINE),
        (r"\[parameters: .*?\](?=\n|$)", f"[parameters: {REDACTED}]", re.DOTALL),
        # What a check was given, in pydantic's words.
        (r"input_value=.*?(?=, input_type=)", f"input_value={REDACTED}", re.DOTALL),
        (r"\b(Bearer|Basic)\s+[\w.~+/=-]+", rf"\1 {REDACTED}", re.IGNORECASE),
        (r"(://)[^/\s@'\"]+@", rf"\1{REDACTED}@", 0),
        # A header runs to the end of its line; of the rest, name and value in whatever notation.
        (r"\b((?:set-)?cookie|authorization)(['\"]?\s*[:=]\s*)[^\n]*", rf"\1\2{REDACTED}", re.IGNORECASE),
        (
            rf"\b({_NAMES})(['\"]?\s*[:=]\s*)(?:'[^'\n]*'|\"[^\"\n]*\"|[^\s,;&)}}\]'\"]+)",
            rf"\1\2{REDACTED}",
            re.IGNORECASE,
        ),
        (r"\$argon2[a-z]*\$[^\s'\"]+", REDACTED, 0),
        (r"\b(?:[sprk]{2}_(?:live|test)_|whsec_|pm_|tf_)[A-Za-z0-9_-]{6,}", REDACTED, 0),
        # Signed or drawn by lot: long, and of small letters, capitals and digits. No word of a program is.
        (
            r"(?<![\w-])(?=[\w.-]*\d)(?=[\w.-]*[a-z])(?=[\w.-]*[A-Z])[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9_-]+)*",
            REDACTED,
            0,
        ),
        (r"(?<![0-9A-Za-z])[0-9a-f]{40,}(?![0-9A-Za-z])", REDACTED, 0),
    )
)
_DIGITS = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])")


def redacted(text: str) -> str:
    """The text without what it may not say."""
    find = known_secrets.get()
    if find is not None:
        for secret in sorted(set(find()), key=len, reverse=True):
            if len(secret) >= LEAST_SECRET:
                text = text.replace(secret, REDACTED)
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return _DIGITS.sub(_unless_card, text)


def redacted_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a line without what they may not say, by their names and by what they hold."""
    return {name: value if name in _KEPT_NAMES else _field(name, value) for name, value in fields.items()}


def is_secret_name(name: str) -> bool:
    """Whether what is called so is nobody's to read."""
    return _SECRET_NAME.search(name) is not None


def _field(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if is_secret_name(name):
        return REDACTED
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {key: _field(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_field("", inner) for inner in value]
    return redacted(str(value))


def _unless_card(number: re.Match[str]) -> str:
    digits = [int(sign) for sign in number[0] if sign.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return number[0] if (sum(digits[-1::-2]) + sum(doubled)) % 10 else REDACTED

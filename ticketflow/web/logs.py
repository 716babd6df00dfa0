"""What is told of each request: its number, on every line that is written meanwhile, and one line of its own.

The line names the route and never the address asked for, which may carry a token.
"""

import logging
import re
import secrets
from collections.abc import Iterator
from functools import partial
from http.cookies import CookieError, SimpleCookie
from typing import Any

from quart import Request, Websocket
from structlog.contextvars import bind_contextvars, get_contextvars

from ticketflow.redaction import is_secret_name, known_secrets

access = logging.getLogger("ticketflow.access")
security = logging.getLogger("ticketflow.security")
"""Who came in or went, and what somebody tried that they may not: each line is one of the names in `EVENTS`,
limit_reached, signed_in or signed_out."""

EVENTS = {
    "wrong_credentials": "sign_in_failed",
    "wrong_password": "sign_in_failed",
    "cross_site": "cross_site_refused",
    "bad_host": "bad_host",
    "bad_token": "bad_token",
    "bad_ticket": "bad_token",
    "bad_pass": "bad_token",
    "bad_signature": "bad_token",
    "forbidden": "forbidden",
    "ability_missing": "forbidden",
}
"""The one table from a refusal's code to the event of the log."""

QUIET = frozenset({"static", "health.alive", "health.ready"})
"""Routes without a line: there is one for each file of a page, and for each look of who watches over us."""
_NUMBER = re.compile(r"[A-Za-z0-9._-]{8,128}")
_SECRET_HEADERS = ("Authorization", "Cookie", "Queue-Ticket", "Queue-Pass", "Stripe-Signature")


def begin(asked: Request | Websocket, proxy_hops: int) -> str:
    """Give a request or a socket its number: what a trusted proxy calls it, or one of 128 bits."""
    number = asked.headers.get("X-Request-Id") if proxy_hops else None
    if number is None or not _NUMBER.fullmatch(number):
        number = secrets.token_hex(16)
    bind_contextvars(request_id=number)
    known_secrets.set(partial(_secrets_of, asked))
    return number


def number_of_request() -> str | None:
    """The number of the request or socket at hand."""
    number: str | None = get_contextvars().get("request_id")
    return number


def tell(asked: Request | Websocket, status: int, seconds: float) -> None:
    """Write the line of a request that is over, or of a socket that is closed."""
    if asked.endpoint in QUIET or not access.isEnabledFor(logging.INFO):
        return
    # By hand: logging would look for who calls, which takes longer than all the rest.
    line = logging.LogRecord(access.name, logging.INFO, "", 0, "request", None, None)
    line.__dict__ |= {
        "request_id": number_of_request(),
        "method": asked.method if isinstance(asked, Request) else "WS",
        "route": asked.url_rule.rule if asked.url_rule else None,
        "status": status,
        "ms": round(seconds * 1000, 1),
        "account": getattr(asked, "account", None),
        "network": getattr(asked, "network", None),
    }
    access.handle(line)


def tell_refusal(code: str) -> None:
    """Name what was refused, if it is something that those who watch over us want to count."""
    if event := EVENTS.get(code):
        security.info(event, extra={"code": code})


def _secrets_of(asked: Request | Websocket) -> Iterator[str]:
    """What the request has brought that no line may repeat, wherever in it."""
    for name in _SECRET_HEADERS:
        for value in asked.headers.getlist(name):
            yield value
            yield from value.split(" ")
            if name == "Cookie":
                yield from _cookies(value)
    for name, value in asked.args.items(multi=True):
        if is_secret_name(name):
            yield value
    # As it was read, if it was: nothing is read here.
    yield from _named_secrets(getattr(asked, "_cached_json", {}).get(False))
    yield from _named_secrets(dict(getattr(asked, "_form", None) or {}))


def _cookies(header: str) -> Iterator[str]:
    try:
        yield from (morsel.value for morsel in SimpleCookie(header).values())
    except CookieError:
        yield from (pair.partition("=")[2].strip() for pair in header.split(";"))


def _named_secrets(value: Any) -> Iterator[str]:
    """The texts under names of secrets. What has been parsed is nested no deeper than JSON may be."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str):
                if is_secret_name(str(name)):
                    yield inner
            else:
                yield from _named_secrets(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named_secrets(inner)

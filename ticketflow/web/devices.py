"""Which accounts have been signed in to in this browser before, by a signed cookie of its own.

It opens nothing: it only keeps strangers' wrong passwords from shutting out who sits where they always sit.
"""

import secrets
from collections.abc import Sequence
from functools import lru_cache

from itsdangerous import BadData, URLSafeTimedSerializer
from quart import after_this_request, request
from quart.wrappers import Response
from werkzeug import Response as AnyResponse

from ticketflow.accounts import Device
from ticketflow.domain import User
from ticketflow.settings import Settings
from ticketflow.signing import timed_signer

YEAR = 31_536_000
MOST_ACCOUNTS = 5
"""A browser of more people than these knows the last ones."""


def cookie_name(settings: Settings) -> str:
    """The device's cookie; where visitors come by https no other host of the domain can set it."""
    return "__Host-device" if settings.secure and not settings.embedded else "device"


def device(settings: Settings) -> Device | None:
    """The browser that asks, if anybody has signed in there before."""
    try:
        found, accounts = _signer(settings.secret_keys).loads(
            request.cookies.get(cookie_name(settings), ""), max_age=YEAR
        )
    except (BadData, ValueError, TypeError):
        return None
    return Device(str(found), tuple(int(account) for account in accounts))


def remember_device(settings: Settings, user: User) -> None:
    """Note in the answer at hand that this account has been signed in to here."""
    known = device(settings)
    before = [account for account in known.accounts if account != user.id] if known else []
    kept = [user.id, *before][:MOST_ACCOUNTS]
    value = _signer(settings.secret_keys).dumps([known.id if known else secrets.token_urlsafe(9), kept])

    @after_this_request
    async def write(response: Response | AnyResponse) -> Response | AnyResponse:
        response.set_cookie(
            cookie_name(settings),
            str(value),
            max_age=YEAR,
            httponly=True,
            secure=settings.secure,
            samesite="Lax",
            path="/",
        )
        return response


@lru_cache(maxsize=8)
def _signer(secret_keys: Sequence[str]) -> URLSafeTimedSerializer:
    return timed_signer(secret_keys, "a device")

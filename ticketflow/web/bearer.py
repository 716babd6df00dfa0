"""Tokens of programs: `Authorization: Bearer tf_...`, and what each route asks of one.

Whoever brings a token is the token's account and nobody else: their cookies are not looked at, whatever
they say. A browser never sends a token by itself, so no other site can borrow one.
"""

from typing import TYPE_CHECKING

from pydantic import ConfigDict, TypeAdapter, ValidationError
from quart import Quart, Request, Websocket, current_app, g, request, websocket
from quart.globals import app_ctx

from ticketflow.accounts.tokens import Tokens
from ticketflow.domain import BOOK, ORGANISE, READ, Ability, Refusal
from ticketflow.store.tokens import Token
from ticketflow.web.account_asks import Given

if TYPE_CHECKING:
    from ticketflow.web.limits import Limiter

_GIVEN = TypeAdapter(Given, config=ConfigDict(strict=True))

OPEN: frozenset[Ability] = frozenset()
"""A token adds nothing here: the body says all, or a signature over it."""
PERSON = None
"""For the account's owner alone. A token will do only along with the password, where the body has a place
for that: whoever finds a token must not be able to keep the account."""

WITH_PASSWORD = frozenset({"PATCH /api/me", "DELETE /api/me", "POST /api/me/export"})
"""Of those, the ones whose body has a place for the password."""

NOBODYS = frozenset({"GET /healthz", "GET /readyz", "GET /.well-known/ticket-keys.json"})
"""What is answered alike whoever asks: a probe that brings a token everywhere is as healthy as another."""

_LOOK, _BOOKING, _BOOK, _ORGANISE = (
    frozenset({READ}),
    frozenset({READ, BOOK}),
    frozenset({BOOK}),
    frozenset({ORGANISE}),
)

NEEDS: dict[str, frozenset[Ability] | None] = {
    "POST /api/register": OPEN,
    "POST /api/login": OPEN,
    "POST /api/logout": PERSON,
    "GET /api/me": _LOOK,
    "PATCH /api/me": PERSON,
    "DELETE /api/me": PERSON,
    "POST /api/me/export": PERSON,
    "POST /api/me/verification": PERSON,
    "DELETE /api/me/sessions": PERSON,
    "POST /api/verify": OPEN,
    "POST /api/password/forgotten": OPEN,
    "POST /api/password/reset": OPEN,
    "POST /api/tokens": PERSON,
    "GET /api/tokens": PERSON,
    "DELETE /api/tokens/<int:token_id>": PERSON,
    "GET /api/events": _LOOK,
    "GET /api/events/<int:event_id>": _LOOK,
    "GET /api/events/<int:event_id>/seats": _LOOK,
    "GET /api/events/<int:event_id>/seats/plan": _LOOK,
    "GET /api/events/<int:event_id>/seats/state": _LOOK,
    "GET /api/events/<int:event_id>/draw": _LOOK,
    "POST /api/events/<int:event_id>/reminder": _BOOK,
    "GET /api/events/<int:event_id>/reminder": _BOOKING,
    "DELETE /api/events/<int:event_id>/reminder": _BOOK,
    "POST /api/events/<int:room_id>/queue": _BOOK,
    "GET /api/events/<int:room_id>/queue": _BOOKING,
    "DELETE /api/events/<int:room_id>/queue": _BOOK,
    "POST /api/events/<int:room_id>/queue/claim": _BOOK,
    "POST /api/events/<int:event_id>/holds": _BOOK,
    "GET /api/holds/<hold_id>": _BOOKING,
    "DELETE /api/holds/<hold_id>": _BOOK,
    "POST /api/holds/<hold_id>/extend": _BOOK,
    "POST /api/bookings": _BOOK,
    "GET /api/bookings": _BOOKING,
    "GET /api/bookings/<booking_id>": _BOOKING,
    "POST /api/bookings/<booking_id>/cancel": _BOOK,
    "POST /api/payments/webhook": OPEN,
    "POST /api/organiser/events": _ORGANISE,
    "GET /api/organiser/events": _ORGANISE,
    "GET /api/organiser/events/<int:event_id>": _ORGANISE,
    "PATCH /api/organiser/events/<int:event_id>": _ORGANISE,
    "POST /api/organiser/events/<int:event_id>/ticket-types": _ORGANISE,
    "PATCH /api/organiser/events/<int:event_id>/ticket-types/<int:type_id>": _ORGANISE,
    "DELETE /api/organiser/events/<int:event_id>/ticket-types/<int:type_id>": _ORGANISE,
    "POST /api/organiser/events/<int:event_id>/duplicate": _ORGANISE,
    "GET /api/organiser/events/<int:event_id>/bookings": _ORGANISE,
    "GET /api/organiser/events/<int:event_id>/audit": _ORGANISE,
    "GET /api/organiser/events/<int:event_id>/stats": _ORGANISE,
    "GET /api/organiser/events/<int:event_id>/report": _ORGANISE,
    "GET /api/organiser/events/<int:event_id>/attendees": _ORGANISE,
    "GET /api/organiser/events/<int:event_id>/attendees.csv": _ORGANISE,
    "GET /api/organiser/events/<int:event_id>/admissions": _ORGANISE,
    "GET /api/organiser/events/<int:event_id>/room": _ORGANISE,
    "PATCH /api/organiser/events/<int:event_id>/room": _ORGANISE,
    "GET /api/organiser/events/<int:event_id>/autopilot": _ORGANISE,
    "PUT /api/organiser/events/<int:event_id>/autopilot": _ORGANISE,
    "DELETE /api/organiser/events/<int:event_id>/autopilot": _ORGANISE,
    "POST /api/organiser/events/<int:event_id>/room/extend": _ORGANISE,
    "GET /api/organiser/events/<int:event_id>/room/outlook": _ORGANISE,
    "POST /api/organiser/events/<int:event_id>/bookings/<booking_id>/cancel": _ORGANISE,
    "POST /api/organiser/events/<int:event_id>/cancel": PERSON,
    "GET /api/organiser/events/<int:event_id>/cancel": _ORGANISE,
    "GET /api/organiser/work": _ORGANISE,
    "POST /api/organiser/work/orders/retry": _ORGANISE,
    "POST /api/organiser/work/payments/retry": _ORGANISE,
    "POST /api/organiser/work/payments/<booking_id>/retry": _ORGANISE,
    "GET /api/organiser/mail": _ORGANISE,
    "GET /api/organiser/mail/summary": _ORGANISE,
    "GET /api/organiser/mail/<int:letter_id>": _ORGANISE,
    "POST /api/organiser/mail/retry": _ORGANISE,
    "POST /api/organiser/mail/<int:letter_id>/retry": _ORGANISE,
    "POST /api/organiser/mail/<int:letter_id>/resend": _ORGANISE,
    "POST /api/organiser/check": _ORGANISE,
    "GET /api/admin/accounts": PERSON,
    "PATCH /api/admin/accounts/<int:account_id>": PERSON,
    "WS /ws/events/<int:event_id>": _BOOKING,
    "WS /ws/desk/<int:event_id>": _BOOK,
    "WS /ws/organiser/<int:event_id>": _ORGANISE,
    "WS /ws/organiser/mail": _ORGANISE,
}
"""The one table: route -> the abilities of which a token must have one. Pages are not in it: there a token
is checked, and then makes nobody of its bearer."""

_SCHEME = "bearer "


def install(app: Quart, tokens: Tokens) -> None:
    """Look at each request's token before anything else does. Without one this costs a look at a header."""

    @app.before_request
    async def of_request() -> None:
        given = request.headers.get("Authorization")
        if given is not None:
            method = "GET" if request.method == "HEAD" else request.method
            await _take(tokens, request, given, method)

    @app.before_websocket
    async def of_websocket() -> None:
        given = websocket.headers.get("Authorization")
        if given is not None:
            await _take(tokens, websocket, given, "WS")


def presented_token() -> Token | None:
    """The token that acts in the request or websocket at hand, or None."""
    token: Token | None = app_ctx.g.get("ticketflow_token")
    return token


async def _take(tokens: Tokens, asked: Request | Websocket, given: str, method: str) -> None:
    if given[: len(_SCHEME)].lower() != _SCHEME:
        return
    # Nothing has read them yet, and from here on there are none.
    asked.headers.remove("Cookie")
    route = f"{method} {asked.url_rule.rule}" if asked.url_rule else ""
    if route in NOBODYS:
        return
    token = await tokens.find(given[len(_SCHEME) :].strip())
    if token is None:
        # Only now: thousands may share an address, and a good token is good beside any number of bad ones.
        limiter: Limiter = current_app.extensions["limits"]
        limiter.count_guess()
        raise Refusal("bad_token", "This token is not known here. It may have expired or been revoked.")
    if route not in NEEDS:
        return
    await _check(token, route)
    g.ticketflow_token = token


async def _check(token: Token, route: str) -> None:
    needed = NEEDS[route]
    if needed is PERSON and route in WITH_PASSWORD and await _has_password(token):
        return
    if needed is PERSON:
        raise Refusal("ability_missing", "A token alone cannot do this. It takes the password.")
    if needed and not needed & token.abilities:
        names = " or ".join(sorted(needed))
        raise Refusal("ability_missing", f"This wants a token that may {names}.", abilities=sorted(needed))


async def _has_password(token: Token) -> bool:
    """Whether the body brings the account's password. Raises `Refusal` wrong_password, too_many_requests.

    Wrong ones are counted as the token's own, so that who found one uses up no tries of the owner's.
    """
    from ticketflow.web.services import services

    body = await request.get_json(silent=True)
    try:
        given = _GIVEN.validate_python(body.get("current_password") if isinstance(body, dict) else None)
    except ValidationError:
        return False
    owner = await services().users.find(token.user_id)
    if owner is None:
        return False
    await services().accounts.confirm(owner, given, token_id=token.id)
    return True

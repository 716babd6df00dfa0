"""Who is sent away before anything of the request is read: strangers, from calls that are for accounts.

A stranger is told to sign in first, whatever the body looks like: "mend the third field" is no help to
somebody who will then be told to sign in. The same table tells the document who a call is for, so what is
told and what is done cannot differ.
"""

from collections.abc import Awaitable, Callable

from quart import Quart, request

from ticketflow.web.openapi.calls import Who
from ticketflow.web.openapi.document import key_of
from ticketflow.web.openapi.table import CALLS
from ticketflow.web.session import require_admin, require_organiser, require_user

Ask = Callable[[], Awaitable[object]]
_ASKED: dict[Who, Ask] = {
    Who.ACCOUNT: require_user,
    Who.ORGANISER: require_organiser,
    Who.ADMIN: require_admin,
}


def install(app: Quart) -> None:
    """Put a door before every route of `app` that needs an account. Its routes must be there already."""
    doors: dict[tuple[str, str], Ask] = {}
    for rule in app.url_map.iter_rules():
        for method in rule.methods or ():
            call = CALLS.get(key_of(rule, method))
            if call and call.who in _ASKED:
                doors[rule.endpoint, method] = _ASKED[call.who]

    @app.before_request
    async def who_first() -> None:
        asked = doors.get((request.endpoint or "", request.method))
        if asked is not None:
            await asked()

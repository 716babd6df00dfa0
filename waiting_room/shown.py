"""The best place a browser was shown, kept in a cookie: who comes back ahead of a fan, to a turn they had
missed, would else make the place rise at the next load of the page. In step with static/js/shown.js."""

from __future__ import annotations

import re
from dataclasses import replace

from quart import Response, request

from .room import WaitingRoom
from .standing import Standing, State
from .web import COOKIE_SECONDS, cookie_name

PLACE = re.compile(r"[1-9][0-9]{0,9}")


def shown_name(room_id: int) -> str:
    """The cookie's name."""
    return f"{cookie_name(room_id)}_shown"


def as_shown(standing: Standing, room: WaitingRoom, room_id: int) -> Standing:
    """The standing with the best place that this request's browser was ever shown in it.

    A cookie of another place, or with anything else in it, counts for nothing.
    """
    mark, _, place = request.cookies.get(shown_name(room_id), "").partition(".")
    if standing.place is None or mark != room.mark(standing) or not PLACE.fullmatch(place):
        return standing
    best = min(standing.place, int(place))
    return replace(standing, place=best, ahead=best - 1)


def keep_shown(
    response: Response, standing: Standing, room: WaitingRoom, room_id: int, *, secure: bool
) -> None:
    """Leave the place that this response shows in the cookie.

    Whose turn has come has no place any more. Should they miss it, the wait that follows is another one.
    """
    name = shown_name(room_id)
    if standing.place is not None:
        shown = f"{room.mark(standing)}.{standing.place}"
        # A page whose script runs shows places without asking for a page, and keeps them here itself.
        response.set_cookie(name, shown, max_age=COOKIE_SECONDS, secure=secure, samesite="Lax")
    elif name in request.cookies and standing.state not in (State.WAITING, State.LOBBY, State.CLOSED):
        response.delete_cookie(name, secure=secure, samesite="Lax")

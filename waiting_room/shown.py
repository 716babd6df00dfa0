"""The best place a browser was shown, and the first, kept in a cookie. Who comes back ahead of a fan, to a
turn they had missed, would else make the place rise at the next load of the page; and how much of the way is
done is told from where it began. In step with BestShown in static/js/queue.js."""

from __future__ import annotations

import re
from dataclasses import replace

from quart import Response, request

from .room import WaitingRoom
from .standing import Standing, State
from .web import COOKIE_SECONDS

PLACES = re.compile(r"([1-9][0-9]{0,9})(?:\.([1-9][0-9]{0,9}))?")


def shown_name(room_id: int) -> str:
    """The cookie's name."""
    return f"queue_{room_id}_shown"


def as_shown(standing: Standing, room: WaitingRoom, room_id: int) -> Standing:
    """The standing with the best place that this request's browser was ever shown in it.

    A cookie of another place, or with anything else in it, counts for nothing.
    """
    kept = _kept(standing, room, room_id)
    if standing.place is None or kept is None:
        return standing
    best = min(standing.place, kept[0])
    return replace(standing, place=best, ahead=best - 1)


def first_shown(standing: Standing, room: WaitingRoom, room_id: int) -> int | None:
    """The place in the line that this request's browser was shown first; None where there is none."""
    kept = _kept(standing, room, room_id)
    if standing.place is None or kept is None:
        return standing.place
    return max(standing.place, kept[1])


def _kept(standing: Standing, room: WaitingRoom, room_id: int) -> tuple[int, int] | None:
    """The best and the first place in the cookie, if it is one of this place in the line."""
    mark, _, places = request.cookies.get(shown_name(room_id), "").partition(".")
    found = PLACES.fullmatch(places)
    if found is None or mark != room.mark(standing):
        return None
    best = int(found[1])
    return best, int(found[2] or best)


def keep_shown(
    response: Response, standing: Standing, room: WaitingRoom, room_id: int, *, secure: bool
) -> None:
    """Leave the place that this response shows in the cookie, and the first one with it.

    Whose turn has come has no place any more. Should they miss it, the wait that follows is another one.
    """
    name = shown_name(room_id)
    if standing.place is not None:
        shown = f"{room.mark(standing)}.{standing.place}.{first_shown(standing, room, room_id)}"
        # A page whose script runs shows places without asking for a page, and keeps them here itself.
        response.set_cookie(name, shown, max_age=COOKIE_SECONDS, secure=secure, samesite="Lax")
    elif name in request.cookies and standing.state not in (State.WAITING, State.LOBBY, State.CLOSED):
        response.delete_cookie(name, secure=secure, samesite="Lax")

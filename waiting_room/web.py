"""The waiting room in a Quart application: the queue's routes, and a gate to put before other routes.

A fan is known by a ticket: in the `Queue-Ticket` header, or in a cookie a room. Who is let in also has a
pass, in the `Queue-Pass` header; the ticket alone will do, since Redis knows who has a lease.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from http import HTTPStatus
from typing import Any, ParamSpec, TypeVar

from quart import Blueprint, Response, jsonify, request
from quart.typing import ResponseReturnValue
from werkzeug.http import dump_cookie

from .errors import BadTicket, NotCalled, RoomClosed, TooManyJoins, WaitingRoomError
from .room import WaitingRoom
from .standing import Standing, State
from .views import queue_view


@dataclass(frozen=True)
class Newcomer:
    """Who asks for a place: `visitor` and `sources` as `WaitingRoom.join` takes them.

    A source is named by its kind, a colon and which one, as in "address:203.0.113.7": the kind is what a fan
    is told.
    """

    visitor: str | None = None
    sources: Mapping[str, int] = field(default_factory=dict)


NewcomerFinder = Callable[[int], Awaitable[Newcomer]]
RoomFinder = Callable[[int], Awaitable[WaitingRoom]]
P = ParamSpec("P")
R = TypeVar("R")

TICKET_HEADER = "Queue-Ticket"
PASS_HEADER = "Queue-Pass"  # noqa: S105
RETRY_SECONDS = 2
"""After which a room that is coming back may be asked again."""
COOKIE_SECONDS = 86_400
"""As long as a room remembers who is done or has left."""

STATUS = {
    "bad_ticket": HTTPStatus.FORBIDDEN,
    "bad_pass": HTTPStatus.FORBIDDEN,
    "no_place": HTTPStatus.NOT_FOUND,
    "cross_site": HTTPStatus.FORBIDDEN,
    "not_admitted": HTTPStatus.FORBIDDEN,
    "not_open": HTTPStatus.CONFLICT,
    "not_drawn": HTTPStatus.CONFLICT,
    "room_closed": HTTPStatus.CONFLICT,
    "too_many_joins": HTTPStatus.TOO_MANY_REQUESTS,
    "not_called": HTTPStatus.CONFLICT,
    "not_active": HTTPStatus.FORBIDDEN,
    "room_lost": HTTPStatus.SERVICE_UNAVAILABLE,
    "bad_policy": HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""The one table from an error's code to its HTTP status."""

DETAILS = {
    "bad_ticket": "This place in the queue was not given out here, or not for this event.",
    "bad_pass": "This pass was not given out here, or not for this event.",
    "cross_site": "This was sent from another site, so it was not done.",
    "no_place": "You have no place in this queue yet. Join it first.",
    "not_admitted": "It is not your turn, or your turn has ended. Join the queue to come in.",
    "not_open": "The queue is not open yet.",
    "not_drawn": "The draw is told when the doors have opened.",
    "room_closed": "The queue is closed.",
    "too_many_joins": "Many places have just been taken from your {kind}. "
    "Try again in {seconds} {unit}; nothing is lost.",
    "not_called": "It is not your turn yet. Your place is kept.",
    "not_active": "Your turn has ended. Join the queue to come in again.",
    "room_lost": "The queue is coming back. Your place is safe; try again in a few seconds.",
}


class NoPlace(WaitingRoomError):
    """The request brings no ticket."""

    code = "no_place"


class CrossSite(WaitingRoomError):
    """A page of another site has sent this."""

    code = "cross_site"


class NotAdmitted(WaitingRoomError):
    """The request's fan has no lease."""

    code = "not_admitted"


def problem(error: WaitingRoomError) -> tuple[int, dict[str, Any]]:
    """Status and RFC 9457 body for an error of the waiting room."""
    status = STATUS.get(error.code, HTTPStatus.INTERNAL_SERVER_ERROR)
    body: dict[str, Any] = {
        "type": f"urn:problem:{error.code}",
        "title": status.phrase,
        "status": status.value,
        "code": error.code,
        "detail": _detail(error),
    }
    if isinstance(error, NotCalled):
        body["queue"] = queue_view(error.standing)
    if isinstance(error, RoomClosed):
        body["message"] = error.message
    if isinstance(error, TooManyJoins):
        body["retry_after"] = error.retry_after
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        body["retry_after"] = RETRY_SECONDS
    return status.value, body


def _detail(error: WaitingRoomError) -> str:
    if isinstance(error, TooManyJoins):
        # The kind of a source is what stands before its colon: "address:203.0.113.7".
        kind, seconds = error.source.partition(":")[0], error.retry_after
        unit = "second" if seconds == 1 else "seconds"
        return DETAILS[error.code].format(kind=kind, seconds=seconds, unit=unit)
    if isinstance(error, RoomClosed) and error.message:
        return f"{DETAILS[error.code]} {error.message}"
    return str(error) if error.code == "bad_policy" else DETAILS.get(error.code, "")


def cookie_name(room_id: int, *, secure: bool = False) -> str:
    """What the ticket's cookie is called. Over https a browser takes a cookie of the longer name only from
    this very host: no neighbour under the same domain, and nobody on the wire, can put one in its place."""
    return f"__Host-queue_{room_id}" if secure else f"queue_{room_id}"


def set_ticket(response: Response, room_id: int, ticket: str, *, secure: bool) -> None:
    """Leave the fan's ticket in a cookie, out of scripts' reach."""
    # Response.set_cookie would say the age a second time, as a date: half of what the header costs.
    cookie = dump_cookie(
        cookie_name(room_id, secure=secure),
        ticket,
        max_age=COOKIE_SECONDS,
        httponly=True,
        secure=secure,
        samesite="Lax",
        sync_expires=False,
    )
    response.headers.add("Set-Cookie", cookie)


def forget_ticket(response: Response, room_id: int, *, secure: bool) -> None:
    """Take the ticket from the browser again."""
    name = cookie_name(room_id, secure=secure)
    response.delete_cookie(name, httponly=True, secure=secure, samesite="Lax")


def presented_ticket(room: WaitingRoom, room_id: int, *, secure: bool = False) -> str | None:
    """The ticket the request brings. A bad one raises BadTicket in the header and is ignored in the cookie,
    which the fan cannot see or mend."""
    header = request.headers.get(TICKET_HEADER)
    if header is not None:
        room.read_ticket(header)
        return header
    return good_cookie(room, request.cookies.get(cookie_name(room_id, secure=secure)))


def good_cookie(room: WaitingRoom, ticket: str | None) -> str | None:
    """The ticket, if there is one and we signed it."""
    if ticket is None:
        return None
    try:
        room.read_ticket(ticket)
    except BadTicket:
        return None
    return ticket


def presented_visitor(room: WaitingRoom, room_id: int, *, secure: bool = False) -> str:
    """The visitor named by the request's pass or ticket. Raises BadPass, BadTicket, NotAdmitted (neither)."""
    token = request.headers.get(PASS_HEADER)
    ticket = presented_ticket(room, room_id, secure=secure)
    if token is not None:
        return room.read_pass(token).visitor
    if ticket is None:
        raise NotAdmitted
    return room.read_ticket(ticket).visitor


async def anybody(room_id: int) -> Newcomer:
    """Somebody unknown, who joins as often as they like."""
    return Newcomer()


def queue_blueprint(
    find_room: RoomFinder,
    *,
    secure: bool,
    who: NewcomerFinder = anybody,
    name: str = "queue",
    url_prefix: str = "/queue/<int:room_id>",
) -> Blueprint:
    """Join, look, leave and claim, for the rooms that `find_room` finds by `room_id`.

    `secure` marks the cookie as for https only. `who` says of the request at hand who joins and how often
    they may; what it raises is the answer.
    """
    blueprint = Blueprint(name, __name__, url_prefix=url_prefix)

    @blueprint.post("")
    async def join(room_id: int) -> ResponseReturnValue:
        """Take a place, or find the one there is."""
        room = await find_room(room_id)
        standing = await _joined(room, room_id, await who(room_id), secure)
        response = _view_response(standing)
        set_ticket(response, room_id, standing.ticket, secure=secure)
        return response, HTTPStatus.CREATED if standing.new else HTTPStatus.OK

    @blueprint.get("")
    async def look(room_id: int) -> ResponseReturnValue:
        """Where the fan stands."""
        room = await find_room(room_id)
        standing = await room.look(_ticket_of(room, room_id, secure), present=False)
        return queue_view(standing), {"Cache-Control": "no-store"}

    @blueprint.delete("")
    async def leave(room_id: int) -> ResponseReturnValue:
        """Give the place up."""
        room = await find_room(room_id)
        await room.leave(_ticket_of(room, room_id, secure))
        response = Response(status=HTTPStatus.NO_CONTENT)
        forget_ticket(response, room_id, secure=secure)
        return response

    @blueprint.post("/claim")
    async def claim(room_id: int) -> ResponseReturnValue:
        """Come in when called."""
        room = await find_room(room_id)
        granted = await room.claim(_ticket_of(room, room_id, secure))
        return pass_view(granted.token, granted.expires_at)

    blueprint.before_request(_same_site)
    blueprint.register_error_handler(WaitingRoomError, _refuse)
    return blueprint


async def _same_site() -> None:
    """Refuse what a browser sends for a page of another site. It comes without the cookie, and so a join of
    theirs would get a new place, whose cookie takes the place of the fan's own."""
    if request.method in ("POST", "DELETE") and request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise CrossSite


def _view_response(standing: Standing) -> Response:
    """The view as JSON. Not by jsonify, which takes twice as long: everybody joins in the same minute."""
    return Response(json.dumps(queue_view(standing)), content_type="application/json")


async def _joined(room: WaitingRoom, room_id: int, newcomer: Newcomer, secure: bool) -> Standing:
    ticket = presented_ticket(room, room_id, secure=secure)
    return await room.join(ticket, visitor=newcomer.visitor, sources=newcomer.sources)


async def _refuse(error: WaitingRoomError) -> ResponseReturnValue:
    status, body = problem(error)
    response = jsonify(body)
    response.headers["Content-Type"] = "application/problem+json"
    if "retry_after" in body:
        response.headers["Retry-After"] = str(body["retry_after"])
    return response, status


def pass_view(token: str, expires_at: float) -> dict[str, Any]:
    """The answer to a claim."""
    left = max(0, round(expires_at - time.time()))
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires_at))
    return {"pass": token, "expires_at": moment, "expires_in": left}


def gate(
    find_room: RoomFinder, room_id: int, *, secure: bool = False
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """A decorator: the route is for who is let in to the room. Each use renews the lease. `secure` as for the
    blueprint, which gave the cookie its name.

    Raises NotAdmitted, BadTicket or BadPass, which `problem` turns into an answer.
    """

    def decorate(view: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        @wraps(view)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            room = await find_room(room_id)
            standing = await room.look(_ticket_of(room, room_id, secure))
            if standing.state is not State.ACTIVE:
                raise NotAdmitted
            await room.renew(standing.visitor)
            return await view(*args, **kwargs)

        return guarded

    return decorate


def _ticket_of(room: WaitingRoom, room_id: int, secure: bool) -> str:
    ticket = presented_ticket(room, room_id, secure=secure)
    if ticket is None:
        raise NoPlace
    return ticket

"""The waiting room in a Quart application: the queue's routes, and a gate to put before other routes.

A fan is known by a ticket: in the `Queue-Ticket` header, or in a cookie a room. Who is let in also has a
pass, in the `Queue-Pass` header; the ticket alone will do, since Redis knows who has a lease.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, ParamSpec, TypeVar

from quart import Blueprint, Response, jsonify, request
from quart.typing import ResponseReturnValue
from werkzeug.http import dump_cookie

from .errors import BadTicket, NotCalled, WaitingRoomError
from .room import WaitingRoom
from .standing import State
from .views import queue_view

RoomFinder = Callable[[int], Awaitable[WaitingRoom]]
P = ParamSpec("P")
R = TypeVar("R")

TICKET_HEADER = "Queue-Ticket"
PASS_HEADER = "Queue-Pass"  # noqa: S105
COOKIE_SECONDS = 86_400
"""As long as a room remembers who is done or has left."""

STATUS = {
    "bad_ticket": HTTPStatus.FORBIDDEN,
    "bad_pass": HTTPStatus.FORBIDDEN,
    "no_place": HTTPStatus.NOT_FOUND,
    "not_admitted": HTTPStatus.FORBIDDEN,
    "not_open": HTTPStatus.CONFLICT,
    "room_closed": HTTPStatus.CONFLICT,
    "not_called": HTTPStatus.CONFLICT,
    "not_active": HTTPStatus.FORBIDDEN,
    "room_lost": HTTPStatus.SERVICE_UNAVAILABLE,
    "bad_policy": HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""The one table from an error's code to its HTTP status."""

DETAILS = {
    "bad_ticket": "This place in the queue was not given out here, or not for this event.",
    "bad_pass": "This pass was not given out here, or not for this event.",
    "no_place": "You have no place in this queue yet. Join it first.",
    "not_admitted": "It is not your turn, or your turn has ended. Join the queue to come in.",
    "not_open": "The queue is not open yet.",
    "room_closed": "The queue is closed.",
    "not_called": "It is not your turn yet. Your place is kept.",
    "not_active": "Your turn has ended. Join the queue to come in again.",
    "room_lost": "The queue is coming back. Your place is safe; try again in a few seconds.",
}


class NoPlace(WaitingRoomError):
    """The request brings no ticket."""

    code = "no_place"


class NotAdmitted(WaitingRoomError):
    """The request's fan has no lease."""

    code = "not_admitted"


def problem(error: WaitingRoomError) -> tuple[int, dict[str, Any]]:
    """Status and RFC 9457 body for an error of the waiting room."""
    status = STATUS.get(error.code, HTTPStatus.INTERNAL_SERVER_ERROR)
    detail = str(error) if error.code == "bad_policy" else DETAILS.get(error.code, "")
    body: dict[str, Any] = {
        "type": f"urn:problem:{error.code}",
        "title": status.phrase,
        "status": status.value,
        "code": error.code,
        "detail": detail,
    }
    if isinstance(error, NotCalled):
        body["queue"] = queue_view(error.standing)
    return status.value, body


def cookie_name(room_id: int) -> str:
    return f"queue_{room_id}"


def set_ticket(response: Response, room_id: int, ticket: str, *, secure: bool) -> None:
    """Leave the fan's ticket in a cookie, out of scripts' reach."""
    # Response.set_cookie would say the age a second time, as a date: half of what the header costs.
    cookie = dump_cookie(
        cookie_name(room_id),
        ticket,
        max_age=COOKIE_SECONDS,
        httponly=True,
        secure=secure,
        samesite="Lax",
        sync_expires=False,
    )
    response.headers.add("Set-Cookie", cookie)


def presented_ticket(room: WaitingRoom, room_id: int) -> str | None:
    """The ticket the request brings. A bad one raises BadTicket in the header and is ignored in the cookie,
    which the fan cannot see or mend."""
    header = request.headers.get(TICKET_HEADER)
    if header is not None:
        room.read_ticket(header)
        return header
    return good_cookie(room, request.cookies.get(cookie_name(room_id)))


def good_cookie(room: WaitingRoom, ticket: str | None) -> str | None:
    """The ticket, if there is one and we signed it."""
    if ticket is None:
        return None
    try:
        room.read_ticket(ticket)
    except BadTicket:
        return None
    return ticket


def presented_visitor(room: WaitingRoom, room_id: int) -> str:
    """The visitor named by the request's pass or ticket. Raises BadPass, BadTicket, NotAdmitted (neither)."""
    token = request.headers.get(PASS_HEADER)
    ticket = presented_ticket(room, room_id)
    if token is not None:
        return room.read_pass(token).visitor
    if ticket is None:
        raise NotAdmitted
    return room.read_ticket(ticket).visitor


def queue_blueprint(
    find_room: RoomFinder, *, secure: bool, name: str = "queue", url_prefix: str = "/queue/<int:room_id>"
) -> Blueprint:
    """Join, look, leave and claim, for the rooms that `find_room` finds by `room_id`.

    `secure` marks the cookie as for https only.
    """
    blueprint = Blueprint(name, __name__, url_prefix=url_prefix)

    @blueprint.post("")
    async def join(room_id: int) -> ResponseReturnValue:
        """Take a place, or find the one there is."""
        room = await find_room(room_id)
        standing = await room.join(presented_ticket(room, room_id))
        response = jsonify(queue_view(standing))
        response.status_code = HTTPStatus.CREATED if standing.new else HTTPStatus.OK
        set_ticket(response, room_id, standing.ticket, secure=secure)
        return response

    @blueprint.get("")
    async def look(room_id: int) -> ResponseReturnValue:
        """Where the fan stands."""
        room = await find_room(room_id)
        response = jsonify(queue_view(await room.look(_ticket_of(room, room_id), present=False)))
        response.headers["Cache-Control"] = "no-store"
        return response

    @blueprint.delete("")
    async def leave(room_id: int) -> ResponseReturnValue:
        """Give the place up."""
        room = await find_room(room_id)
        await room.leave(_ticket_of(room, room_id))
        response = Response(status=HTTPStatus.NO_CONTENT)
        response.delete_cookie(cookie_name(room_id), httponly=True, secure=secure, samesite="Lax")
        return response

    @blueprint.post("/claim")
    async def claim(room_id: int) -> ResponseReturnValue:
        """Come in when called."""
        room = await find_room(room_id)
        granted = await room.claim(_ticket_of(room, room_id))
        return pass_view(granted.token, granted.expires_at)

    blueprint.register_error_handler(WaitingRoomError, _refuse)
    return blueprint


async def _refuse(error: WaitingRoomError) -> ResponseReturnValue:
    status, body = problem(error)
    response = jsonify(body)
    response.headers["Content-Type"] = "application/problem+json"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "2"
    return response, status


def pass_view(token: str, expires_at: float) -> dict[str, Any]:
    """The answer to a claim."""
    left = max(0, round(expires_at - time.time()))
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires_at))
    return {"pass": token, "expires_at": moment, "expires_in": left}


def gate(
    find_room: RoomFinder, room_id: int
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """A decorator: the route is for who is let in to the room. Each use renews the lease.

    Raises NotAdmitted, BadTicket or BadPass, which `problem` turns into an answer.
    """

    def decorate(view: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        @wraps(view)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            room = await find_room(room_id)
            standing = await room.look(_ticket_of(room, room_id))
            if standing.state is not State.ACTIVE:
                raise NotAdmitted
            await room.renew(standing.visitor)
            return await view(*args, **kwargs)

        return guarded

    return decorate


def _ticket_of(room: WaitingRoom, room_id: int) -> str:
    ticket = presented_ticket(room, room_id)
    if ticket is None:
        raise NoPlace
    return ticket

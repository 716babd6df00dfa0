"""A waiting room before routes of any Quart application, with a page for those who wait."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from http import HTTPStatus
from typing import ParamSpec
from urllib.parse import quote, urlsplit
from zlib import crc32

from quart import Blueprint, Quart, Response, jsonify, make_response, redirect, request, url_for
from quart.typing import ResponseReturnValue
from redis.exceptions import RedisError

from .errors import NotActive, NotCalled, NotOpen, RoomClosed, RoomLost, TooManyJoins, WaitingRoomError
from .keeper import RoomKeeper
from .notice import Notice, closed, coming_back, not_open, notice_of, outside, render, too_many
from .policy import RoomPolicy
from .room import WaitingRoom
from .shown import as_shown, keep_shown
from .standing import Standing, State
from .web import (
    PASS_HEADER,
    Newcomer,
    NotAdmitted,
    cookie_name,
    good_cookie,
    presented_ticket,
    presented_visitor,
    problem,
    queue_blueprint,
    set_ticket,
)

P = ParamSpec("P")
log = logging.getLogger(__name__)

OWN_PATH = re.compile(r"/(?![/\\])[!-~]*")
"""A path of this site. A second slash, or what browsers drop or take for one, would lead to another."""

SELF_CONTAINED = "; ".join(
    [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    ]
)


class FrontDoor:
    """One room before some of an application's routes.

    Registers the queue's routes under `path`, makes the room when the application starts, ticks it while it
    serves, and restores it when Redis loses it, in every process alike. `policy` is what the room is first
    made with; from then on `WaitingRoom.steer` changes it. `title` is what the waiting page calls the place
    behind the door, `secure` marks the cookie as for https only. `who` says of the request at hand whose
    place it is and how often they may take one; what it raises is the answer. Without it anybody has a place,
    as often as they like. A second door needs a room and a `path` of its own.
    """

    def __init__(
        self,
        app: Quart,
        room: WaitingRoom,
        policy: RoomPolicy,
        *,
        path: str = "/queue",
        title: str = "Waiting room",
        secure: bool = False,
        who: Callable[[], Awaitable[Newcomer]] | None = None,
    ) -> None:
        self.room = room
        self.title = title
        self.keeper = RoomKeeper(room, policy)
        self._secure = secure
        self._who = who
        # Cookies and routes go by a number: the name's is the same in every process.
        self._id = crc32(room.name.encode())
        self._queue = f"queue_{self._id}"
        app.register_blueprint(self._routes(), url_prefix=path, url_defaults={"room_id": self._id})
        app.before_serving(self.keeper.start)
        app.after_serving(self.keeper.stop)

    def admitted(
        self, view: Callable[P, Awaitable[ResponseReturnValue]]
    ) -> Callable[P, Awaitable[ResponseReturnValue]]:
        """A decorator, under the route's: the view is for who is let in. Each use renews the lease.

        A browser's visit takes a place, waits on a page that looks again by itself, and comes in when its
        turn has come. Anything else (an API client, a form) comes in with a place it has, or is told what to
        do; it takes none.
        """

        @wraps(view)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            try:
                ticket = await self._come_in()
            except (WaitingRoomError, RedisError) as error:
                return await self._turn_away(error, _asked_for())
            response = await make_response(await view(*args, **kwargs))
            # What is behind the door is nothing for a shared cache.
            response.headers.setdefault("Cache-Control", "private, no-cache")
            if ticket is not None:
                set_ticket(response, self._id, ticket, secure=self._secure)  # type: ignore[arg-type]
            return response

        return guarded

    async def finish(self) -> None:
        """End the lease of the fan who makes this request: they have what they came for.

        Raises NotAdmitted for who brings neither ticket nor pass, BadTicket, BadPass, RoomLost.
        """
        await self.room.finish(presented_visitor(self.room, self._id, secure=self._secure))

    async def page(self, notice: Notice, back: str) -> str:
        """The page for who is not in, as HTML; `back` is the path of the page they asked for.

        Override it for a page of your own; the forms that leave and join again are in waiting.html.
        """
        return render(notice, title=self.title, back=back, queue=url_for(f"{self._queue}.join"))

    async def _come_in(self) -> str | None:
        """Let the request's fan in, and give their ticket; None for who shows a pass instead.

        Raises NotCalled, with their standing, for who has a place.
        """
        newcomer = await self._newcomer(self._id)
        if PASS_HEADER in request.headers:
            visitor = presented_visitor(self.room, self._id, secure=self._secure)
            if newcomer.visitor not in (None, visitor):
                raise NotAdmitted
            await self.room.renew(visitor)
            return None
        ticket = presented_ticket(self.room, self._id, secure=self._secure)
        # A ticket that was sold or left in a shared browser lets nobody else in.
        if ticket is None or newcomer.visitor not in (None, self.room.read_ticket(ticket).visitor):
            if not _is_visit():
                raise NotAdmitted
            standing = await self.room.join(visitor=newcomer.visitor, sources=newcomer.sources)
        else:
            try:
                await self.room.renew(self.room.read_ticket(ticket).visitor)
            except NotActive:
                standing = await self.room.look(ticket, present=False)
            else:
                return ticket
        if standing.state not in (State.CALLED, State.ACTIVE, State.MISSED):
            raise NotCalled(standing)
        await self.room.claim(standing.ticket)
        return standing.ticket

    async def _turn_away(self, error: WaitingRoomError | RedisError, back: str) -> ResponseReturnValue:
        if isinstance(error, RedisError):
            log.warning("room %s: %s", self.room.name, error)
            error = RoomLost("Redis cannot be reached")
        elif isinstance(error, NotCalled):
            error = NotCalled(as_shown(error.standing, self.room, self._id))
        notice = self._notice(error)
        again = notice.refresh_seconds
        if _wants_page():
            response = await self._page_response(notice, back)
            if isinstance(error, NotCalled):
                self._keep_place(response, error.standing)
        else:
            status, body = problem(error)
            again = body.get("retry_after", again)
            response = jsonify(body)
            response.status_code = status
            response.headers["Content-Type"] = "application/problem+json"
        response.headers["Cache-Control"] = "no-store"
        if again:
            response.headers["Retry-After"] = str(again)
        return response

    async def _page_response(self, notice: Notice, back: str) -> Response:
        page = await self.page(notice, back)
        response = Response(page, notice.status, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = SELF_CONTAINED
        if notice.refresh_seconds:
            # A header needs no script, and after a form it must not send the form again.
            again = "" if request.method == "GET" else f"; url={back}"
            response.headers["Refresh"] = f"{notice.refresh_seconds}{again}"
        return response

    def _keep_place(self, response: Response, standing: Standing) -> None:
        keep_shown(response, standing, self.room, self._id, secure=self._secure)
        set_ticket(response, self._id, standing.ticket, secure=self._secure)

    def _notice(self, error: WaitingRoomError) -> Notice:
        frame = self.keeper.frame
        match error:
            case NotCalled():
                return notice_of(error.standing, self.keeper.policy, frame)
            case NotOpen():
                return not_open(frame)
            case RoomClosed():
                return closed(error.message)
            case TooManyJoins():
                return too_many(error.retry_after)
            case RoomLost():
                return coming_back()
        return outside()

    def _routes(self) -> Blueprint:
        async def find(_room_id: int) -> WaitingRoom:
            return self.room

        blueprint = queue_blueprint(find, secure=self._secure, who=self._newcomer, name=self._queue)
        blueprint.add_url_rule("/leave", "leave_page", self._leave, methods=["POST"])
        blueprint.add_url_rule("/again", "join_again", self._again, methods=["POST"])
        blueprint.register_error_handler(RedisError, self._unreachable)
        return blueprint

    async def _newcomer(self, _room_id: int) -> Newcomer:
        return await self._who() if self._who else Newcomer()

    async def _unreachable(self, error: RedisError) -> ResponseReturnValue:
        return await self._turn_away(error, _asked_for())

    # What a form of another site sends comes without the cookie, and so does nothing here.

    async def _leave(self, room_id: int) -> ResponseReturnValue:
        return await self._then_back(self.room.leave)

    async def _again(self, room_id: int) -> ResponseReturnValue:
        newcomer = await self._newcomer(room_id)
        return await self._then_back(
            partial(self.room.join, visitor=newcomer.visitor, sources=newcomer.sources)
        )

    async def _then_back(self, act: Callable[[str], Awaitable[object]]) -> ResponseReturnValue:
        """Do as the page's form says with the place in the cookie, and show the page again."""
        back = _own((await request.form).get("back", ""))
        name = cookie_name(self._id, secure=self._secure)
        ticket = good_cookie(self.room, request.cookies.get(name))
        try:
            if ticket is not None:
                await act(ticket)
        except (WaitingRoomError, RedisError) as error:
            return await self._turn_away(error, back)
        return redirect(back, HTTPStatus.SEE_OTHER)


def _wants_page() -> bool:
    """Whether the client would rather have HTML than JSON; who takes anything is a program."""
    return request.accept_mimetypes["text/html"] > request.accept_mimetypes["application/json"]


def _is_visit() -> bool:
    """Whether a person opens a page, rather than a browser fetching one in case they might."""
    return (
        request.method == "GET" and _wants_page() and "prefetch" not in request.headers.get("Sec-Purpose", "")
    )


def _asked_for() -> str:
    """The path of the page this request is for; a form's is the page it stands on."""
    if request.method in ("GET", "HEAD"):
        path, query = quote(request.root_path + request.path), request.query_string.decode("latin-1")
    else:
        path, query = _referred_from()
    return _own(f"{path}?{query}" if query else path)


def _referred_from() -> tuple[str, str]:
    """Path and query of the page of this site that the request was sent from, or "/"."""
    try:
        page = urlsplit(request.referrer or "")
    except ValueError:  # "http://[" is no address at all
        return "/", ""
    return (page.path, page.query) if page.netloc == request.host else ("/", "")


def _own(path: str) -> str:
    return path if OWN_PATH.fullmatch(path) else "/"

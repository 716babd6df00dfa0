"""What the pages share: an address's event, the fan's ticket, a booking on show, words for the next page."""

from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from itsdangerous import BadData, URLSafeTimedSerializer
from quart import Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

from ticketflow.cancelling import can_cancel
from ticketflow.domain import Booking, Event, now
from ticketflow.showing import show_booking, show_event
from ticketflow.signing import timed_signer
from ticketflow.web.headers import permissions
from ticketflow.web.newcomers import own_ticket
from ticketflow.web.services import Services, services
from ticketflow.web.session import account_id
from waiting_room import WaitingRoom
from waiting_room.web import cookie_name, good_cookie

SAID_SECONDS = 120
"""How long words for a page stand in its address: who comes back to it later is not told them again."""

MOST_PATH = 2_000
"""Characters of an address that somebody else may choose: a header must hold it."""


def event_at(slug: str) -> tuple[Services, Event]:
    """The services, and the event of that address. Raises `Refusal` not_found."""
    found = services()
    return found, found.catalogue.event_of_slug(slug)


def shown_event(found: Services, event: Event) -> dict[str, Any]:
    """The event as templates show it, with what its organiser says now."""
    frame = found.catalogue.frame(event.id)
    return {**show_event(event, found.catalogue.public(event)), "message": frame.message if frame else ""}


async def ticket_of(found: Services, room: WaitingRoom, event: Event) -> str | None:
    """The queue ticket in the request's cookie, if it is good and this account's."""
    name = cookie_name(event.id, secure=found.settings.secure)
    return await own_ticket(found, event, room, good_cookie(room, request.cookies.get(name)))


def shown_booking(found: Services, booking: Booking) -> dict[str, Any]:
    """The booking as templates show it."""
    event = found.catalogue.event_of(booking)
    return {
        **show_booking(booking, event, found.ticket_codes),
        "can_cancel": can_cancel(event, booking, now()),
    }


def sign_in_first(back: str) -> Redirect:
    """The way to the sign-in form, and from there to `back`."""
    return redirect(
        url_for("account_pages.sign_in_page", next=back), 303 if request.method == "POST" else 302
    )


async def with_codes(template: str, **context: Any) -> Response:
    """A page with tickets' codes on it: the screen may be kept awake while one is held out."""
    page = await fresh(template, **context)
    page.headers["Permissions-Policy"] = permissions("screen-wake-lock")
    return page


async def fresh(template: str, **context: Any) -> Response:
    """A page about one person at one moment: never kept by anything on the way."""
    page = await render_template(template, **context)
    return Response(page, content_type="text/html; charset=utf-8", headers={"Cache-Control": "no-store"})


def safe_path(path: str) -> str:
    """The path if it leads to a page of this site, else "".

    Browsers take "//x" and "/\\x" for a host, and pass over tabs and line breaks while they read.
    """
    inside = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if inside and len(path) <= MOST_PATH else ""


def onward(path: str, *, wrong: str = "", fine: str = "", **query: Any) -> Redirect:
    """A redirect after a POST, so that a reload repeats nothing; `wrong` or `fine` is said where it leads.

    The words travel in the address, signed for that page and for who is signed in: nobody can send out links
    that put other words on our pages, or these words on another page or before somebody else.
    """
    if wrong or fine:
        query["said"] = _sealer(unquote(urlsplit(path).path)).dumps([wrong, fine])
    return redirect(f"{path}{'&' if '?' in path else '?'}{urlencode(query)}" if query else path, 303)


def said() -> dict[str, str]:
    """What the page before wanted said here: `wrong` and `fine`, both "" if nothing was, or long ago."""
    try:
        wrong, fine = _sealer(request.path).loads(request.args.get("said", ""), max_age=SAID_SECONDS)
    except (BadData, ValueError):
        return {"wrong": "", "fine": ""}
    return {"wrong": wrong, "fine": fine}


def _sealer(page: str) -> URLSafeTimedSerializer:
    return timed_signer(services().settings.secret_keys, f"said to {account_id()} at {page}")

"""The page of a door: a ticket is scanned or typed, and one look tells whether to let its bearer in.

Without a script it is a form. With one the form stays where it is, and the camera reads codes where the
browser can.
"""

from pydantic import ValidationError
from quart import Blueprint, Response, request
from quart.typing import ResponseReturnValue

from ticketflow.checking import MOST_DOOR, WORDS, Checked, Door, check
from ticketflow.domain import Event, Refusal, User
from ticketflow.showing import hue_of
from ticketflow.store import ticket_uses
from ticketflow.web.asks import CheckAsk
from ticketflow.web.headers import permissions
from ticketflow.web.paging import fresh, sign_in_first
from ticketflow.web.services import services
from ticketflow.web.session import require_organiser, signed_in

blueprint = Blueprint("door_pages", __name__, url_prefix="/organiser/door")

LAST_IN = 6
"""How many of those who came in last the page shows."""
CANNOT_READ = "Scan a ticket or type its code. A door's name is one short line."


@blueprint.before_request
async def for_accounts_only() -> ResponseReturnValue | None:
    if await signed_in() is None:
        return sign_in_first(request.path)
    return None


@blueprint.get("/<slug>")
async def door(slug: str) -> ResponseReturnValue:
    """The door, before anybody has come. `?door=` names it: a steward's bookmark."""
    user, event = await _own(slug)
    named = request.args.get("door", "")
    return await _page(user, event, named if named.isprintable() else "")


@blueprint.post("/<slug>")
async def checked(slug: str) -> ResponseReturnValue:
    """Check a ticket and show what came of it: no redirect, for no address may say who came in."""
    user, event = await _own(slug)
    form = await request.form
    try:
        ask = CheckAsk(
            code=form.get("code", ""), event_id=event.id, door=form.get("door", ""), look="look" in form
        )
    except ValidationError:
        return await _page(user, event, form.get("door", ""), problem=CANNOT_READ)
    found, at = services(), Door(user, event.id, ask.door)
    told = await check(found.database, found.ticket_codes, ask.code, at, look=ask.look)
    return await _page(user, event, ask.door, told, look=ask.look)


async def _own(slug: str) -> tuple[User, Event]:
    user = await require_organiser()
    event = next((e for e in services().catalogue.seen_to_by(user) if e.slug == slug), None)
    if event is None:
        raise Refusal("not_found", "There is no such event of yours.")
    return user, event


async def _page(
    user: User,
    event: Event,
    named: str,
    told: Checked | None = None,
    *,
    look: bool = False,
    problem: str = "",
) -> Response:
    database = services().database
    inside, sold = await ticket_uses.count(database, user, event.id)
    page = await fresh(
        "door_check.html",
        event={"id": event.id, "slug": event.slug, "name": event.name, "hue": hue_of(event.id)},
        door=named[:MOST_DOOR],
        told=told,
        detail=told and WORDS[told.verdict],
        look=look,
        problem=problem,
        inside=inside,
        sold=sold,
        last=await ticket_uses.latest(database, user, event.id, LAST_IN),
    )
    page.status_code = 422 if problem else 200
    # The lock keeps the screen from going dark between two guests.
    page.headers["Permissions-Policy"] = permissions("camera", "screen-wake-lock")
    return page

"""The pages of an organiser: their sales, and the desk of one."""

from quart import Blueprint, Response, render_template, request
from quart.typing import ResponseReturnValue

from ticketflow.domain import Refusal
from ticketflow.showing import show_event
from ticketflow.web.compressing import compressed
from ticketflow.web.levers import levers_of
from ticketflow.web.paging import sign_in_first
from ticketflow.web.services import services
from ticketflow.web.session import require_organiser, signed_in

blueprint = Blueprint("organiser_pages", __name__, url_prefix="/organiser")


@blueprint.before_request
async def for_accounts_only() -> ResponseReturnValue | None:
    if await signed_in() is None:
        return sign_in_first(request.path)
    return None


@blueprint.get("")
async def sales() -> ResponseReturnValue:
    found = services()
    user = await require_organiser()
    mine = found.catalogue.seen_to_by(user)
    shown = [
        {**show_event(event, found.catalogue.public(event)), "published": event.published} for event in mine
    ]
    return await render_template("organiser.html", events=shown)


@blueprint.get("/<slug>")
async def desk(slug: str) -> ResponseReturnValue:
    found = services()
    user = await require_organiser()
    event = next((e for e in found.catalogue.seen_to_by(user) if e.slug == slug), None)
    if event is None:
        raise Refusal("not_found", "There is no such event of yours.")
    page = await render_template(
        "desk.html",
        event=show_event(event, found.catalogue.public(event)),
        desk=await found.control_room.frame(event),
        policy=await levers_of(found, event),
    )
    # Repeats nothing that was asked: its compressed length tells nobody anything.
    return await compressed(Response(page, content_type="text/html; charset=utf-8"))

"""The page that is left after a sale: what was sold, how the line went, and everything as a file."""

from quart import Blueprint, request
from quart.typing import ResponseReturnValue

from ticketflow.domain import REASONS, Refusal
from ticketflow.showing import show_event
from ticketflow.store import reports
from ticketflow.web.after_view import report_view
from ticketflow.web.paging import fresh, sign_in_first
from ticketflow.web.services import services
from ticketflow.web.session import require_organiser, signed_in

blueprint = Blueprint("after_pages", __name__, url_prefix="/organiser")

PATIENCE_SECONDS = 2.0


@blueprint.before_request
async def for_accounts_only() -> ResponseReturnValue | None:
    if await signed_in() is None:
        return sign_in_first(request.path)
    return None


@blueprint.get("/<slug>/after")
async def after(slug: str) -> ResponseReturnValue:
    found = services()
    user = await require_organiser()
    event = next((e for e in found.catalogue.seen_to_by(user) if e.slug == slug), None)
    if event is None:
        raise Refusal("not_found", "There is no such event of yours.")
    sales = await reports.sales_of(found.database, user, event.id)
    line = await found.line_reports.soon(event.id, PATIENCE_SECONDS)
    return await fresh(
        "after.html",
        event=show_event(event, found.catalogue.public(event)),
        report=report_view(event, sales, line),
        hours=sales.hours,
        most=max((hour.tickets for hour in sales.hours), default=0),
        reasons=REASONS,
    )

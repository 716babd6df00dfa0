"""The page on which an event is called off: what will happen in numbers, the password, then how far it is."""

from pydantic import ValidationError
from quart import Blueprint, Response, request
from quart.typing import ResponseReturnValue

from ticketflow.domain import Event, Refusal, User
from ticketflow.showing import show_event
from ticketflow.store import calling_off
from ticketflow.web import account_forms as forms
from ticketflow.web.calling_off import MOST_REASON, CallOffAsk, begin, progress_view
from ticketflow.web.paging import fresh, onward, sign_in_first
from ticketflow.web.problems import STATUS
from ticketflow.web.services import services
from ticketflow.web.session import require_organiser, signed_in

blueprint = Blueprint("calling_off_pages", __name__, url_prefix="/organiser")

SAID = {
    "reason": f"Please say why, in at most {MOST_REASON} characters.",
    "current_password": "Please type your password.",
}


@blueprint.before_request
async def for_accounts_only() -> ResponseReturnValue | None:
    return sign_in_first(request.path) if await signed_in() is None else None


@blueprint.get("/<slug>/cancel")
async def page(slug: str) -> ResponseReturnValue:
    user = await require_organiser()
    return await _page(_own(slug, user), user)


@blueprint.post("/<slug>/cancel")
async def call_off(slug: str) -> ResponseReturnValue:
    user = await require_organiser()
    event, sent = _own(slug, user), await forms.sent()
    try:
        await begin(services(), event, user, forms.read(CallOffAsk, sent))
    except ValidationError as error:
        wrong = {str(fault["loc"][0]) for fault in error.errors()}
        return await _page(event, user, sent, {name: SAID[name] for name in wrong}, 422)
    except Refusal as refusal:
        if refusal.code == "not_found":
            raise
        return await _page(event, user, sent, forms.told_of(refusal), STATUS[refusal.code])
    return onward(f"/organiser/{slug}/cancel")


def _own(slug: str, user: User) -> Event:
    event = next((e for e in services().catalogue.seen_to_by(user) if e.slug == slug), None)
    if event is None:
        raise Refusal("not_found", "There is no such event of yours.")
    return event


async def _page(
    event: Event,
    user: User,
    sent: dict[str, str] | None = None,
    problems: forms.Told | None = None,
    status: int = 200,
) -> Response:
    found = services()
    far = await calling_off.progress(found.database, user, event.id)
    answer = await fresh(
        "call_off.html",
        event=show_event(event, found.catalogue.public(event)),
        far=progress_view(event, far) | {"started_at": far.started_at, "finished_at": far.finished_at},
        form=forms.kept(sent or {}),
        problems=problems or {},
        most_reason=MOST_REASON,
        said_wrong=SAID,
    )
    answer.status_code = status
    return answer

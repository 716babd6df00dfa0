"""To be told when a sale opens: asked for and taken back, by call, by form, and from the letter itself."""

from http import HTTPStatus
from typing import Any

from quart import Blueprint, Response, request
from quart.typing import ResponseReturnValue

from ticketflow.accounts.links import Links
from ticketflow.domain import Event, Refusal, SaleState, User, iso
from ticketflow.store import reminders
from ticketflow.web.paging import event_at, fresh, onward, sign_in_first
from ticketflow.web.problems import STATUS
from ticketflow.web.services import Services, services
from ticketflow.web.session import require_user, signed_in

blueprint = Blueprint("reminders", __name__)
CALL = "/api/events/<int:event_id>/reminder"
AHEAD = (SaleState.SCHEDULED.value, SaleState.LOBBY.value)
"""States of a sale that is still to open."""
_PROVE = " Confirm your address by then, or we cannot write to you."


@blueprint.post(CALL)
async def ask(event_id: int) -> ResponseReturnValue:
    """Ask to be told by mail when the sale opens."""
    found, user = services(), await require_user()
    new = await _ask(found, user, found.catalogue.event(event_id))
    return await _view(found, user, event_id), HTTPStatus.CREATED if new else HTTPStatus.OK


@blueprint.get(CALL)
async def look(event_id: int) -> ResponseReturnValue:
    """Whether the account has asked."""
    found, user = services(), await require_user()
    return await _view(found, user, found.catalogue.event(event_id).id)


@blueprint.delete(CALL)
async def take_back(event_id: int) -> ResponseReturnValue:
    """Not to be told after all."""
    found, user = services(), await require_user()
    await reminders.take_back(found.database, found.catalogue.event(event_id).id, user.id)
    return Response(status=HTTPStatus.NO_CONTENT)


@blueprint.post("/events/<slug>/reminder")
async def form(slug: str) -> ResponseReturnValue:
    """The same two from the event's page: `wanted` is "no" to take it back."""
    found, event = event_at(slug)
    page = f"/events/{event.slug}"
    user = await signed_in()
    if user is None:
        return sign_in_first(page)
    if (await request.form).get("wanted") == "no":
        await reminders.take_back(found.database, event.id, user.id)
        return onward(page, fine="You will not be told of this sale.")
    try:
        await _ask(found, user, event)
    except Refusal as refusal:
        return onward(page, wrong=refusal.detail)
    return onward(page, fine="You will be told by mail." + ("" if user.verified else _PROVE))


@blueprint.get("/unsubscribe")
async def stop_page() -> ResponseReturnValue:
    """Ask first: mail programs open links by themselves."""
    return await _stop_page(request.args.get("token", ""))


@blueprint.post("/unsubscribe")
async def stop() -> ResponseReturnValue:
    """Tell them no more. A mail program's own button posts here without any session (RFC 8058), so there is
    no redirect, and asking twice is as good as once."""
    token = request.args.get("token", "")
    return await _stop_page(token, done=True)


async def _stop_page(token: str, *, done: bool = False) -> Response:
    found, status, name = services(), HTTPStatus.OK, ""
    try:
        event_id, user_id = Links(found.settings.secret_keys).read_stop(token)
        if done:
            await reminders.take_back(found.database, event_id, user_id)
        name = found.catalogue.event(event_id).name
    except Refusal as refusal:
        # An event that is off show has no name to tell; the wish is taken back all the same.
        status = STATUS[refusal.code] if refusal.code == "link_gone" else HTTPStatus.OK
    page = await fresh("unsubscribe.html", token=token, name=name, done=done, gone=status != HTTPStatus.OK)
    page.status_code = status
    return page


async def wish_of(found: Services, event: Event, state: str) -> str | None:
    """For the event's page: "asked", "may ask", or None where there is nothing to ask for any more."""
    if state not in AHEAD:
        return None
    user = await signed_in()
    asked = user and await reminders.asked(found.database, event.id, user.id)
    return "asked" if asked else "may ask"


async def _ask(found: Services, user: User, event: Event) -> bool:
    if event.called_off is not None:
        raise Refusal("called_off", "This event is called off: no sale will open. Nothing was changed.")
    if found.catalogue.public(event)["sale_state"] not in AHEAD:
        raise Refusal(
            "sale_opened", "This sale has opened already. There is nothing to wait for: take a place."
        )
    return await reminders.ask(found.database, event.id, user.id)


async def _view(found: Services, user: User, event_id: int) -> dict[str, Any]:
    asked_at = await reminders.asked(found.database, event_id, user.id)
    return {
        "event_id": event_id,
        "asked": asked_at is not None,
        "asked_at": iso(asked_at) if asked_at else None,
        "address_confirmed": user.verified,
    }

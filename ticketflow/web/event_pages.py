"""The organiser's event editor: plain forms, each of which does what one call of the API does.

What cannot be done is refused beside its field with everything that was typed kept, or said in words after a
redirect.
"""

from typing import Any

from quart import Blueprint, Response, render_template, request, url_for
from quart.typing import ResponseReturnValue

from ticketflow.domain import Event, Refusal, User, now
from ticketflow.showing import show_event
from ticketflow.web import event_forms as forms
from ticketflow.web import seating
from ticketflow.web.asks import EventEditAsk
from ticketflow.web.organiser import create_event
from ticketflow.web.organiser_events import edit_event
from ticketflow.web.paging import fresh, onward, said, sign_in_first
from ticketflow.web.pictures import artwork_of, share_of
from ticketflow.web.problems import STATUS
from ticketflow.web.services import Services, services
from ticketflow.web.session import require_organiser, signed_in
from ticketflow.web.ticket_types import add_type, change_type, remove_type
from waiting_room import Mode

blueprint = Blueprint("event_pages", __name__, url_prefix="/organiser")

CURRENCIES = ("EUR", "USD", "GBP", "INR", "JPY", "CHF", "SEK", "AUD", "CAD")


@blueprint.before_request
async def for_accounts_only() -> ResponseReturnValue | None:
    if await signed_in() is None:
        return sign_in_first(request.path)
    return None


@blueprint.get("/new")
async def new() -> ResponseReturnValue:
    """An empty form, or with `like` one that is filled in like another event."""
    found = services()
    user = await require_organiser()
    form: dict[str, str] = {"timezone": "UTC", "currency": "EUR", "per_user_limit": "4", "fee": "0"}
    if slug := request.args.get("like"):
        event = _own(found, user, slug)
        form = forms.like(event, await _seatings(found, event))
    return await _new_page(form)


@blueprint.post("/new")
async def create() -> ResponseReturnValue:
    """Make the event, or show its seats, or make room for one more type: nothing that was typed is lost."""
    found = services()
    user = await require_organiser()
    form = dict(await request.form)
    if form.get("act") == "more":
        form["blocks"] = str(min(forms.MOST_BLOCKS, forms.blocks_of(form) + 1))
        return await _new_page(form)
    if form.get("act") == "plan":
        return await _new_page(form, _seat_faults(form))
    try:
        event = await create_event(found, user, forms.new_event(form))
    except forms.FormFaults as wrong:
        return await _new_page(form, wrong.told, 422)
    except Refusal as refused:
        return await _new_page(form, forms.told_of_rule(refused.detail), STATUS[refused.code])
    return onward(
        _path("edit", event), fine=f"{event.name} is made. Only you can see it until you publish it."
    )


@blueprint.get("/<slug>/edit")
async def edit(slug: str) -> ResponseReturnValue:
    found = services()
    event = _own(found, await require_organiser(), slug)
    return await _edit_page(found, event, {})


@blueprint.post("/<slug>/edit")
async def save(slug: str) -> ResponseReturnValue:
    """Change the event itself."""
    found = services()
    user = await require_organiser()
    event, form = _own(found, user, slug), dict(await request.form)
    try:
        ask = forms.event_edit(form, event)
        if ask is not None:
            await edit_event(found, event, user, ask)
    except (forms.FormFaults, Refusal) as wrong:
        return await _refused(found, event, form, wrong)
    return onward(
        _path("edit", event), fine="Saved." if ask else "Nothing was different, so nothing changed."
    )


@blueprint.post("/<slug>/publish")
async def publish(slug: str) -> ResponseReturnValue:
    """Show the event to everybody, or hide it while nobody can be in its queue."""
    found = services()
    user = await require_organiser()
    event, form = _own(found, user, slug), dict(await request.form)
    shows = form.get("wanted") == "yes"
    try:
        await edit_event(found, event, user, EventEditAsk(publish=shows, revision=forms.revision_of(form)))
    except Refusal as refused:
        return onward(_path("edit", event), wrong=refused.detail)
    words = (
        "It is published: everybody can see it now." if shows else "It is hidden: only you can see it now."
    )
    return onward(_path("edit", event), fine=words)


@blueprint.post("/<slug>/types")
async def add(slug: str) -> ResponseReturnValue:
    """Add a ticket type, or show its seats."""
    found = services()
    user = await require_organiser()
    event, form = _own(found, user, slug), dict(await request.form)
    if form.get("act") == "plan":
        return await _edit_page(found, event, form, _seat_faults(form))
    try:
        await add_type(found, event, user, forms.type_add(form, event))
    except (forms.FormFaults, Refusal) as wrong:
        return await _refused(found, event, form, wrong)
    return onward(_path("edit", event), fine=f"{form['types-0-name'].strip()} is added.")


@blueprint.post("/<slug>/types/<int:type_id>")
async def change(slug: str, type_id: int) -> ResponseReturnValue:
    """Change a ticket type, take it away, or show its seats as they would be."""
    found = services()
    user = await require_organiser()
    event, form = _own(found, user, slug), dict(await request.form)
    kind = event.ticket_type(type_id)
    if form.get("act") == "plan":
        return await _edit_page(found, event, form, _seat_faults(form))
    try:
        if form.get("act") == "remove":
            await remove_type(found, event, type_id, user, forms.revision_of(form))
            return onward(_path("edit", event), fine=f"{kind.name} is taken away.")
        ask = forms.type_edit(form, event, kind)
        if ask is not None:
            await change_type(found, event, type_id, user, ask)
    except (forms.FormFaults, Refusal) as wrong:
        return await _refused(found, event, form, wrong, f"type-{type_id}")
    return onward(_path("edit", event), fine=f"{kind.name} is saved." if ask else "Nothing was different.")


@blueprint.get("/<slug>/preview")
async def preview(slug: str) -> ResponseReturnValue:
    """The event's page as a fan would see it, for its organiser alone, published or not."""
    found = services()
    event = _own(found, await require_organiser(), slug)
    shown = {**_shown(found, event), "message": ""}
    page = await render_template(
        "event.html",
        event=shown,
        standing=None,
        share=share_of(event, shown["sale_state"], found.settings.public_url),
        wish=None,
        said=said(),
        said_at=now(),
        preview=True,
    )
    return Response(page, content_type="text/html; charset=utf-8", headers={"Cache-Control": "no-store"})


@blueprint.get("/<slug>/artwork.svg")
async def artwork(slug: str) -> ResponseReturnValue:
    """The artwork of an event that nobody else may see yet."""
    found = services()
    return artwork_of(_own(found, await require_organiser(), slug), public=False)


def _own(found: Services, user: User, slug: str) -> Event:
    event = next((e for e in found.catalogue.seen_to_by(user) if e.slug == slug), None)
    if event is None:
        raise Refusal("not_found", "There is no such event of yours.")
    return event


def _path(page: str, event: Event) -> str:
    return url_for(f"event_pages.{page}", slug=event.slug)


def _shown(found: Services, event: Event) -> dict[str, Any]:
    shown = show_event(event, found.catalogue.public(event))
    return {**shown, "published": event.published, "art": _path("artwork", event)}


async def _seatings(found: Services, event: Event) -> dict[int, str]:
    """Type -> the text of its seats."""
    seated = [t for t in event.ticket_types if t.seated]
    return {t.id: seating.written(await found.catalogue.seats(t)) for t in seated}


def _seat_faults(form: dict[str, str]) -> forms.Told:
    """What is wrong with the seatings, where the seats are only to be shown."""
    told = {}
    starts = [name.removesuffix("-seating") for name in form if name.endswith("-seating")]
    for at in starts:
        try:
            text = forms.seating_text(form, at)
            if text is not None and (text.strip() or at.startswith("types-")):
                seating.read(text)
        except ValueError as wrong:
            told[f"{at}-seating"] = str(wrong)
    return told


async def _new_page(form: dict[str, str], told: forms.Told | None = None, status: int = 200) -> Response:
    page = await fresh(
        "event_new.html",
        form=form,
        problems=told or {},
        blocks=range(forms.blocks_of(form)),
        plans=forms.plans(form),
        currencies=CURRENCIES,
    )
    page.status_code = status
    return page


async def _edit_page(
    found: Services,
    event: Event,
    form: dict[str, str],
    told: forms.Told | None = None,
    status: int = 200,
    stale: Refusal | None = None,
) -> Response:
    frame = found.catalogue.frame(event.id)
    at_door = frame is not None and (frame.mode is not Mode.LOBBY or frame.at >= frame.lobby_opens_at)
    seats = await _seatings(found, event)
    stood = forms.shown(event) | forms.shown_types(event, seats)
    page = await fresh(
        "event_edit.html",
        event=_shown(found, event),
        form={**stood, **form, "revision": stood["revision"]},
        account=("queue_needs_account" in form) if "rules" in form else event.queue_needs_account,
        problems=told or {},
        stale=stale,
        stands=at_door,
        opened=frame is not None and frame.opened,
        plans=forms.plans({**forms.shown_types(event, seats), **form}),
        said=said(),
        currencies=CURRENCIES,
    )
    page.status_code = status
    return page


async def _refused(
    found: Services, event: Event, form: dict[str, str], wrong: forms.FormFaults | Refusal, at: str = ""
) -> Response:
    """The page again, with what was typed, and what is wrong with it or has changed meanwhile."""
    event = found.catalogue.find(event.id) or event
    if isinstance(wrong, forms.FormFaults):
        return await _edit_page(found, event, form, wrong.told, 422)
    if wrong.code == "stale":
        await found.hub.refresh()
        fresh_event = found.catalogue.find(event.id) or event
        return await _edit_page(found, fresh_event, form, {}, STATUS["stale"], wrong)
    told = forms.told_of_rule(wrong.detail)
    if wrong.code == "below_sold":
        told = {f"{at}-capacity": wrong.detail}
    elif wrong.code == "name_taken":
        told = {f"{at or 'types-0'}-name": wrong.detail}
    return await _edit_page(found, event, form, told, STATUS[wrong.code])

"""The lobby's draw: its page, its list, and the same for programs."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

from quart import Blueprint, Response, render_template, request
from quart.typing import ResponseReturnValue

from ticketflow.domain import Event
from ticketflow.live.draws import DrawFacts
from ticketflow.showing import show_event
from ticketflow.web.services import Services, services
from waiting_room import DrawList, NotDrawn, Place, WaitingRoom, WaitingRoomError
from waiting_room.draw import draw_number
from waiting_room.web import cookie_name, good_cookie

blueprint = Blueprint("draws", __name__)

PATIENCE_SECONDS = 2.0
"""How long a page waits for a list that is being made; a million entrants take longer."""
LIST_SECONDS = 60
MOST_VISITOR_CHARS = 200


@blueprint.get("/api/events/<int:event_id>/draw")
async def facts(event_id: int) -> ResponseReturnValue:
    """The commitment, and once the doors have opened the seed. `entrants` and `digest` are null until
    the list is made."""
    found = services()
    event = found.catalogue.event(event_id)
    said = await found.draws.facts(event)
    drawn = await _soon(found, event) if said.opened else None
    return {
        "commitment": said.commitment,
        "seed": said.seed.hex() if said.seed is not None else None,
        "entrants": len(drawn) if drawn is not None else None,
        "digest": drawn.digest if drawn is not None else None,
        "opened": said.opened,
    }


@blueprint.get("/events/<slug>/draw")
async def page(slug: str) -> ResponseReturnValue:
    """The draw in plain words; after it, how to check it, and the place of whoever is asked for."""
    found = services()
    event = found.catalogue.event_of_slug(slug)
    said = await found.draws.facts(event)
    drawn = await _soon(found, event) if said.opened else None
    room = await found.rooms.of(event.id)
    own = _own(room, event)
    asked = request.args.get("visitor", "").strip()[:MOST_VISITOR_CHARS]
    visitor = asked or (own.visitor if own and _entered(own, drawn) else None)
    text = await render_template(
        "draw.html",
        event=show_event(event, found.catalogue.public(event)),
        draw=said,
        seed=said.seed.hex() if said.seed is not None else None,
        drawn=drawn,
        own=own,
        checked=_checked(said, drawn, visitor) if visitor else None,
    )
    return Response(text, content_type="text/html; charset=utf-8", headers={"Cache-Control": "no-store"})


@blueprint.get("/events/<slug>/draw/list.txt")
async def list_file(slug: str) -> ResponseReturnValue:
    """The whole draw as text: what `python -m waiting_room verify` reads."""
    found = services()
    event = found.catalogue.event_of_slug(slug)
    if not (await found.draws.facts(event)).opened:
        raise NotDrawn
    drawn = await found.draws.listed(event)

    async def slices() -> AsyncIterator[bytes]:
        for piece in drawn.slices():
            yield piece

    headers = {
        "Cache-Control": f"public, max-age={LIST_SECONDS}",
        "Content-Disposition": f'attachment; filename="draw-{slug}.txt"',
        "Content-Length": str(drawn.size),
    }
    return Response(slices(), content_type="text/plain; charset=utf-8", headers=headers)


async def _soon(found: Services, event: Event) -> DrawList | None:
    """The draw, unless it takes long or Redis is just being filled again: a page does not wait for either."""
    try:
        return await asyncio.wait_for(found.draws.listed(event), PATIENCE_SECONDS)
    except (TimeoutError, WaitingRoomError):
        return None


def _own(room: WaitingRoom, event: Event) -> Place | None:
    """What this browser's ticket says, if it has one: order 0 for an entrant of the draw."""
    name = cookie_name(event.id, secure=services().settings.secure)
    ticket = good_cookie(room, request.cookies.get(name))
    return room.read_ticket(ticket) if ticket is not None else None


def _entered(own: Place, drawn: DrawList | None) -> bool:
    """Whether they are in the draw. On another device of theirs only the list may say so."""
    return own.order == 0 or (drawn is not None and drawn.place(own.visitor) is not None)


def _checked(said: DrawFacts, drawn: DrawList | None, visitor: str) -> dict[str, Any]:
    """An entrant's number and place, as far as they may be told."""
    return {
        "visitor": visitor,
        "plain": re.fullmatch(r"[\w-]+", visitor, re.ASCII) is not None,
        "number": draw_number(said.seed, visitor) if said.seed is not None else None,
        "place": drawn.place(visitor) if drawn is not None else None,
    }

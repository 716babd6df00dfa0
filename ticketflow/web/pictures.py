"""What an event looks like, as files: its artwork for our pages, and a card for where its link is shared."""

import asyncio
import gzip
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from hashlib import sha256
from typing import Any

from quart import Blueprint, Response, request
from quart.typing import ResponseReturnValue

from ticketflow.art.artwork import artwork, style
from ticketflow.domain import Event, TicketType, iso
from ticketflow.showing import hue_of
from ticketflow.web.services import services
from ticketflow.web.share_card import card_version, share_card
from ticketflow.web.statics import AGAIN, FOR_EVER
from ticketflow.words import DIGITS, day

blueprint = Blueprint("pictures", __name__)

ARTWORK_SECONDS = 86_400
_painter = ThreadPoolExecutor(1, "painter")
"""A card takes a fifth of a second of a core: however many ask for however many, one is drawn at a time."""


@blueprint.get("/events/<slug>/artwork.svg")
async def artwork_file(slug: str) -> ResponseReturnValue:
    """The event's artwork. Its style sheet is the one thing in it that the content policy must let in."""
    return artwork_of(services().catalogue.event_of_slug(slug))


def artwork_of(event: Event, *, public: bool = True) -> Response:
    """The file, for whoever may see the event."""
    whole, small, policy = _artwork(event.id)
    response = Response(whole, content_type="image/svg+xml")
    if request.accept_encodings["gzip"]:
        response = Response(small, content_type="image/svg+xml")
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    kept_by = "public" if public else "private"
    response.headers["Cache-Control"] = f"{kept_by}, max-age={ARTWORK_SECONDS}"
    response.headers["Content-Security-Policy"] = policy
    return response


@blueprint.get("/events/<slug>/card.png")
async def card_file(slug: str) -> ResponseReturnValue:
    """The picture for where the event's link is shared; under its versioned address it never changes."""
    event = services().catalogue.event_of_slug(slug)
    version = card_version(event)
    shown = (event.id, event.name, event.venue, event.local(event.starts_at))
    card = await asyncio.get_running_loop().run_in_executor(_painter, share_card, *shown)
    response = Response(card, content_type="image/png")
    # It is made to be shown on other people's pages.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Cache-Control"] = FOR_EVER if request.args.get("v") == version else AGAIN
    response.set_etag(version)
    return await response.make_conditional(request)


def share_of(event: Event, state: str, public_url: str) -> dict[str, Any]:
    """What the event's page tells whoever shows its link: addresses, a sentence, and facts for machines
    (schema.org). The card's address stays for as long as the card does."""
    home, off, when = public_url.rstrip("/"), event.called_off is not None, day(event.local(event.starts_at))
    invitation = "Join the line, see your place, and buy when it is your turn."
    url, card = f"{home}/events/{event.slug}", f"{home}/events/{event.slug}/card.png?v={card_version(event)}"
    return {
        "url": url,
        "card": card,
        "words": f"{event.venue}, {when}. {'It is called off.' if off else invitation}",
        "facts": {
            "@context": "https://schema.org",
            "@type": "Event",
            "name": event.name,
            "url": url,
            "image": [card],
            "startDate": iso(event.starts_at),
            "eventStatus": f"https://schema.org/{'EventCancelled' if off else 'EventScheduled'}",
            "eventAttendanceMode": "https://schema.org/OfflineEventAttendanceMode",
            "location": {"@type": "Place", "name": event.venue, "address": event.venue},
            "offers": [_offer(event, kind, state, url) for kind in event.ticket_types],
        },
    }


def _offer(event: Event, kind: TicketType, state: str, url: str) -> dict[str, Any]:
    cost, _ = kind.cost(1)
    digits = DIGITS.get(event.currency, 2)
    availability = {
        "sold_out": "SoldOut",
        "closed": "Discontinued",
        "scheduled": "PreSale",
        "lobby": "PreSale",
    }
    return {
        "@type": "Offer",
        "name": kind.name,
        "price": f"{cost / 10**digits:.{digits}f}",
        "priceCurrency": event.currency,
        "availability": f"https://schema.org/{availability.get(state, 'InStock')}",
        "validFrom": iso(event.sale_starts_at),
        "url": url,
    }


@lru_cache(maxsize=512)
def _artwork(event_id: int) -> tuple[bytes, bytes, str]:
    """The file, the file compressed, and the policy that lets its own style in and nothing else."""
    whole = artwork(event_id).encode()
    known = b64encode(sha256(style(hue_of(event_id)).encode()).digest()).decode()
    return whole, gzip.compress(whole, 9, mtime=0), f"default-src 'none'; style-src 'sha256-{known}'"

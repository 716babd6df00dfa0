"""The page of what was done to a sale: who, when, from what to what."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from quart import Blueprint, render_template, request
from quart.typing import ResponseReturnValue

from ticketflow.domain import Refusal
from ticketflow.store import organised
from ticketflow.web.organiser_events import PageQuery
from ticketflow.web.paging import sign_in_first
from ticketflow.web.services import services
from ticketflow.web.session import require_organiser, signed_in

blueprint = Blueprint("audit_pages", __name__, url_prefix="/organiser")

A_PAGE = 50
MOST_SHOWN = 200
"""Letters of one value; the API has all of it."""

ACTIONS = {
    "room.steer": "Moved levers",
    "room.extend": "Gave everybody inside more time",
    "event.create": "Made the sale",
    "event.edit": "Edited the sale",
    "booking.cancel": "Cancelled a booking",
    "mail.retry_all": "Sent failed letters again",
}
NAMES = {
    "mode": "the room is",
    "rate_per_minute": "let in a minute",
    "max_active": "most inside at once",
    "message": "message",
    "extended_by_minutes": "more minutes",
    "inside": "people inside",
}
HIDDEN = ("revision",)
"""A number of ours, which says nothing to people."""


@blueprint.before_request
async def for_accounts_only() -> ResponseReturnValue | None:
    if await signed_in() is None:
        return sign_in_first(request.path)
    return None


@blueprint.get("/<slug>/audit")
async def audit(slug: str) -> ResponseReturnValue:
    found = services()
    user = await require_organiser()
    event = next((e for e in found.catalogue.seen_to_by(user) if e.slug == slug), None)
    if event is None:
        raise Refusal("not_found", "There is no such event of yours.")
    asked = PageQuery.model_validate({"limit": A_PAGE, **_after()})
    rows = await organised.audit_of_event(found.database, user, event.id, asked.after, A_PAGE + 1)
    return await render_template(
        "audit.html",
        event=event,
        acts=[_act(row) for row in rows[:A_PAGE]],
        older=rows[A_PAGE - 1]["id"] if len(rows) > A_PAGE else None,
        first=asked.after is None,
    )


def _after() -> dict[str, int]:
    """The row that the page begins after. What is no number begins at the newest."""
    text = request.args.get("after", "")
    return (
        {"after": int(text)}
        if text.isascii() and text.isdigit() and 0 < len(text) <= 18 and int(text)
        else {}
    )


def _act(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "at": datetime.fromisoformat(row["at"]),
        "by": row["actor"]["name"],
        "what": ACTIONS.get(row["action"], row["action"]),
        "changes": changes(row["before"], row["after"]),
    }


def changes(before: Any, after: Any) -> list[dict[str, str]]:
    """What differs, field by field, as text: `name`, `old`, `new`. What was not there is an empty text."""
    old = before if isinstance(before, dict) else {}
    new = after if isinstance(after, dict) else {}
    names = [name for name in {**old, **new} if name not in HIDDEN and old.get(name) != new.get(name)]
    return [
        {
            "name": NAMES.get(name, name.replace("_", " ")),
            "old": _text(old.get(name)),
            "new": _text(new.get(name)),
        }
        for name in names
    ]


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"

"""The page of background work: what runs behind the sales, and beside each failure what to do about it."""

from typing import Any

from quart import Blueprint, request
from quart.typing import ResponseReturnValue

from ticketflow.domain import Refusal, User
from ticketflow.store import work as store
from ticketflow.web.mail_desk import asked_number
from ticketflow.web.mail_pages import REASONS, bars_of
from ticketflow.web.paging import fresh, onward, said, sign_in_first
from ticketflow.web.services import services
from ticketflow.web.session import require_organiser, signed_in
from ticketflow.web.work import count, orders_again, payments_again

HOME = "/organiser/work"
blueprint = Blueprint("work_pages", __name__, url_prefix=HOME)

PARTS = ("mail", "orders", "money")
DUE = {"authorised": "To be taken", "void_due": "To be let go", "refund_due": "To be paid back"}


@blueprint.before_request
async def for_accounts_only() -> ResponseReturnValue | None:
    return sign_in_first(request.path) if await signed_in() is None else None


@blueprint.get("")
async def page() -> ResponseReturnValue:
    found = services()
    user = await require_organiser()
    event_id = _asked(request.args.get("event", ""))
    numbers = await count(found, user, event_id)
    names = {event.id: event.name for event in found.catalogue.seen_to_by(user)}
    return await fresh(
        "work.html",
        event=found.catalogue.find(event_id) if event_id else None,
        names=names,
        numbers=numbers,
        told={
            part: {name: one for name, one in numbers[part].items() if name != "minutes"} for part in PARTS
        },
        bars={part: bars_of([m["done"] for m in numbers[part]["minutes"]]) for part in PARTS},
        due=DUE,
        reasons=REASONS,
        said=said(),
    )


@blueprint.post("/payments/<booking_id>/retry")
async def retry_payment(booking_id: str) -> ResponseReturnValue:
    found = services()
    user = await require_organiser()
    event_id = _asked((await request.form).get("event", ""))
    try:
        await store.retry_payment(found.database, user, booking_id)
    except Refusal as refusal:
        if refusal.code == "not_found":
            raise
        return _back(event_id, wrong=refusal.detail)
    found.work_room.forget()
    return _back(event_id, fine="The gateway is asked again now.")


@blueprint.post("/payments/retry")
async def retry_payments() -> ResponseReturnValue:
    return await _all(payments_again, "payment is", "payments are", "No payment has failed any more.")


@blueprint.post("/orders/retry")
async def retry_orders() -> ResponseReturnValue:
    nothing = "None of them is an order for this version either. They stay put aside."
    return await _all(orders_again, "order is", "orders are", nothing)


async def _all(again: Any, one: str, more: str, nothing: str) -> ResponseReturnValue:
    user: User = await require_organiser()
    event_id = _asked((await request.form).get("event", ""))
    retried = (await again(services(), user, event_id))["retried"]
    if not retried:
        return _back(event_id, fine=nothing)
    return _back(event_id, fine=f"{retried:,} {one if retried == 1 else more} tried again now.")


def _asked(event: str) -> int | None:
    """The event in an address or a form. Raises `Refusal` not_found for what is no number."""
    return asked_number(event) if event else None


def _back(event_id: int | None, **words: str) -> ResponseReturnValue:
    kept = {"event": event_id} if event_id else {}
    return onward(HOME, **words, **kept)  # type: ignore[arg-type]

"""The door at which the payment gateway tells by itself what has become of a payment."""

from typing import cast

from quart import Blueprint, request
from quart.typing import ResponseReturnValue

from ticketflow.booking import notices
from ticketflow.domain import Refusal
from ticketflow.payments import NotTheGateway
from ticketflow.web.services import services

blueprint = Blueprint("payments", __name__, url_prefix="/api/payments")


@blueprint.post("/webhook")
async def webhook() -> ResponseReturnValue:
    """For the gateway only: signed notices. 2xx means "never send this again"; all else, "send it later"."""
    found = services()
    body = cast(bytes, await request.get_data())  # text only where text is asked for
    try:
        notice = await found.gateway.read_notice(body, request.headers.get("Stripe-Signature", ""))
    except NotTheGateway:
        raise Refusal("bad_signature", "This was not signed by the payment gateway.") from None
    if notice is not None:
        await notices.take(found.database, notice)
    return {"received": True}

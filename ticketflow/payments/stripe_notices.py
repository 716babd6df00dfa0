"""Reads what Stripe sends to our webhook: is it from Stripe, and what does it say of which intent?"""

import json
from dataclasses import dataclass
from typing import Any

import stripe

from ticketflow.payments.gateway import ChargeStatus, NotTheGateway

TOLERANCE_SECONDS = 300
"""How old a signature may be: an overheard notice must not be played again for ever."""


@dataclass(frozen=True)
class Said:
    """What an event of Stripe's says: which intent's money has ended how."""

    id: str
    intent_id: str
    status: ChargeStatus


def read(body: bytes, signature: str, secret: str) -> Said | None:
    """What the event says; None for what we do not follow. Raises `NotTheGateway`."""
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE_SECONDS)
        event = json.loads(body)
        about = event["data"]["object"]
        match event["type"]:
            case "payment_intent.succeeded":
                return Said(event["id"], about["id"], ChargeStatus.CAPTURED)
            case "payment_intent.canceled":
                return Said(event["id"], about["id"], ChargeStatus.VOIDED)
            case "charge.refunded":
                return _refund(event["id"], about)
    except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError) as error:
        raise NotTheGateway from error
    return None


def _refund(event_id: str, charge: dict[str, Any]) -> Said | None:
    """A part given back by hand, on Stripe's pages, does not end a charge."""
    if not charge["refunded"] or not charge["payment_intent"]:
        return None
    return Said(event_id, charge["payment_intent"], ChargeStatus.REFUNDED)

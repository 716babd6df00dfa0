"""What the gateway tells by itself is noted in the books, so that the sweep need not ask.

It only ever ends a payment the way the ledger has decided already: no notice confirms a booking.
"""

import logging

from databases import Database

from ticketflow.domain import PaymentStatus
from ticketflow.payments import ChargeStatus, Notice
from ticketflow.store import notices

log = logging.getLogger(__name__)

_MOVES = {
    ChargeStatus.CAPTURED: (PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED),
    ChargeStatus.VOIDED: (PaymentStatus.VOID_DUE, PaymentStatus.VOIDED),
    ChargeStatus.REFUNDED: (PaymentStatus.REFUND_DUE, PaymentStatus.REFUNDED),
}
"""What the books must say for a notice to count, and what they say then. All else is the auditor's."""


async def take(database: Database, notice: Notice) -> None:
    """Note what the gateway says. Notices may come twice and in any order."""
    if notice.status not in _MOVES:
        return
    before, after = _MOVES[notice.status]
    stands = await notices.take(database, notice.id, notice.key, before, after)
    if stands not in (None, after):
        log.warning(
            "the gateway has %s the money of booking %s; the books say %s", notice.status, notice.key, stands
        )

"""Stripe behind the gateway's protocol: PaymentIntents with manual capture.

An intent is made, written down in our database, and only then confirmed, which is when money is asked for.

    create (idempotency key) -> written down, the first counts -> confirm -> capture | cancel -> refund

So whatever answer is lost and whoever dies, the one intent that can have money under it is found by the
booking's id: nothing rests on Stripe's memory for keys (a day) or on its search (a minute late). Each step
looks at how the intent stands first, so doing it again changes nothing.
"""

import asyncio
import logging
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import stripe
from databases import Database

from ticketflow.domain import now
from ticketflow.groups import GroupWriter
from ticketflow.payments import stripe_notices
from ticketflow.payments.gateway import (
    Authorisation,
    Charge,
    ChargeStatus,
    GatewayRefused,
    GatewayTimeout,
    Notice,
    NotTheGateway,
)
from ticketflow.store import intents
from ticketflow.store.intents import IntentRow

log = logging.getLogger(__name__)

T = TypeVar("T")

BUSY_PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Stripe takes so many calls a second; who is told "too many" comes back after these seconds."""
PAGE = 100
NEVER = "never"
"""Written down in place of an intent: under this key no money is to be asked for any more."""
NOTHING_DUE = "nothing-due"
"""The reference of a booking that costs nothing: Stripe does not charge nothing."""
_METHOD = re.compile(r"pm_\w{3,37}", re.ASCII)
_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture")
# Stripe counts these as if they had hundredths, though ISO 4217, which we follow, knows none; and this
# one as if it had none, though it has.
_HUNDREDTHS = ("ISK", "UGX")
_WHOLE = ("MGA",)


class StripeGateway:
    """Takes a Stripe payment method's id (`pm_...`) as the way to pay; the client got it from Stripe.

    `webhook_secret` checks what Stripe sends by itself; without it nothing of that is believed.
    """

    default_method = ""
    methods: Mapping[str, str] = {}

    def __init__(self, database: Database, client: stripe.StripeClient, webhook_secret: str) -> None:
        self._database = database
        self._webhook_secret = webhook_secret
        self._intents = client.v1.payment_intents
        self._refunds = client.v1.refunds
        self._charges = client.v1.charges
        self._new = GroupWriter[IntentRow](lambda rows: intents.add(database, rows))

    def accepts(self, method: str) -> bool:
        return bool(_METHOD.fullmatch(method))

    async def authorise(self, key: str, amount: int, currency: str, method: str) -> Authorisation:
        if amount == 0:
            return Authorisation(True, NOTHING_DUE)
        if currency in _WHOLE and amount % 100:
            return Authorisation(False, "none", f"Only whole {currency} can be paid here.")
        reference = "none"
        try:
            intent = await self._known(key) or await self._make(key, amount, currency, method)
            if intent is None:
                return Authorisation(False, NEVER, "This booking was given up before.")
            reference = intent.id
            if intent.status == "requires_confirmation":
                intent = await self._confirm(key, intent)
            return await self._word_on(intent)
        except (stripe.CardError, stripe.InvalidRequestError) as error:
            if not isinstance(error, stripe.CardError):
                log.warning("Stripe refused the request for booking %s: %s", key, error)
            return Authorisation(False, reference, error.user_message)
        except GatewayRefused as error:
            log.warning("%s", error)
            return Authorisation(False, reference)

    async def find(self, key: str) -> Authorisation | None:
        try:
            intent = await self._known(key)
        except GatewayRefused:
            return None
        if intent is None or intent.status == "requires_confirmation":
            return None
        return await self._word_on(intent)

    async def capture(self, key: str) -> None:
        intent = await self._known(key)
        if intent and intent.status == "requires_capture":
            await self._act(lambda: self._intents.capture_async(intent.id))

    async def void(self, key: str) -> None:
        intent = await self._known_or_never(key)
        if intent and intent.status in _OPEN:
            await self._act(lambda: self._intents.cancel_async(intent.id))

    async def refund(self, key: str) -> None:
        intent = await self._known_or_never(key)
        if intent and intent.status in _OPEN:
            await self._act(lambda: self._intents.cancel_async(intent.id))
        elif intent and intent.status == "succeeded" and not _refunded(intent):
            # One key for ever: should Stripe have failed under it, the refund is late by a day, never double.
            options: Any = {"idempotency_key": f"{key}-refund"}
            await self._act(lambda: self._refunds.create_async({"payment_intent": intent.id}, options))

    async def recent(self, since: datetime) -> AsyncIterator[Charge]:
        asked: Any = {
            "created": {"gt": int(since.timestamp()) - 1},
            "limit": PAGE,
            "expand": ["data.payment_intent"],
        }
        page = await self._ask(lambda: self._charges.list_async(asked))
        while True:
            for charge in page.data:
                if (ours := _charge(charge)) is not None:
                    yield ours
            if not page.has_more:
                return
            after = asked | {"starting_after": page.data[-1].id}
            page = await self._ask(lambda after=after: self._charges.list_async(after))  # type: ignore[misc]

    async def read_notice(self, body: bytes, signature: str) -> Notice | None:
        if not self._webhook_secret:
            raise NotTheGateway
        said = stripe_notices.read(body, signature, self._webhook_secret)
        key = said and await intents.key_of(self._database, said.intent_id)
        return Notice(said.id, key, said.status) if said and key else None

    async def _known(self, key: str) -> stripe.PaymentIntent | None:
        """The key's intent as it stands, or None. Raises `GatewayTimeout` while the bank is at it, and
        `GatewayRefused` if we know of an intent and Stripe does not."""
        intent_id = await intents.id_of(self._database, key)
        if intent_id is None or intent_id == NEVER:
            return None
        expand: Any = {"expand": ["latest_charge"]}
        try:
            intent = await self._ask(lambda: self._intents.retrieve_async(intent_id, expand))
        except stripe.InvalidRequestError as error:
            raise GatewayRefused(f"Stripe does not know {intent_id} of booking {key}: {error}") from error
        return _decided(intent)

    async def _known_or_never(self, key: str) -> stripe.PaymentIntent | None:
        """The same, and if there is none, there will be none: who is still making one must not use it."""
        known = await self._known(key)
        if known is None:
            await self._new.add(IntentRow(key, NEVER, now()))
            known = await self._known(key)
        return known

    async def _make(self, key: str, amount: int, currency: str, method: str) -> stripe.PaymentIntent | None:
        """A new intent under which no money is asked for yet; None if the key was given up meanwhile."""
        wanted: Any = {
            "amount": amount * 100
            if currency in _HUNDREDTHS
            else amount // (100 if currency in _WHOLE else 1),
            "currency": currency.lower(),
            "capture_method": "manual",
            "payment_method": method,
            "payment_method_types": ["card"],
            "metadata": {"booking": key},
        }
        options: Any = {"idempotency_key": key}
        made = await self._ask(lambda: self._intents.create_async(wanted, options))
        await self._new.add(IntentRow(key, made.id, now()))
        counts = await intents.id_of(self._database, key)
        return made if counts == made.id else await self._known(key)

    async def _confirm(self, key: str, intent: stripe.PaymentIntent) -> stripe.PaymentIntent:
        """Ask for the money. Raises CardError, InvalidRequestError."""
        options: Any = {"idempotency_key": f"{key}-confirm"}
        try:
            return await self._ask(lambda: self._intents.confirm_async(intent.id, {}, options))
        except stripe.InvalidRequestError:
            # Another ledger may have been first, and may have got the money: how it stands is what counts.
            stands = await self._known(key)
            if stands is None or stands.status == "requires_confirmation":
                raise
            return stands

    async def _word_on(self, intent: stripe.PaymentIntent) -> Authorisation:
        """What an intent that was confirmed has come to. Raises `GatewayTimeout` if that is still open."""
        match _decided(intent).status:
            case "requires_capture":
                return Authorisation(True, intent.id)
            case "succeeded":
                return Authorisation(not _refunded(intent), intent.id)
            case "requires_action":
                # Nobody is there to show themselves to the bank; left open, the payer could do so later.
                await self._act(lambda: self._intents.cancel_async(intent.id))
                return Authorisation(False, intent.id, "The bank wants the payer to confirm the payment.")
        error = intent.last_payment_error
        return Authorisation(False, intent.id, error.message if error else None)

    async def _act(self, call: Callable[[], Awaitable[object]]) -> None:
        """Change what was just looked at. If it has moved on meanwhile, whoever asked must look again."""
        try:
            await self._ask(call)
        except (stripe.CardError, stripe.InvalidRequestError) as error:
            log.warning("Stripe did not do as it was asked: %s", error)
            raise GatewayTimeout from error

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """Stripe's answer. Raises `GatewayTimeout` if there is none, CardError and InvalidRequestError."""
        for pause in (*BUSY_PAUSES, None):
            try:
                return await call()
            except (stripe.CardError, stripe.InvalidRequestError):
                raise
            except stripe.RateLimitError as error:
                if pause is None:
                    raise GatewayTimeout from error
                await asyncio.sleep(pause * random.uniform(0.5, 1))
            except stripe.StripeError as error:
                log.warning("Stripe gave no answer: %s", error)
                raise GatewayTimeout from error
        raise AssertionError("the last pause is None")


def _decided(intent: stripe.PaymentIntent) -> stripe.PaymentIntent:
    """The intent; while the bank is still at it nothing can be said or done: then `GatewayTimeout`."""
    if intent.status == "processing":
        raise GatewayTimeout
    return intent


def _refunded(intent: stripe.PaymentIntent) -> bool:
    charge = intent.latest_charge
    return isinstance(charge, stripe.Charge) and charge.refunded


def _charge(charge: stripe.Charge) -> Charge | None:
    """A charge of ours; None for what something else on the same Stripe account has made."""
    intent = charge.payment_intent
    if not isinstance(intent, stripe.PaymentIntent) or "booking" not in intent.metadata:
        return None
    if charge.status == "failed":
        status = ChargeStatus.DECLINED
    elif intent.status == "canceled":
        status = ChargeStatus.VOIDED
    elif charge.refunded:
        status = ChargeStatus.REFUNDED
    else:
        status = ChargeStatus.CAPTURED if charge.captured else ChargeStatus.AUTHORISED
    currency = charge.currency.upper()
    amount = (
        charge.amount * 100
        if currency in _WHOLE
        else charge.amount // (100 if currency in _HUNDREDTHS else 1)
    )
    made_at = datetime.fromtimestamp(charge.created, UTC)
    return Charge(intent.metadata["booking"], amount, currency, status, made_at)

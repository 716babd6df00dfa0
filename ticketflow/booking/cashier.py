"""The cashier: talks to the payment gateway for the ledger, before the commit and after it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from databases import Database

from ticketflow.domain import Booking, BookingStatus, Order, PaymentStatus
from ticketflow.faults import Point, reached
from ticketflow.groups import GroupWriter
from ticketflow.loops import lasting
from ticketflow.payments import Authorisation, Gateway, GatewayRefused, GatewayTimeout
from ticketflow.store import open_money, sales, violations
from ticketflow.store.sales import Verdict

log = logging.getLogger(__name__)

LOOK_UPS = 5
LOOK_UP_SECONDS = 1.0
SWEPT_AT_ONCE, ASKED_AT_ONCE = 100, 25
SWEEP_SECONDS = 1.0
"""How soon somebody looks for payments that are due: one that is to be tried now waits no longer."""
SILENT = "The payment gateway did not answer."


class Cashier:
    """Authorises orders, and captures or voids once the database has spoken.

    A payment that is not settled `settle_after_seconds` after its commit was left behind by a crash.
    """

    def __init__(self, database: Database, gateway: Gateway, *, settle_after_seconds: float) -> None:
        self._database = database
        self._gateway = gateway
        self._settle_after = settle_after_seconds
        self._ends = {
            PaymentStatus.AUTHORISED: self._capture,
            PaymentStatus.VOID_DUE: self._void,
            PaymentStatus.REFUND_DUE: self._refund,
        }
        self._captured = GroupWriter(self._note_captured)
        self._voided = GroupWriter(self._note_voided)
        self._refunded = GroupWriter(self._note_refunded)

    async def authorise(self, order: Order) -> Verdict:
        """The verdict on an order as far as money goes; nothing is written yet."""
        answer = await self._asked(order)
        if answer is None:
            # Nobody knows; should the charge turn up after all, the void lets go of it.
            return Verdict(order, BookingStatus.REFUSED, PaymentStatus.VOID_DUE, None, "payment_unknown")
        if not answer.approved:
            declined = PaymentStatus.DECLINED
            return Verdict(order, BookingStatus.REFUSED, declined, answer.reference, "payment_declined")
        return Verdict(order, BookingStatus.CONFIRMED, PaymentStatus.AUTHORISED, answer.reference)

    async def _asked(self, order: Order) -> Authorisation | None:
        reached(Point.AUTHORISE_ASKED)
        try:
            answer = await self._gateway.authorise(
                order.booking_id, order.amount, order.currency, order.method
            )
        except GatewayTimeout:
            return await self._ask_again(order.booking_id)
        reached(Point.AUTHORISED)
        return answer

    async def _ask_again(self, key: str) -> Authorisation | None:
        """What became of a charge whose answer was lost, or None if the gateway never says."""
        for attempt in range(LOOK_UPS):
            try:
                return await self._gateway.find(key)
            except GatewayTimeout:
                await asyncio.sleep(LOOK_UP_SECONDS * attempt)
        return None

    async def close(self, booking: Booking) -> None:
        """Capture a confirmed booking's money; refund a cancelled one's; let go of another's. Idempotent.

        A gateway that does not answer is asked again by `sweep`: the booking stands either way.
        """
        if booking.status is BookingStatus.CONFIRMED:
            await self._or_later(booking.id, self._capture)
        elif booking.status is BookingStatus.CANCELLED:
            await self.refund(booking.id)
        elif booking.reason != "payment_declined":
            await self._or_later(booking.id, self._void)

    async def refund(self, booking_id: str) -> None:
        """Give a cancelled booking's money back. Idempotent; a silent gateway is asked again by `sweep`."""
        await self._or_later(booking_id, self._refund)

    async def _or_later(self, booking_id: str, act: Callable[[str], Awaitable[None]]) -> None:
        try:
            await act(booking_id)
        except GatewayTimeout:
            log.warning("the gateway did not answer for booking %s; it will be asked again", booking_id)
            await open_money.put_off(self._database, booking_id, SILENT)
        except GatewayRefused as error:
            log.warning("%s", error)
            await open_money.put_off(self._database, booking_id, str(error))

    async def _capture(self, booking_id: str) -> None:
        reached(Point.CAPTURE_ASKED)
        await self._gateway.capture(booking_id)
        reached(Point.CAPTURED)
        await self._captured.add(booking_id)
        reached(Point.CAPTURE_NOTED)

    async def _void(self, booking_id: str) -> None:
        reached(Point.VOID_ASKED)
        await self._gateway.void(booking_id)
        reached(Point.VOIDED)
        await self._voided.add(booking_id)
        reached(Point.VOID_NOTED)

    async def _refund(self, booking_id: str) -> None:
        reached(Point.REFUND_ASKED)
        await self._gateway.refund(booking_id)
        reached(Point.REFUNDED)
        await self._refunded.add(booking_id)
        reached(Point.REFUND_NOTED)

    @lasting
    async def sweep(self) -> None:
        """For ever: settle what a crash has left between commit and gateway, and what failed there."""
        pause = min(SWEEP_SECONDS, self._settle_after / 3)
        while True:
            try:
                while await self._sweep_once() == SWEPT_AT_ONCE:
                    pass
            except violations.BROKEN as error:
                log.warning("settling payments failed, trying again: %s", error)
            await asyncio.sleep(pause)

    async def _sweep_once(self) -> int:
        """Settle some of what is due; gives how many it were, settled or put off."""
        taken = await open_money.take(self._database, self._settle_after, SWEPT_AT_ONCE)
        for start in range(0, len(taken), ASKED_AT_ONCE):
            some = taken[start : start + ASKED_AT_ONCE]
            await asyncio.gather(*(self._settle(booking_id, status) for booking_id, status in some))
        return len(taken)

    async def _settle(self, booking_id: str, status: PaymentStatus) -> None:
        try:
            await self._or_later(booking_id, self._ends[status])
        except violations.BROKEN as error:
            log.warning("the payment of booking %s is settled later: %s", booking_id, error)
        except Exception as error:
            # One payment that cannot be settled must not stop the others.
            log.exception("the payment of booking %s could not be settled", booking_id)
            await open_money.put_off(self._database, booking_id, f"{type(error).__name__}: {error}")

    async def _note_captured(self, booking_ids: list[str]) -> None:
        await sales.move_payments(
            self._database, booking_ids, PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED
        )

    async def _note_voided(self, booking_ids: list[str]) -> None:
        await sales.move_payments(self._database, booking_ids, PaymentStatus.VOID_DUE, PaymentStatus.VOIDED)

    async def _note_refunded(self, booking_ids: list[str]) -> None:
        await sales.move_payments(
            self._database, booking_ids, PaymentStatus.REFUND_DUE, PaymentStatus.REFUNDED
        )

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
from ticketflow.store import sales, violations
from ticketflow.store.sales import Verdict

log = logging.getLogger(__name__)

LOOK_UPS = 5
LOOK_UP_SECONDS = 1.0
SWEPT_AT_ONCE = 100


class Cashier:
    """Authorises orders, and captures or voids once the database has spoken.

    A payment that is not settled `settle_after_seconds` after its commit was left behind by a crash.
    """

    def __init__(self, database: Database, gateway: Gateway, *, settle_after_seconds: float) -> None:
        self._database = database
        self._gateway = gateway
        self._settle_after = settle_after_seconds
        self._failed: set[str] = set()
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
        except GatewayRefused as error:
            log.warning("%s", error)

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
        """For ever: settle what a crash has left between the commit and the gateway."""
        while True:
            try:
                await self._sweep_once()
            except violations.BROKEN as error:
                log.warning("settling payments failed, trying again: %s", error)
            await asyncio.sleep(self._settle_after / 3)

    async def _sweep_once(self) -> None:
        # What failed last time, and may fail for ever, must not fill the page and keep the others out.
        most, failed = SWEPT_AT_ONCE + len(self._failed), set()
        for booking_id, status in await sales.unsettled_payments(self._database, self._settle_after, most):
            try:
                if status is PaymentStatus.AUTHORISED:
                    await self._capture(booking_id)
                elif status is PaymentStatus.REFUND_DUE:
                    await self._refund(booking_id)
                else:
                    await self._void(booking_id)
            except GatewayTimeout:
                continue
            except GatewayRefused as error:
                failed.add(booking_id)
                if booking_id not in self._failed:
                    log.warning("%s", error)
            except violations.BROKEN:
                raise
            except Exception:
                # One payment that cannot be settled must not stop the others.
                failed.add(booking_id)
                log.exception("the payment of booking %s could not be settled", booking_id)
        self._failed = failed

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

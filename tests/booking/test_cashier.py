"""The cashier's sweep: what a crash has left between the commit and the gateway."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.booking.support import cashier_of, money_ends, money_of, nobody_sweeps
from tests.house import House, in_process, make_sale
from ticketflow.booking import cashier as cashier_module
from ticketflow.domain import now
from ticketflow.payments import Authorisation, GatewayRefused, GatewayTimeout, SimulatedGateway
from ticketflow.settings import Settings
from ticketflow.store import tables

LONG_AGO = timedelta(seconds=Settings().settle_after_seconds + 60)


@pytest.fixture(autouse=True)
def sweeps_are_the_tests() -> Iterator[None]:
    with nobody_sweeps():
        yield


async def booked(house: House, settings: Settings, sale: Any) -> str:
    """A booking whose money is taken."""
    async with house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        answer = await fan.book((await fan.hold(sale)).json()["id"])
        assert answer.status_code == 201, answer.text
        booking_id: str = answer.json()["id"]
        await money_ends(house, booking_id, "captured", "captured")
        return booking_id


async def set_back(house: House, booking_id: str, ours: str, *, age: timedelta = LONG_AGO) -> None:
    """Make the books look as a crash leaves them: committed, and the gateway not told."""
    payments, charges = tables.payments, tables.simulated_charges
    theirs = update(charges).where(charges.c.charge_key == booking_id).values(status="authorised")
    await house.database.execute(theirs)
    mine = update(payments).where(payments.c.booking_id == booking_id)
    await house.database.execute(mine.values(status=ours, updated_at=now() - age))


class Silent(SimulatedGateway):
    """A gateway that does not answer for one booking."""

    mute = ""

    async def capture(self, key: str) -> None:
        if key == self.mute:
            raise GatewayTimeout
        await super().capture(key)

    async def find(self, key: str) -> Authorisation | None:
        raise GatewayTimeout


@pytest.mark.parametrize(("ours", "end"), [("authorised", "captured"), ("void_due", "voided")])
async def test_the_sweep_ends_what_a_crash_has_left(settings: Settings, ours: str, end: str):
    sale = await make_sale(settings)
    async with in_process(settings) as house:
        left, fresh = [await booked(house, settings, sale) for _ in range(2)]
        cashier = cashier_of(house)
        await set_back(house, left, ours)
        await set_back(house, fresh, ours, age=timedelta(0))
        await cashier._sweep_once()
        assert await money_of(house, left) == (end, end)
        # Whoever has it in hand may still be at it.
        assert await money_of(house, fresh) == (ours, "authorised")


async def test_a_gateway_that_is_silent_on_one_is_asked_for_the_others(settings: Settings):
    sale = await make_sale(settings)
    async with in_process(settings) as house:
        silent, other = [await booked(house, settings, sale) for _ in range(2)]
        gateway = Silent(house.database, 0)
        gateway.mute = silent
        for booking_id in (silent, other):
            await set_back(house, booking_id, "authorised")
        cashier = cashier_of(house, gateway)
        await cashier._sweep_once()
        assert await money_of(house, silent) == ("authorised", "authorised")
        assert await money_of(house, other) == ("captured", "captured")
        gateway.mute = ""
        await cashier._sweep_once()
        # It is put off, with what was said, and taken when its time has come.
        this = tables.payments.c.booking_id == silent
        row = await house.database.fetch_one(select(tables.payments).where(this))
        assert row is not None
        assert (row["status"], row["attempts"], row["last_error"]) == (
            "authorised",
            1,
            cashier_module.SILENT,
        )
        await house.database.execute(update(tables.payments).where(this).values(due_at=now()))
        await cashier._sweep_once()
        assert await money_of(house, silent) == ("captured", "captured")


class Estranged(SimulatedGateway):
    """A gateway of another account: it does not know one booking, and stumbles over another."""

    unknown = stumbling = ""

    async def capture(self, key: str) -> None:
        if key == self.unknown:
            raise GatewayRefused(f"no such charge: {key}")
        if key == self.stumbling:
            raise LookupError(key)
        await super().capture(key)


async def test_what_the_gateway_does_not_know_keeps_no_other_payment_from_its_end(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cashier_module, "SWEPT_AT_ONCE", 1)
    sale = await make_sale(settings)
    async with in_process(settings) as house:
        unknown, stumbling, other = [await booked(house, settings, sale) for _ in range(3)]
        gateway = Estranged(house.database, 0)
        gateway.unknown, gateway.stumbling = unknown, stumbling
        for age, booking_id in enumerate((other, stumbling, unknown)):
            await set_back(house, booking_id, "authorised", age=LONG_AGO * (age + 1))
        cashier = cashier_of(house, gateway)
        for _ in range(3):
            await cashier._sweep_once()
        assert await money_of(house, unknown) == ("authorised", "authorised")
        assert await money_of(house, stumbling) == ("authorised", "authorised")
        assert await money_of(house, other) == ("captured", "captured")


async def test_money_let_go_is_never_taken_and_money_taken_never_let_go(settings: Settings):
    sale = await make_sale(settings)
    async with in_process(settings) as house:
        booking_id = await booked(house, settings, sale)
        gateway = SimulatedGateway(house.database, 0)
        await gateway.void(booking_id)
        assert (await money_of(house, booking_id))[1] == "captured"
        await gateway.authorise("key", 100, "EUR", "card-ok")
        await gateway.authorise("key", 100, "EUR", "card-ok")
        await gateway.void("key")
        await gateway.capture("key")
        assert (await money_of(house, "key"))[1] == "voided"
        found = await gateway.find("key")
        assert found is not None
        assert not found.approved


async def test_a_refund_ends_what_was_taken_and_what_was_only_reserved(settings: Settings):
    sale = await make_sale(settings)
    async with in_process(settings) as house:
        before = now()
        taken = await booked(house, settings, sale)
        gateway = SimulatedGateway(house.database, 0)
        await gateway.authorise("reserved", 100, "EUR", "card-ok")
        await gateway.authorise("declined", 100, "EUR", "card-declined")
        for _ in range(2):
            await gateway.refund(taken)
            await gateway.refund("reserved")
            await gateway.refund("declined")
        ends = {charge.key: charge.status.value async for charge in gateway.recent(before)}
        assert ends == {taken: "refunded", "reserved": "voided", "declined": "declined"}
        assert [charge async for charge in gateway.recent(now())] == []
        await gateway.capture(taken)
        found = await gateway.find(taken)
        assert found is not None
        assert not found.approved

"""The Stripe gateway against localstripe: what the protocol promises, and what a bad line does to it."""

import secrets
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from databases import Database

from tests import servers
from tests.house import eventually
from tests.payments.support import DECLINED, GOOD, WANTS_ACTION, Stripe
from ticketflow.clients import open_gateway
from ticketflow.domain import now
from ticketflow.payments import GatewayRefused, GatewayTimeout, SimulatedGateway, stripe_gateway
from ticketflow.payments.stripe_gateway import StripeGateway
from ticketflow.settings import BadSetting, Settings
from ticketflow.store import intents
from ticketflow.store.intents import IntentRow


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """On one engine; what differs between the two is in test_notices.py."""
    return sqlite_url


def new_key() -> str:
    return secrets.token_hex(16)


async def status(stripe: Stripe, key: str) -> str:
    """How the booking's one intent stands."""
    (intent,) = await stripe.intents(key)
    return str(intent["status"])


async def ends(gateway: StripeGateway, *keys: str) -> dict[str, str]:
    """What the gateway lists of these keys."""
    since = now() - timedelta(minutes=5)
    return {charge.key: charge.status.value async for charge in gateway.recent(since) if charge.key in keys}


async def test_money_is_reserved_then_taken_then_given_back(gateway: StripeGateway, stripe: Stripe):
    key = new_key()
    said = await gateway.authorise(key, 2500, "EUR", GOOD)
    assert said.approved
    assert await status(stripe, key) == "requires_capture"
    assert await ends(gateway, key) == {key: "authorised"}
    for _ in range(2):
        await gateway.capture(key)
        assert await ends(gateway, key) == {key: "captured"}
    await gateway.void(key)
    assert await ends(gateway, key) == {key: "captured"}
    for _ in range(2):
        await gateway.refund(key)
        assert await ends(gateway, key) == {key: "refunded"}
    (charge,), (refund,) = await stripe.charges(key), await stripe.refunds(key)
    assert (charge["amount"], charge["currency"], refund["amount"]) == (2500, "eur", 2500)
    found = await gateway.find(key)
    assert found is not None
    assert (found.approved, found.reference) == (False, said.reference)


async def test_a_declined_card_is_declined_whenever_asked(gateway: StripeGateway, stripe: Stripe):
    key = new_key()
    for _ in range(2):
        said = await gateway.authorise(key, 2500, "EUR", DECLINED)
        assert (said.approved, said.reason) == (False, "Your card was declined.")
        assert await gateway.find(key) == said
    await gateway.capture(key)
    assert await ends(gateway, key) == {key: "declined"}
    assert len(await stripe.charges(key)) == 1


async def test_a_method_that_is_none_and_a_bank_that_wants_to_see_the_payer_are_declined(
    gateway: StripeGateway, stripe: Stripe
):
    unknown, action = new_key(), new_key()
    assert not (await gateway.authorise(unknown, 2500, "EUR", "pm_nobody_has_this")).approved
    assert await gateway.find(unknown) is None
    said = await gateway.authorise(action, 2500, "EUR", await stripe.method(WANTS_ACTION))
    assert not said.approved
    # Left open, it could still be paid when nobody expects it.
    assert await status(stripe, action) == "canceled"
    assert await stripe.charges(action) == []


async def test_an_intent_that_stripe_does_not_know_is_refused_in_our_words(
    gateway: StripeGateway, database: Database
):
    """As after a change of account."""
    key = new_key()
    await intents.add(database, [IntentRow(key, "pi_of_another_account", now())])
    assert await gateway.find(key) is None
    for act in (gateway.capture, gateway.void, gateway.refund):
        with pytest.raises(GatewayRefused):
            await act(key)
    assert not (await gateway.authorise(key, 2500, "EUR", GOOD)).approved


async def test_while_the_bank_is_still_at_it_nobody_knows(gateway: StripeGateway, stripe: Stripe):
    key = new_key()
    with pytest.raises(GatewayTimeout):
        await gateway.authorise(key, 2500, "EUR", await stripe.slow_method())
    # Called done now, it could still turn into money that nobody lets go of.
    with pytest.raises(GatewayTimeout):
        await gateway.void(key)

    async def declined() -> bool:
        try:
            found = await gateway.find(key)
        except GatewayTimeout:
            return False
        return found is not None and not found.approved

    await eventually(declined)
    await gateway.void(key)
    assert await status(stripe, key) == "canceled"


async def test_who_is_second_to_confirm_sees_what_the_first_has_got(
    gateway: StripeGateway, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
):
    """Two ledgers at one order, and Stripe has no memory of the key: the second is refused, not the payer."""
    key, confirm = new_key(), gateway._intents.confirm_async

    async def after_another(intent_id, *asked):
        await confirm(intent_id)
        return await confirm(intent_id, *asked)

    monkeypatch.setattr(gateway._intents, "confirm_async", after_another)
    assert (await gateway.authorise(key, 2500, "EUR", GOOD)).approved
    assert len(await stripe.charges(key)) == 1


async def test_what_is_let_go_cannot_be_taken_any_more(gateway: StripeGateway, stripe: Stripe):
    voided, refunded = new_key(), new_key()
    for key in (voided, refunded):
        assert (await gateway.authorise(key, 2500, "EUR", GOOD)).approved
    for _ in range(2):
        await gateway.void(voided)
        await gateway.refund(refunded)
        await gateway.capture(voided)
        await gateway.capture(refunded)
    assert await ends(gateway, voided, refunded) == {voided: "voided", refunded: "voided"}
    assert await stripe.refunds(refunded) == []
    found = await gateway.find(voided)
    assert found is not None
    assert not found.approved


async def test_the_library_sends_again_what_was_not_answered(gateway: StripeGateway, stripe: Stripe):
    key = new_key()
    await stripe.trouble(lose_payment_intents=1, lose_confirm=1)
    assert (await gateway.authorise(key, 2500, "EUR", GOOD)).approved
    await stripe.trouble(lose_capture=1)
    await gateway.capture(key)
    await stripe.trouble(lose_refunds=1)
    await gateway.refund(key)
    assert len(await stripe.intents(key)) == len(await stripe.charges(key)) == 1
    assert len(await stripe.refunds(key)) == 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("lost", ["payment_intents", "confirm"])
async def test_a_time_out_after_success_charges_once(gateway: StripeGateway, stripe: Stripe, lost: str):
    key = new_key()
    await stripe.trouble(**{f"lose_{lost}": 1})
    with pytest.raises(GatewayTimeout):
        await gateway.authorise(key, 2500, "EUR", GOOD)
    found = await gateway.find(key)
    # Before it is confirmed no money was asked for; afterwards it is known that there is some.
    assert (found is not None and found.approved) == (lost == "confirm")
    assert (await gateway.authorise(key, 2500, "EUR", GOOD)).approved
    assert [charge["amount"] for charge in await stripe.charges(key)] == [2500]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kept", ["neither", "by us", "by Stripe"])
async def test_either_memory_alone_keeps_it_at_one_charge_and_none_does_not(
    gateway: StripeGateway, stripe: Stripe, monkeypatch: pytest.MonkeyPatch, kept: str
):
    """The control: with what we write down and Stripe's keys both gone, the second try charges again."""

    class Forgetful(dict[str, str]):
        async def id_of(self, _database: Database, key: str) -> str | None:
            return self.pop(key, None)

        async def add(self, _database: Database, rows: list[intents.IntentRow]) -> None:
            self.update({row.key: row.intent_id for row in rows})

    if kept != "by us":
        memory = Forgetful()
        monkeypatch.setattr(intents, "id_of", memory.id_of)
        monkeypatch.setattr(intents, "add", memory.add)
    key = new_key()
    if kept != "by Stripe":
        await stripe.trouble(forget_payment_intents=2, forget_confirm=2)
    await stripe.trouble(lose_confirm=1)
    with pytest.raises(GatewayTimeout):
        await gateway.authorise(key, 2500, "EUR", GOOD)
    assert (await gateway.authorise(key, 2500, "EUR", GOOD)).approved
    assert len(await stripe.charges(key)) == (2 if kept == "neither" else 1)
    await stripe.trouble(forget_payment_intents=0, forget_confirm=0)


@pytest.mark.parametrize("guarded", [True, False])
async def test_who_comes_after_a_void_asks_for_no_money(
    gateway: StripeGateway, stripe: Stripe, monkeypatch: pytest.MonkeyPatch, guarded: bool
):
    """A slow ledger still makes its intent while another has given the booking up and let go of it."""
    if not guarded:
        monkeypatch.setattr(gateway, "_known_or_never", gateway._known)
    key, create = new_key(), gateway._intents.create_async

    async def slow(*asked, **options):
        made = await create(*asked, **options)
        await gateway.void(key)
        return made

    monkeypatch.setattr(gateway._intents, "create_async", slow)
    said = await gateway.authorise(key, 2500, "EUR", GOOD)
    assert said.approved == (not guarded)
    assert len(await stripe.charges(key)) == (0 if guarded else 1)


async def test_who_is_told_that_there_are_too_many_comes_back(
    gateway: StripeGateway, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stripe_gateway, "BUSY_PAUSES", (0.0, 0.0))
    key = new_key()
    await stripe.trouble(busy_payment_intents=2, busy_confirm=1)
    assert (await gateway.authorise(key, 2500, "EUR", GOOD)).approved
    await stripe.trouble(busy_capture=3)
    with pytest.raises(GatewayTimeout):
        await gateway.capture(key)
    await gateway.capture(key)
    assert await ends(gateway, key) == {key: "captured"}


@pytest.mark.usefixtures("impatient")
async def test_a_stripe_that_is_away_or_knows_no_such_key_is_a_time_out(
    settings: Settings, database: Database, gateway: StripeGateway
):
    key = new_key()
    assert (await gateway.authorise(key, 2500, "EUR", GOOD)).approved
    away = replace(settings, stripe_api_base=f"http://127.0.0.1:{servers.free_port()}")
    for bad in (away, replace(settings, stripe_secret_key="not-a-key")):
        async with open_gateway(bad, database) as unreachable:
            for step in (unreachable.capture, unreachable.void, unreachable.refund, unreachable.find):
                with pytest.raises(GatewayTimeout):
                    await step(key)
            with pytest.raises(GatewayTimeout):
                await unreachable.authorise(new_key(), 2500, "EUR", GOOD)
            with pytest.raises(GatewayTimeout):
                [charge async for charge in unreachable.recent(now())]


async def test_all_pages_are_listed_and_nothing_of_others(
    gateway: StripeGateway, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stripe_gateway, "PAGE", 2)
    keys, before = [new_key() for _ in range(5)], now()
    for key in keys:
        await gateway.authorise(key, 2500, "EUR", GOOD)
    await gateway.authorise(krona := new_key(), 900, "ISK", GOOD)
    shop = {"amount": 77, "currency": "eur", "payment_method": GOOD, "confirm": "true"}
    (await stripe.post("/v1/payment_intents", data=shop)).raise_for_status()
    # Stripe knows whole seconds: what other tests did a moment ago is listed too.
    listed = [charge async for charge in gateway.recent(before)]
    assert sorted(charge.key for charge in listed if charge.key in keys) == sorted(keys)
    assert 77 not in {charge.amount for charge in listed}
    (ours,) = [charge for charge in listed if charge.key == keys[0]]
    assert (ours.amount, ours.currency) == (2500, "EUR")
    assert before.replace(microsecond=0) <= ours.created_at <= now()
    # What is worth a krona here is sent as a hundred hundredths, and read back as it was.
    (foreign,) = [charge for charge in listed if charge.key == krona]
    assert (foreign.amount, (await stripe.charges(krona))[0]["amount"]) == (900, 90_000)
    assert [charge async for charge in gateway.recent(now() + timedelta(minutes=1))] == []


async def test_a_currency_that_stripe_counts_in_whole_ones(gateway: StripeGateway, stripe: Stripe):
    before = now()
    await gateway.authorise(whole := new_key(), 1500, "MGA", GOOD)
    assert (await stripe.charges(whole))[0]["amount"] == 15
    assert [c.amount async for c in gateway.recent(before) if c.key == whole] == [1500]
    assert not (await gateway.authorise(new_key(), 1550, "MGA", GOOD)).approved


async def test_a_ticket_that_costs_nothing_needs_no_charge(gateway: StripeGateway, stripe: Stripe):
    key = new_key()
    assert (await gateway.authorise(key, 0, "EUR", GOOD)).approved
    await gateway.capture(key)
    await gateway.refund(key)
    assert await stripe.intents(key) == []


def test_a_way_to_pay_is_an_id_of_stripes(settings: Settings):
    accepts = StripeGateway.accepts
    for good in (GOOD, "pm_1MtwBwLkdIwHu7ix28a3tqPa"):
        assert accepts(StripeGateway.__new__(StripeGateway), good)
    for bad in ("", "card-ok", "pm_", "pm_a/../b", "pm_" + "x" * 40, "tok_visa", "pm_visa\n"):
        assert not accepts(StripeGateway.__new__(StripeGateway), bad)


async def test_without_a_key_nothing_is_charged_and_without_the_library_nothing_starts(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
):
    async with open_gateway(replace(settings, stripe_secret_key=""), database) as simulated:
        assert isinstance(simulated, SimulatedGateway)
    monkeypatch.setitem(sys.modules, "stripe", None)
    with pytest.raises(BadSetting, match=r"TICKETFLOW_STRIPE_SECRET_KEY.*ticketflow\[stripe\]"):
        async with open_gateway(settings, database):
            pass

"""From the hold on: given back, run out, paid for, sold or freed; each exactly once."""

import json

import pytest

from tests.stock.conftest import MakeStall
from tests.stock.stall import STANDING, Stall, all_at_once, check_whole, refused
from ticketflow.domain import Hold, Refusal
from ticketflow.stock import Settlement


async def counts_are(stall: Stall, *, free: int, held: int, sold: int) -> None:
    counts = await stall.counts()
    seen = (counts.remaining[STANDING], len(await stall.held()), counts.sold[STANDING])
    assert seen == (free, held, sold)
    await check_whole(stall)


async def test_a_hold_given_back_50_times_at_once_is_given_back_once(make_stall: MakeStall):
    stall = await make_stall(10)
    await stall.admit(1)
    hold = await stall.hold(1, 3)
    results = await all_at_once(stall.release(hold) for _ in range(50))
    assert results.count(None) == 1
    assert {r.code for r in results if isinstance(r, Refusal)} == {"hold_gone"}
    await counts_are(stall, free=10, held=0, sold=0)
    assert await stall.taken(1) == 0


async def test_giving_back_against_running_out_gives_back_once(make_stall: MakeStall):
    stall = await make_stall(10)
    await stall.admit(*range(5))
    holds = [await stall.hold(user, 2, seconds=0) for user in range(5)]
    releases = [stall.release(hold) for hold in holds]
    sweeps = [stall.expire() for _ in range(20)]
    results = await all_at_once([*sweeps[:10], *releases, *sweeps[10:]])
    swept = sum(result for result in results if isinstance(result, int))
    assert swept + results.count(None) == 5
    await counts_are(stall, free=10, held=0, sold=0)


async def test_holds_run_out_by_themselves_and_a_few_at_a_time(make_stall: MakeStall):
    stall = await make_stall(20)
    await stall.admit(*range(9))
    for user in range(8):
        await stall.hold(user, seconds=0)
    lasting = await stall.hold(8)
    assert await stall.stock.expire(stall.event, stall.leases, most=5) == 5
    assert await stall.expire() == 3
    assert await stall.expire() == 0
    assert await stall.stock.find(stall.event.id, lasting.id, 8) == lasting
    await counts_are(stall, free=19, held=1, sold=0)


async def test_a_hold_being_paid_never_runs_out(make_stall: MakeStall):
    """Submits and sweeps race at the hold's last moment: what was accepted stays, the rest went back."""
    stall = await make_stall(60)
    users = range(60)
    await stall.admit(*users)
    holds = [await stall.hold(user) for user in users]
    # Half of the holds are at their end, half are not: at the sweep it is decided for each, one way only.
    expiry = stall.keys.stock.replace(":stock", ":expiry")
    await stall.redis.zadd(expiry, {hold.id: 1 for hold in holds[::2]})
    submits = [stall.submit(hold, f"b{hold.user_id}") for hold in holds]
    results = await all_at_once([*submits[:30], *(stall.expire() for _ in range(10)), *submits[30:]])
    accepted = sum(result is True for result in results)
    swept = sum(result for result in results if isinstance(result, int) and not isinstance(result, bool))
    assert accepted + swept == 60
    assert {r.code for r in results if isinstance(r, Refusal)} <= {"hold_gone"}
    orders = await stall.orders()
    assert len(orders) == accepted
    assert sorted(unit for order in orders for unit in order.units) == sorted(await stall.held())
    await counts_are(stall, free=swept, held=accepted, sold=0)


async def test_an_order_says_what_was_held(make_stall: MakeStall):
    stall = await make_stall()
    await stall.admit(1)
    hold = await stall.hold(1, 3)
    assert await stall.submit(hold, "b1")
    order = await stall.order()
    assert (order.hold_id, order.units, order.amount, order.currency) == (hold.id, hold.units, 7500, "EUR")
    assert (order.booking_id, order.user_id, order.visitor, order.method) == ("b1", 1, "v1", "card-ok")
    assert await stall.stock.pending([1, stall.event.id], "b1", 1) is not None
    assert await stall.stock.pending([1, stall.event.id], "b1", 2) is None


async def test_a_key_on_its_way_is_known(make_stall: MakeStall):
    stall = await make_stall()
    await stall.admit(1)
    hold = await stall.hold(1)
    assert (await all_at_once(stall.submit(hold, "b1") for _ in range(50))).count(True) == 1
    assert len(await stall.orders()) == 1
    assert await refused(stall.submit(hold, "b1", body="another")) == "idempotency_mismatch"
    assert await refused(stall.submit(hold, "b2")) == "hold_in_use"


async def test_a_full_stream_refuses_and_the_hold_stays(make_stall: MakeStall):
    stall = await make_stall()
    await stall.admit(1, 2)
    first, second = await stall.hold(1), await stall.hold(2)
    assert await stall.submit(first, "b1", stream_limit=1)
    assert await refused(stall.submit(second, "b2", stream_limit=1)) == "busy"
    assert await stall.stock.find(stall.event.id, second.id, 2) == second
    await stall.settle(await stall.order(), "sold")
    assert await stall.submit(second, "b2", stream_limit=1)


@pytest.mark.parametrize("times", [1, 2, 20])
async def test_sold_is_sold_once_however_often_it_is_settled(make_stall: MakeStall, times: int):
    stall = await make_stall()
    await stall.admit(1)
    await stall.submit(await stall.hold(1, 3), "b1")
    order = await stall.order()
    await all_at_once(stall.settle(order, "sold") for _ in range(times))
    await counts_are(stall, free=7, held=0, sold=3)
    assert await stall.taken(1) == 3
    assert await stall.orders() == []
    assert await stall.stock.pending([stall.event.id], "b1", 1) is None


@pytest.mark.parametrize("times", [1, 2, 20])
async def test_freed_is_freed_once(make_stall: MakeStall, times: int):
    stall = await make_stall()
    await stall.admit(1)
    await stall.submit(await stall.hold(1, 3), "b1")
    order = await stall.order()
    await all_at_once(stall.settle(order, "free") for _ in range(times))
    await counts_are(stall, free=10, held=0, sold=0)
    assert await stall.taken(1) == 0


async def test_however_often_it_is_declined_a_hold_ends(make_stall: MakeStall):
    stall = await make_stall()
    await stall.admit(1)
    hold = await stall.hold(1, seconds=60)
    ends = []
    # More and more time to retry, so that each refusal would move the end.
    for n, retry_seconds in enumerate((90, 200, 3000)):
        assert await stall.submit(hold, f"b{n}")
        await stall.settle(await stall.order(), "held", retry_seconds=retry_seconds)
        kept = await stall.stock.find(stall.event.id, hold.id, 1)
        assert kept is not None
        ends.append((kept.expires_at - hold.expires_at).total_seconds())
    assert ends == [pytest.approx(30, abs=5), pytest.approx(90), pytest.approx(90)]
    await counts_are(stall, free=9, held=1, sold=0)


async def test_a_booking_refused_with_a_hold_is_no_order_again_and_another_is(make_stall: MakeStall):
    stall = await make_stall()
    await stall.admit(1)
    hold = await stall.hold(1)
    await stall.submit(hold, "b1")
    await stall.settle(await stall.order(), "held")
    kept = await stall.stock.find(stall.event.id, hold.id, 1)
    assert await refused(stall.submit(hold, "b1")) == "hold_gone"
    assert await stall.orders() == []
    assert await stall.stock.find(stall.event.id, hold.id, 1) == kept
    # A key of another booking is refused without being tried at the bank: that leaves no more time.
    assert await stall.submit(hold, "b2")
    await stall.settle(await stall.order(), "as_before", retry_seconds=3000)
    assert await stall.stock.find(stall.event.id, hold.id, 1) == kept
    assert await stall.submit(hold, "b3")


async def test_after_a_declined_payment_the_hold_lasts_for_another_card(make_stall: MakeStall):
    stall = await make_stall()
    await stall.admit(1, seconds=30)
    hold = await stall.hold(1, 2, seconds=20)
    await stall.submit(hold, "b1")
    order = await stall.order()
    for _ in range(2):
        assert await stall.settle(order, "held", retry_seconds=120) == 1
    kept = await stall.stock.find(stall.event.id, hold.id, 1)
    assert kept is not None
    assert not kept.paying
    assert (kept.expires_at - hold.expires_at).total_seconds() == pytest.approx(100, abs=5)
    assert (await stall.redis.zscore(stall.leases, "v1") or 0) >= kept.expires_at.timestamp() * 1e6 - 1
    assert await stall.expire() == 0
    await counts_are(stall, free=8, held=2, sold=0)
    assert await stall.submit(hold, "b2")
    await stall.settle(await stall.order(), "sold")
    await counts_are(stall, free=8, held=0, sold=2)


async def test_a_late_end_of_another_booking_changes_nothing(make_stall: MakeStall):
    stall = await make_stall()
    await stall.admit(1)
    hold = await stall.hold(1, 2)
    await stall.submit(hold, "b1")
    first = await stall.order()
    await stall.settle(first, "held")
    await stall.submit(hold, "b2")
    for outcome in ("held", "free"):
        await stall.settle(first, outcome)
        kept = await stall.stock.find(stall.event.id, hold.id, 1)
        assert kept is not None
        assert kept.paying
    await counts_are(stall, free=8, held=2, sold=0)


async def test_units_the_database_gave_instead_are_sold_here_too(make_stall: MakeStall):
    """Unit 0 was sold behind our back: the ledger took 9 for it. Both are sold, and 1 as well."""
    stall = await make_stall()
    await stall.admit(1)
    await stall.submit(await stall.hold(1, 2), "b1")
    await stall.settle(await stall.order(), "sold", units=[1, 9])
    assert await stall.free() == set(range(2, 9))
    await counts_are(stall, free=7, held=0, sold=3)
    assert await stall.taken(1) == 2


async def test_a_seat_that_was_lost_is_not_given_back(make_stall: MakeStall):
    stall = await make_stall()
    await stall.admit(1)
    await stall.submit(await stall.hold(1, 2), "b1")
    await stall.settle(await stall.order(), "free", lost=[0])
    assert await stall.free() == set(range(1, 10))
    await counts_are(stall, free=9, held=0, sold=1)
    assert await stall.taken(1) == 0


async def test_an_end_that_comes_after_redis_was_lost_and_loaded_again(make_stall: MakeStall):
    stall = await make_stall()
    await stall.admit(1)
    await stall.submit(await stall.hold(1, 2), "b1")
    order = await stall.order()
    nouns = ("stock", "holds", "expiry", "taken", "visits", "baskets", "pending")
    lost = [stall.keys.stock.replace(":stock", f":{noun}") for noun in nouns]
    await stall.redis.delete(*lost, stall.keys.units(STANDING))
    # Settling on nothing must not invent a stock.
    await stall.settle(order, "sold")
    assert await stall.stock.counts(stall.event) is None
    await stall.load()
    for _ in range(2):
        await stall.settle(order, "sold")
    await counts_are(stall, free=8, held=0, sold=2)
    assert await stall.taken(1) == 2


async def test_loading_happens_once_and_keeps_what_was_held_since(make_stall: MakeStall):
    stall = await make_stall()
    await stall.admit(1)
    hold = await stall.hold(1, 2)
    assert not any(await all_at_once(stall.load() for _ in range(20)))
    assert await stall.stock.basket(stall.event.id, 1) == hold
    await counts_are(stall, free=8, held=2, sold=0)


async def test_a_hold_is_nobody_elses(make_stall: MakeStall):
    stall = await make_stall()
    await stall.admit(1, 2)
    hold = await stall.hold(1)
    assert await stall.stock.find(stall.event.id, hold.id, 2) is None
    assert await stall.stock.basket(stall.event.id, 2) is None
    assert await refused(stall.release(hold, user=2)) == "hold_gone"
    assert await refused(stall.submit(hold, "b", user=2)) == "hold_gone"
    for unknown in ("", "7-", "x", hold.id + "0", "7-\x00"):
        gone = Hold(unknown, 7, 1, "v1", STANDING, (0,), 1, "EUR", hold.expires_at)
        assert await refused(stall.release(gone)) == "hold_gone"
    await counts_are(stall, free=9, held=1, sold=0)


async def test_the_last_hold_that_ends_leaves_no_trace(make_stall: MakeStall):
    """What is counted per user and visitor is gone at zero: memory does not grow with who came by."""
    stall = await make_stall()
    await stall.admit(1)
    await stall.release(await stall.hold(1))
    await stall.hold(1, seconds=0)
    await stall.expire()
    for noun in ("holds", "expiry", "taken", "visits", "baskets", "pending"):
        assert not await stall.redis.exists(stall.keys.stock.replace(":stock", f":{noun}")), noun


async def test_numbers_keep_all_their_digits(make_stall: MakeStall):
    """cjson writes 14 digits; microseconds have 16."""
    stall = await make_stall()
    await stall.admit(1)
    hold = await stall.hold(1)
    stored = json.loads(str(await stall.redis.hget(stall.keys.holds, hold.id)))
    assert len(stored["expires"]) == 16
    scored = await stall.redis.zscore(stall.keys.stock.replace(":stock", ":expiry"), hold.id)
    assert int(stored["expires"]) == scored


async def test_who_holds_a_unit_that_was_sold_before_the_loss_loses_it_when_that_is_settled(
    make_stall: MakeStall,
):
    """Redis was lost while a payment ran; the database has sold what Redis gave to somebody else since."""
    stall = await make_stall()
    await stall.admit(1, 2, 3)
    await stall.submit(await stall.hold(1, 2), "b1")
    order = await stall.order()
    lost = [key for key in stall.keys.script_keys(stall.leases, [STANDING]) if key != stall.leases]
    await stall.redis.delete(*lost)
    await stall.load()
    theirs = await stall.hold(2, 3)
    assert set(order.units) < set(theirs.units)
    untouched = await stall.hold(3, 1)
    await stall.settle(order, "sold")
    await counts_are(stall, free=7, held=1, sold=2)
    assert await stall.taken(1) == 2
    assert await refused(stall.release(theirs)) == "hold_gone"
    await stall.release(untouched)
    await counts_are(stall, free=8, held=0, sold=2)
    assert not set(order.units) & await stall.free()


async def test_an_order_stays_in_the_stream_until_its_end_is_told(make_stall: MakeStall):
    """A ledger that dies in between leaves it to another, who tells."""
    stall = await make_stall()
    await stall.admit(1)
    await stall.submit(await stall.hold(1, 2), "b1")
    order = await stall.order()
    settlement = Settlement(order, "sold", {"booking_id": "b1"}, units=order.units)
    async with stall.redis.pubsub() as heard:
        await heard.subscribe(stall.keys.results_channel)
        await heard.get_message(timeout=5)
        for _ in range(2):
            left = await stall.stock.settle(stall.event, stall.leases, [settlement], retry_seconds=1)
            assert left == [0]
            assert await stall.order() == order
            assert await stall.stock.pending([stall.event.id], "b1", 1) is not None
        await stall.stock.tell(stall.event.id, [settlement])
        assert await stall.orders() == []
        assert await stall.stock.pending([stall.event.id], "b1", 1) is None
        told = await heard.get_message(timeout=5)
    assert told["data"] == '[{"booking_id": "b1"}]'
    await counts_are(stall, free=8, held=0, sold=2)


async def test_many_orders_are_settled_at_once_each_in_its_own_way(make_stall: MakeStall):
    """One visitor has two of them: one hold is left after the first, none after the second."""
    stall = await make_stall()
    await stall.admit(1, 2, 3)
    holds = [await stall.hold(1, 2), await stall.hold(2, 1), await stall.hold(1, 1), await stall.hold(3, 2)]
    for number, hold in enumerate(holds):
        await stall.submit(hold, f"b{number}")
    orders = await stall.orders()
    outcomes = zip(orders, ("sold", "free", "sold", "held"), strict=True)
    settlements = [
        Settlement(order, outcome, {"booking_id": order.booking_id}, units=order.units)
        for order, outcome in outcomes
    ]
    before = await stall.counts()
    for left in ([1, 0, 0, 1], [0, 0, 0, 1]):
        assert left == await stall.stock.settle(stall.event, stall.leases, settlements, retry_seconds=9)
        await counts_are(stall, free=5, held=2, sold=3)
    assert (await stall.counts()).version == before.version + 2, "one version and one frame a call"
    await stall.stock.tell(stall.event.id, settlements[:3])
    assert await stall.orders() == orders[3:]
    assert [await stall.taken(user) for user in (1, 2, 3)] == [3, 0, 2]

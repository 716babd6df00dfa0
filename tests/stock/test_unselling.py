"""The units of a cancelled booking: free again at once, exactly once, whatever comes before or between."""

from tests.stock.conftest import MakeStall
from tests.stock.stall import STANDING, Stall, all_at_once, check_whole
from ticketflow.domain import Order
from ticketflow.stock import Counts


async def sold(stall: Stall, user: int, booking: str, quantity: int = 2) -> Order:
    """An order whose units are sold."""
    await stall.admit(user)
    await stall.submit(await stall.hold(user, quantity), booking)
    order = next(order for order in await stall.orders() if order.booking_id == booking)
    await stall.settle(order, "sold")
    return order


async def lose(stall: Stall) -> None:
    """All of the event's keys but the leases."""
    keys = stall.keys.script_keys(stall.leases, [STANDING])
    await stall.redis.delete(*(key for key in keys if key != stall.leases))


async def counts_are(stall: Stall, *, free: int, held: int, sold: int) -> None:
    counts = await stall.counts()
    assert (counts.remaining[STANDING], len(await stall.held()), counts.sold[STANDING]) == (free, held, sold)
    await check_whole(stall)


async def test_50_at_once_give_back_once_and_others_see_it(make_stall: MakeStall):
    stall = await make_stall()
    order = await sold(stall, 1, "b1", 4)
    before = await stall.counts()
    async with stall.redis.pubsub() as heard:
        await heard.subscribe(stall.keys.counts_channel)
        await heard.get_message(timeout=5)
        assert await all_at_once(stall.unsell(order) for _ in range(50)) == [True] * 50
        frame = await heard.get_message(timeout=5)
        assert await heard.get_message(timeout=0.1) is None
    seen = Counts.parse(frame["data"])
    assert seen.newer_than(before)
    assert (seen.remaining[STANDING], seen.sold[STANDING]) == (10, 0)
    await counts_are(stall, free=10, held=0, sold=0)
    # The limit is theirs again, whole.
    assert await stall.taken(1) == 0
    assert len((await stall.hold(1, 4)).units) == 4


async def test_what_somebody_has_taken_meanwhile_stays_theirs(make_stall: MakeStall):
    stall = await make_stall(2)
    order = await sold(stall, 1, "b1")
    assert await stall.unsell(order)
    again = await sold(stall, 2, "b2")
    assert again.units == order.units
    assert await stall.unsell(order)
    await counts_are(stall, free=0, held=0, sold=2)
    assert (await stall.taken(1), await stall.taken(2)) == (0, 2)


async def test_sold_comes_first_and_given_back_second(make_stall: MakeStall):
    """The booking is in the database and cancelled there, and Redis has not heard yet that it is sold."""
    stall = await make_stall()
    await stall.admit(1)
    await stall.submit(await stall.hold(1, 2), "b1")
    order = await stall.order()
    assert not await stall.unsell(order)
    await counts_are(stall, free=8, held=2, sold=0)
    await stall.settle(order, "sold")
    assert await stall.unsell(order)
    await counts_are(stall, free=10, held=0, sold=0)


async def test_a_settlement_that_comes_late_sells_nothing_again(make_stall: MakeStall):
    """Redis was lost while the booking was on its way: nothing here says that a settlement is to come."""
    stall = await make_stall()
    await stall.admit(1, 2)
    await stall.submit(await stall.hold(1, 2), "b1")
    order = await stall.order()
    await lose(stall)
    await stall.load(sold={STANDING: list(order.units)}, taken={1: 2})
    assert await stall.unsell(order)
    theirs = await stall.hold(2, 1)
    assert set(theirs.units) < set(order.units)
    await stall.settle(order, "sold")
    await counts_are(stall, free=9, held=1, sold=0)
    assert await stall.taken(1) == 0


async def test_without_stock_it_waits_and_a_rebuild_that_knew_has_done_it(make_stall: MakeStall):
    stall = await make_stall()
    order = await sold(stall, 1, "b1")
    await lose(stall)
    assert not await stall.unsell(order)
    assert await stall.load(cancelled=["b1"])
    await stall.admit(2)
    theirs = await stall.hold(2, 2)
    assert theirs.units == order.units
    assert await stall.unsell(order)
    await counts_are(stall, free=8, held=2, sold=0)


async def test_a_rebuild_that_read_the_books_before_the_cancelling_is_put_right(make_stall: MakeStall):
    stall = await make_stall()
    order = await sold(stall, 1, "b1")
    assert await stall.unsell(order)
    await lose(stall)
    assert await stall.load(sold={STANDING: list(order.units)}, taken={1: 2})
    assert await stall.unsell(order)
    await counts_are(stall, free=10, held=0, sold=0)
    assert await stall.taken(1) == 0

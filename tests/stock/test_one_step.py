"""Hold and submit in one script: what it takes is being paid at once, what it refuses it has not touched."""

from tests.stock.conftest import MakeStall
from tests.stock.stall import STANDING, Stall, all_at_once, check_whole, refused


async def everything(stall: Stall) -> dict[str | bytes, bytes]:
    """All that stands in Redis for the stall's event."""
    names = await stall.redis.keys(stall.keys.stock.replace(":stock", ":*"))
    return {name: await stall.redis.execute_command("DUMP", name, NEVER_DECODE=True) for name in names}


async def test_what_is_booked_is_being_paid_and_has_no_time_to_run_out(make_stall: MakeStall):
    stall = await make_stall(10)
    await stall.admit(1)
    assert await stall.book(1, "a", 3)
    order = await stall.order()
    assert (order.booking_id, order.units, order.keep_hold) == ("a", (0, 1, 2), False)
    assert (order.amount, order.user_id, order.visitor) == (7500, 1, "v1")
    hold = await stall.stock.find(stall.event.id, order.hold_id, 1)
    assert hold is not None
    assert hold.paying
    assert await refused(stall.release(hold)) == "hold_in_use"
    # It is nobody's basket, and what is in the user's own basket stays there.
    assert await stall.stock.basket(stall.event.id, 1) is None
    assert await stall.redis.zcard(stall.keys.stock.replace(":stock", ":expiry")) == 0
    await stall.settle(order, "sold")
    assert (await stall.counts()).sold[STANDING] == 3
    assert await stall.taken(1) == 3
    await check_whole(stall)


async def test_what_is_declined_is_free_again(make_stall: MakeStall):
    stall = await make_stall(10)
    await stall.admit(1)
    await stall.book(1, "a", 2)
    await stall.settle(await stall.order(), "free")
    assert (await stall.counts()).remaining[STANDING] == 10
    assert await stall.taken(1) == 0
    await check_whole(stall)


async def test_a_booking_on_its_way_is_known_before_anything_else_is_asked(make_stall: MakeStall):
    """The first try has used up the limit, and the turn may be over: its retry is still that booking."""
    stall = await make_stall(10)
    await stall.admit(1)
    assert await stall.book(1, "a", 4)
    await stall.redis.zrem(stall.leases, "v1")
    assert not await stall.book(1, "a", 4)
    assert await refused(stall.book(1, "a", 4, body="another")) == "idempotency_mismatch"
    assert len(await stall.held()) == 4


async def test_who_is_refused_has_touched_nothing(make_stall: MakeStall):
    stall = await make_stall(3)
    await stall.admit(1, 2)
    await stall.book(1, "a", 2)
    before = await everything(stall)
    assert await refused(stall.book(2, "b", 5)) == "limit_exceeded"
    assert await refused(stall.book(2, "b", 2)) == "sold_out"
    assert await refused(stall.book(3, "b")) == "not_admitted"
    assert await refused(stall.book(2, "b", visitor="v1")) == "pass_in_use"
    assert await refused(stall.book(2, "b", stream_limit=1)) == "busy"
    assert await everything(stall) == before


async def test_ten_units_and_a_thousand_attempts_are_ten_orders(make_stall: MakeStall):
    stall = await make_stall(10)
    await stall.admit(*range(1000))
    await all_at_once(stall.book(user, f"b{user}") for user in range(1000))
    orders = await stall.orders()
    assert sorted(unit for order in orders for unit in order.units) == list(range(10))
    await check_whole(stall)

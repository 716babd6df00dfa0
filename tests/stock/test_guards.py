"""Each guard of the scripts, and the breach that is seen when its line is taken out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from tests.stock.conftest import MakeStall
from tests.stock.stall import SEATED, STANDING, Stall, all_at_once, refused
from ticketflow.domain import Hold, Order


async def above_the_limit(stall: Stall) -> bool:
    """200 requests of one user for one ticket each, with a limit of 4."""
    await stall.admit(1)
    await all_at_once(stall.hold(1) for _ in range(200))
    return len(await stall.held()) > 4


async def held_without_a_lease(stall: Stall) -> bool:
    return await refused(stall.hold(1)) != "not_admitted"


async def held_with_a_lease_that_is_over(stall: Stall) -> bool:
    await stall.admit(1, seconds=-1)
    return await refused(stall.hold(1)) != "not_admitted"


async def told_sold_out_while_one_is_free(stall: Stall) -> bool:
    """As many ask as there are, the last for the last."""
    await stall.admit(*range(200))
    await all_at_once(stall.hold(user) for user in range(199))
    return await refused(stall.hold(199)) == "sold_out"


async def held_by_two_accounts_in_one_turn(stall: Stall) -> bool:
    """One pass, handed to 50 accounts that use it at once."""
    await stall.admit(1)
    results = await all_at_once(stall.hold(user, visitor="v1") for user in range(50))
    return len({result.user_id for result in results if isinstance(result, Hold)}) > 1


async def one_seat_held_twice(stall: Stall) -> bool:
    await stall.admit(*range(50))
    await all_at_once(stall.hold(user, units=[3], kind=SEATED) for user in range(50))
    return len(await stall.held(SEATED)) > 1


async def a_seat_that_is_not_there(stall: Stall) -> bool:
    await stall.admit(1)
    return await refused(stall.hold(1, units=[8], kind=SEATED)) != "unit_taken"


async def released_twice(stall: Stall) -> bool:
    await stall.admit(1)
    hold = await stall.hold(1, 2)
    await all_at_once(stall.release(hold) for _ in range(50))
    return (await stall.counts()).remaining[STANDING] > 200


async def released_by_another(stall: Stall) -> bool:
    await stall.admit(1)
    return await refused(stall.release(await stall.hold(1), user=2)) != "hold_gone"


async def released_while_paying(stall: Stall) -> bool:
    await stall.admit(1)
    hold = await stall.hold(1)
    await stall.submit(hold, "a")
    return await refused(stall.release(hold)) != "hold_in_use"


async def paid_twice(stall: Stall) -> bool:
    """One hold, submitted for 50 bookings at once."""
    await stall.admit(1)
    hold = await stall.hold(1)
    await all_at_once(stall.submit(hold, f"booking-{n}") for n in range(50))
    return len(await stall.orders()) > 1


async def one_booking_twice_on_its_way(stall: Stall) -> bool:
    """One key with two holds: the first is on its way."""
    await stall.admit(1)
    await stall.submit(await stall.hold(1), "a")
    await stall.submit(await stall.hold(1), "a")
    return len(await stall.orders()) > 1


async def paid_by_another(stall: Stall) -> bool:
    await stall.admit(1)
    return await refused(stall.submit(await stall.hold(1), "a", user=2)) != "hold_gone"


async def paid_after_its_time(stall: Stall) -> bool:
    await stall.admit(1)
    return await refused(stall.submit(await stall.hold(1, seconds=0), "a")) != "hold_gone"


async def paid_without_a_lease(stall: Stall) -> bool:
    await stall.admit(1)
    hold = await stall.hold(1)
    await stall.redis.zrem(stall.leases, "v1")
    return await refused(stall.submit(hold, "a")) != "not_admitted"


async def more_orders_than_allowed(stall: Stall) -> bool:
    await stall.admit(*range(30))
    holds = [await stall.hold(user) for user in range(30)]
    await all_at_once(stall.submit(hold, f"b{hold.user_id}", stream_limit=5) for hold in holds)
    return len(await stall.orders()) > 5


async def expired_while_paying(stall: Stall) -> bool:
    """A hold whose time ends while it is being paid."""
    await stall.admit(1)
    hold = await stall.hold(1)
    await stall.submit(hold, "a")
    await stall.redis.zadd(stall.keys.stock.replace(":stock", ":expiry"), {hold.id: 1}, xx=True)
    await stall.expire()
    return await stall.held() == []


async def settled_by_another_booking(stall: Stall) -> bool:
    """The end of booking b, which once had this hold, comes late: the hold is a's now."""
    await stall.admit(1)
    hold = await stall.hold(1)
    await stall.submit(hold, "b")
    late = await stall.order()
    await stall.settle(late, "held")
    await stall.submit(hold, "a")
    await stall.settle(late, "free")
    return await stall.held() == []


async def booked_above_the_limit(stall: Stall) -> bool:
    """200 one-step bookings of one user, one ticket each, with a limit of 4."""
    await stall.admit(1)
    await all_at_once(stall.book(1, f"booking-{n}") for n in range(200))
    return len(await stall.orders()) > 4


async def booked_without_a_lease(stall: Stall) -> bool:
    return await refused(stall.book(1, "a")) != "not_admitted"


async def one_pass_two_accounts(stall: Stall) -> bool:
    await stall.admit(1)
    await stall.book(1, "a")
    return await refused(stall.book(2, "b", visitor="v1")) != "pass_in_use"


async def one_booking_twice_in_one_step(stall: Stall) -> bool:
    """One key, sent 50 times at once."""
    await stall.admit(1)
    await all_at_once(stall.book(1, "a") for _ in range(50))
    return len(await stall.orders()) > 1


async def more_booked_than_the_stream_may_have(stall: Stall) -> bool:
    await stall.admit(*range(30))
    await all_at_once(stall.book(user, f"b{user}", stream_limit=5) for user in range(30))
    return len(await stall.orders()) > 5


async def sold_again(stall: Stall) -> tuple[Order, Order]:
    """A booking of one seat that was cancelled, and the booking that has the seat since."""
    await stall.admit(1, 2)
    orders = []
    for user in (1, 2):
        await stall.submit(await stall.hold(user, units=[3], kind=SEATED), f"b{user}")
        orders.append(await stall.order())
        await stall.settle(orders[-1], "sold")
        await stall.unsell(orders[0])
    first, second = orders
    return first, second


async def given_back_twice(stall: Stall) -> bool:
    """A seat of a cancelled booking is sold to somebody else, and the cancelling is finished again."""
    await sold_again(stall)
    return 3 in await stall.free(SEATED)


async def given_back_before_it_is_sold(stall: Stall) -> bool:
    """A booking is cancelled between its commit and its settlement."""
    await stall.admit(1)
    await stall.submit(await stall.hold(1), "a")
    order = await stall.order()
    await stall.unsell(order)
    return bool(set(order.units) & await stall.free())


async def sold_after_it_was_given_back(stall: Stall) -> bool:
    """The settlement of a cancelled booking comes once more, and the seat is free by then."""
    first, second = await sold_again(stall)
    await stall.unsell(second)
    await stall.settle(first, "sold")
    return 3 not in await stall.free(SEATED)


async def loaded_as_if_to_be_given_back(stall: Stall) -> bool:
    """A booking that was cancelled before the rebuild; somebody holds its seat since."""
    await stall.admit(1, 2)
    await stall.submit(await stall.hold(1, units=[3], kind=SEATED), "a")
    order = await stall.order()
    await stall.settle(order, "sold")
    await stall.redis.delete(stall.keys.stock)
    await stall.load(cancelled=["a"])
    await stall.hold(2, units=[3], kind=SEATED)
    await stall.unsell(order)
    return 3 in await stall.free(SEATED)


async def ordered_again_after_its_refusal(stall: Stall) -> bool:
    await stall.admit(1)
    hold = await stall.hold(1)
    await stall.submit(hold, "a")
    await stall.settle(await stall.order(), "held")
    return await refused(stall.submit(hold, "a")) is None


async def held_longer_by_each_refusal(stall: Stall) -> bool:
    await stall.admit(1)
    hold, ends = await stall.hold(1), set()
    for n in range(3):
        await stall.submit(hold, f"b{n}")
        await stall.settle(await stall.order(), "held", retry_seconds=100 * (n + 1))
        kept = await stall.stock.find(stall.event.id, hold.id, 1)
        ends.add(kept and round((kept.expires_at - hold.expires_at).total_seconds() / 10))
    return len(ends) > 2


async def loaded_twice(stall: Stall) -> bool:
    await stall.admit(1)
    await stall.hold(1, 2)
    return any(result is True for result in await all_at_once(stall.load() for _ in range(20)))


@dataclass(frozen=True)
class Guard:
    """A line of a script, what stands there instead when it is out, and what must not be possible."""

    script: str
    line: str
    breach: Callable[[Stall], Awaitable[bool]]
    instead: str = ""


LIMIT = "if taken + wanted > limit then return nil, {'limit_exceeded', taken} end"
LEASE = "if not has_lease(ask.visitor, now) then return nil, {'not_admitted'} end"
FULL = "if stream_is_full() then return {'busy'} end"
KNOWN = "return known and {'known', cjson.decode(known).request_hash}"

GUARDS = [
    Guard(
        "hold", "if taken + wanted > limit then return nil, {'limit_exceeded', taken} end", above_the_limit
    ),
    Guard(
        "hold",
        "if not has_lease(ask.visitor, now) then return nil, {'not_admitted'} end",
        held_without_a_lease,
    ),
    Guard("hold", "free < wanted", told_sold_out_while_one_is_free, "free <= wanted"),
    Guard("hold", "guest and guest ~= ask.user and", held_by_two_accounts_in_one_turn, "false and"),
    Guard("hold", "ends and tonumber(ends) > now", held_with_a_lease_that_is_over, "ends"),
    Guard("hold", " or redis.call('GETBIT', units_key, unit) == 0", one_seat_held_twice),
    Guard(
        "hold",
        "unit >= size or redis.call('GETBIT', units_key, unit) == 0",
        a_seat_that_is_not_there,
        "false",
    ),
    Guard("release", "redis.call('HDEL', HOLDS, hold_id)", released_twice),
    Guard("release", " or hold.user ~= ask.user", released_by_another),
    Guard("release", "if hold.state ~= 'held' then return {'hold_in_use'} end", released_while_paying),
    Guard("submit", "if hold.state ~= 'held' then return {'hold_in_use'} end", paid_twice),
    Guard("submit", KNOWN, one_booking_twice_on_its_way),
    Guard("submit", " or hold.user ~= ask.user", paid_by_another),
    Guard("submit", "if tonumber(hold.expires) <= now then return {'hold_gone'} end", paid_after_its_time),
    Guard(
        "submit", "if not has_lease(hold.visitor, now) then return {'not_admitted'} end", paid_without_a_lease
    ),
    Guard(
        "submit", "if refused == ask.booking then return {'hold_gone'} end", ordered_again_after_its_refusal
    ),
    Guard(
        "settle",
        "math.min(now + retry, tonumber(hold.latest))",
        held_longer_by_each_refusal,
        "now + retry",
    ),
    Guard("submit", FULL, more_orders_than_allowed),
    Guard("submit", "redis.call('ZREM', EXPIRY, ask.id)", expired_while_paying),
    Guard("settle", " and hold.booking == order.booking", settled_by_another_booking),
    Guard("book", LIMIT, booked_above_the_limit),
    Guard("book", LEASE, booked_without_a_lease),
    Guard("book", " and tonumber(guest_until) > now", one_pass_two_accounts, " and false"),
    Guard("book", "if known then return known end", one_booking_twice_in_one_step),
    Guard("book", FULL, more_booked_than_the_stream_may_have),
    Guard(
        "unsell", "if redis.call('SADD', RETURNED, ask.booking) == 0 then return 'done' end", given_back_twice
    ),
    Guard(
        "unsell",
        "if redis.call('HEXISTS', PENDING, ask.booking) == 1 then return 'settling' end",
        given_back_before_it_is_sold,
    ),
    Guard(
        "settle",
        "redis.call('SISMEMBER', RETURNED, order.booking) == 1",
        sold_after_it_was_given_back,
        "false",
    ),
    Guard("load", "redis.call('SADD', RETURNED, booking)", loaded_as_if_to_be_given_back),
    Guard("load", "if redis.call('HEXISTS', STOCK, 'epoch') == 1 then return 0 end", loaded_twice),
]


def name_of(guard: Guard) -> str:
    return guard.breach.__name__


@pytest.mark.parametrize("guard", GUARDS, ids=name_of)
async def test_the_guard_holds(make_stall: MakeStall, guard: Guard):
    assert not await guard.breach(await make_stall(200, 8))


@pytest.mark.parametrize("guard", GUARDS, ids=name_of)
async def test_without_the_guard_the_breach_is_seen(make_stall: MakeStall, guard: Guard):
    stall = await make_stall(200, 8)
    stall.without(guard.script, guard.line, guard.instead)
    assert await guard.breach(stall)

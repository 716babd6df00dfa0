"""A hold is given more time once: however many ask, not too late, and only who may."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.stock.conftest import MakeStall
from tests.stock.stall import Stall, all_at_once, check_whole, refused
from ticketflow.domain import Hold
from ticketflow.stock import Inspection

MORE = 90


async def kept(stall: Stall, hold: Hold) -> Hold:
    found = await stall.stock.find(stall.event.id, hold.id, hold.user_id)
    assert found is not None
    return found


async def gained(stall: Stall, hold: Hold) -> int:
    """Seconds that a hold has been given on top."""
    return round(((await kept(stall, hold)).expires_at - hold.expires_at).total_seconds())


async def extended_again_and_again(stall: Stall) -> bool:
    """50 requests for more time at once."""
    hold = await stall.hold(1)
    await all_at_once(stall.extend(hold) for _ in range(50))
    return await gained(stall, hold) > MORE


async def extended_after_its_time(stall: Stall) -> bool:
    return await refused(stall.extend(await stall.hold(1, seconds=0))) != "hold_gone"


async def extended_while_it_is_paid(stall: Stall) -> bool:
    hold = await stall.hold(1)
    await stall.submit(hold, "a")
    return await refused(stall.extend(hold)) != "hold_in_use"


async def extended_by_another(stall: Stall) -> bool:
    return await refused(stall.extend(await stall.hold(1), user=2)) != "not_found"


async def extended_without_a_turn(stall: Stall) -> bool:
    """The turn was given up: the hold could not be paid for, so it goes back in its time."""
    hold = await stall.hold(1)
    await stall.redis.zrem(stall.leases, "v1")
    return await refused(stall.extend(hold)) != "not_admitted"


async def extended_beyond_the_turn(stall: Stall) -> bool:
    """A hold that outlives its turn could not be paid for to its end."""
    hold = await stall.extend(await stall.hold(1))
    ends = await stall.redis.zscore(stall.leases, "v1") or 0
    return bool(ends < round(hold.expires_at.timestamp() * 1e6))


async def the_turn_passed_on_meanwhile(stall: Stall) -> bool:
    """Another account takes the pass over in the time that was given on top."""
    hold = await stall.extend(await stall.hold(1))
    guests = await stall.redis.hget(stall.keys.stock.replace(":stock", ":guests"), "v1")
    return float(str(guests).split()[1]) < round(hold.expires_at.timestamp() * 1e6)


async def swept_at_its_first_end(stall: Stall) -> bool:
    """The sweep goes by the new end."""
    hold = await stall.extend(await stall.hold(1))
    ends = await stall.redis.zscore(stall.keys.stock.replace(":stock", ":expiry"), hold.id) or 0
    return bool(ends < round(hold.expires_at.timestamp() * 1e6))


GUARDS: list[tuple[Callable[[Stall], Awaitable[bool]], str, str]] = [
    (extended_again_and_again, "if hold.extended then return {'already_extended'} end", ""),
    (extended_after_its_time, "if tonumber(hold.expires) <= now then return {'hold_gone'} end", ""),
    (extended_while_it_is_paid, "if hold.state ~= 'held' then return {'hold_in_use'} end", ""),
    (extended_by_another, "if hold.user ~= ask.user then return {'not_found'} end", ""),
    (extended_without_a_turn, "if not has_lease(hold.visitor, now) then return {'not_admitted'} end", ""),
    (extended_beyond_the_turn, "redis.call('ZADD', LEASES, 'GT', expires, visitor)", ""),
    (
        the_turn_passed_on_meanwhile,
        "user .. ' ' .. redis.call('ZSCORE', LEASES, visitor)",
        "user .. ' 1'",
    ),
    (swept_at_its_first_end, "redis.call('ZADD', EXPIRY, hold.expires, ask.id)", ""),
]
NAMES = [breach.__name__ for breach, _, _ in GUARDS]


async def turned_up(make_stall: MakeStall) -> Stall:
    """A stall at which users 1 and 2 have a turn, shorter than a hold and its extension."""
    stall = await make_stall()
    await stall.admit(1, 2, seconds=30)
    return stall


@pytest.mark.parametrize(("breach", "line", "instead"), GUARDS, ids=NAMES)
async def test_the_guard_holds(
    make_stall: MakeStall, breach: Callable[[Stall], Awaitable[bool]], line: str, instead: str
):
    stall = await turned_up(make_stall)
    assert not await breach(stall)
    await check_whole(stall)


@pytest.mark.parametrize(("breach", "line", "instead"), GUARDS, ids=NAMES)
async def test_without_the_guard_the_breach_is_seen(
    make_stall: MakeStall, breach: Callable[[Stall], Awaitable[bool]], line: str, instead: str
):
    stall = await turned_up(make_stall)
    stall.without("extend", line, instead)
    assert await breach(stall)


async def test_of_50_at_once_one_is_given_its_time(make_stall: MakeStall):
    stall = await turned_up(make_stall)
    hold = await stall.hold(1, 2)
    results = await all_at_once(stall.extend(hold) for _ in range(50))
    given = [result for result in results if isinstance(result, Hold)]
    codes = {result.code for result in results if not isinstance(result, Hold)}
    assert (len(given), codes) == (1, {"already_extended"})
    assert given[0] == await kept(stall, hold)
    assert given[0].extended
    assert not hold.extended
    assert await gained(stall, hold) == MORE


async def test_it_is_remembered_over_a_refused_card(make_stall: MakeStall):
    stall = await turned_up(make_stall)
    hold = await stall.hold(1)
    await stall.extend(hold)
    await stall.submit(hold, "a")
    await stall.settle(await stall.order(), "held", retry_seconds=0)
    stored = json.loads(await stall.redis.hget(stall.keys.holds, hold.id) or "{}")
    assert (stored["extended"], await gained(stall, hold)) == (True, MORE)
    assert await refused(stall.extend(hold)) == "already_extended"
    await stall.release(hold)
    assert await refused(stall.extend(hold)) == "hold_gone"
    await check_whole(stall)


async def test_it_is_remembered_over_a_rebuild(make_stall: MakeStall):
    stall = await turned_up(make_stall)
    hold = await stall.hold(1)
    longer = await stall.extend(hold)
    inspection = Inspection(stall.redis, stall.stock._prefix)
    again: dict[str, Any] = {"sold": {}, "taken": {}, "committed": (), "cancelled": (), "retry_seconds": 60}
    assert await inspection.rebuild(stall.event, stall.leases, **again) == (1, 0)
    await inspection.correct(stall.event, stall.leases, (), (), ())
    assert await kept(stall, hold) == longer
    assert await refused(stall.extend(hold)) == "already_extended"
    seen = await inspection.look(stall.event, stall.leases)
    assert seen.expiry == {hold.id: seen.holds[0].expires}

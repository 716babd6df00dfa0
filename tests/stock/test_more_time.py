"""More time for every hold at once: nobody's ends sooner, and nothing that is over comes back."""

from collections.abc import Awaitable, Callable

import pytest

from tests.stock.conftest import MakeStall
from tests.stock.stall import Stall, check_whole
from ticketflow.domain import Hold
from ticketflow.stock import more_time
from ticketflow.stock.scripts import source

MORE = 300


async def extend_all(stall: Stall, seconds: int = MORE) -> int:
    return await more_time.extend_all(stall.redis, stall.stock, stall.event, stall.leases, seconds)


async def gained(stall: Stall, hold: Hold) -> int:
    found = await stall.stock.find(stall.event.id, hold.id, hold.user_id)
    assert found is not None
    return round((found.expires_at - hold.expires_at).total_seconds())


def key(stall: Stall, noun: str) -> str:
    return stall.keys.stock.replace(":stock", f":{noun}")


async def ends(stall: Stall, name: str, member: str) -> float:
    return await stall.redis.zscore(name, member) or 0


async def swept_at_its_first_end(stall: Stall) -> bool:
    hold = await stall.hold(1)
    await extend_all(stall)
    swept_at = await ends(stall, key(stall, "expiry"), hold.id)
    return round(swept_at / 1e6 - hold.expires_at.timestamp()) < MORE


async def made_shorter(stall: Stall) -> bool:
    """A hold that ends later than in a day stays as it is."""
    hold = await stall.hold(1, seconds=100_000)
    await extend_all(stall)
    return await gained(stall, hold) != 0


async def without_bounds(stall: Stall) -> bool:
    hold = await stall.hold(1)
    await extend_all(stall, 86_400)
    return await gained(stall, hold) > 86_400 - 60


async def one_that_is_over_comes_back(stall: Stall) -> bool:
    hold = await stall.hold(1, seconds=0)
    return await extend_all(stall) == 1 or await gained(stall, hold) > 0


async def one_being_paid_is_swept(stall: Stall) -> bool:
    hold = await stall.hold(1)
    await stall.submit(hold, "a")
    assert await extend_all(stall) == 1
    assert await gained(stall, hold) == MORE
    return await ends(stall, key(stall, "expiry"), hold.id) > 0


async def the_turn_passed_on_meanwhile(stall: Stall) -> bool:
    """The room has made the turn longer; who holds nothing any more still has it for their account alone."""
    await stall.release(await stall.hold(1))
    lease = await ends(stall, stall.leases, "v1") + MORE * 1e6
    await stall.redis.zadd(stall.leases, {"v1": lease})
    await extend_all(stall)
    guest = str(await stall.redis.hget(key(stall, "guests"), "v1"))
    return float(guest.split()[1]) < lease


GUARDS: list[tuple[Callable[[Stall], Awaitable[bool]], str, str]] = [
    (swept_at_its_first_end, "redis.call('ZADD', EXPIRY, hold.expires, stored[i])", "local _ = 0"),
    (made_shorter, "math.max(expires, math.min(expires + more, latest))", "math.min(expires + more, latest)"),
    (without_bounds, "math.min(expires + more, latest)", "expires + more"),
    (one_that_is_over_comes_back, "or expires > now)", "or true)"),
    (one_being_paid_is_swept, "if hold.state == 'held' then", "if true then"),
    (the_turn_passed_on_meanwhile, "if lease and user", "if false and user"),
]
NAMES = [breach.__name__ for breach, _, _ in GUARDS]


async def turned_up(make_stall: MakeStall) -> Stall:
    stall = await make_stall()
    await stall.admit(1, 2)
    return stall


@pytest.mark.parametrize(("breach", "line", "instead"), GUARDS, ids=NAMES)
async def test_the_guard_holds(
    make_stall: MakeStall, breach: Callable[[Stall], Awaitable[bool]], line: str, instead: str
):
    stall = await turned_up(make_stall)
    assert not await breach(stall)


@pytest.mark.parametrize(("breach", "line", "instead"), GUARDS, ids=NAMES)
async def test_control_without_the_guard_the_breach_is_seen(
    make_stall: MakeStall,
    monkeypatch: pytest.MonkeyPatch,
    breach: Callable[[Stall], Awaitable[bool]],
    line: str,
    instead: str,
):
    text = source("extend_all")
    assert text.count(line) == 1
    monkeypatch.setattr(more_time, "source", lambda script: text.replace(line, instead))
    assert await breach(await turned_up(make_stall))


async def test_every_hold_has_more_time_and_the_stock_is_whole(make_stall: MakeStall):
    stall = await turned_up(make_stall)
    holds = [await stall.hold(1), await stall.hold(2, 2)]
    assert await extend_all(stall) == 2
    assert [await gained(stall, hold) for hold in holds] == [MORE, MORE]
    await stall.submit(holds[0], "a")
    await check_whole(stall)

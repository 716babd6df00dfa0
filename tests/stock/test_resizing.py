"""A type on sale made smaller and larger: only free units go, the highest first, and the same come back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from tests.stock.conftest import MakeStall
from tests.stock.stall import STANDING, Stall, all_at_once, check_whole, refused
from ticketflow.domain import Refusal, TicketType
from ticketflow.stock import Inspection, OtherStock, Resizing
from ticketflow.store import numbering


@dataclass
class Maker:
    """A stall whose standing places come and go."""

    stall: Stall
    resizing: Resizing

    @property
    def kind(self) -> TicketType:
        return self.stall.event.ticket_type(STANDING)

    def know(self, kind: TicketType) -> None:
        """What the database would have, from now on."""
        self.stall.event = replace(self.stall.event, ticket_types=(kind,))

    async def shrink(self, capacity: int) -> None:
        gone = await self.resizing.shrink(self.stall.event, self.stall.leases, self.kind, capacity)
        self.know(numbering.without(self.kind, gone))

    async def grow(self, capacity: int) -> None:
        before = self.kind
        after, runs = numbering.larger(before, capacity)
        self.know(after)
        await self.resizing.grow(self.stall.event, self.stall.leases, before, after, runs)


@pytest.fixture
async def make(make_stall: MakeStall) -> Callable[[int], Awaitable[Maker]]:
    async def made(capacity: int) -> Maker:
        stall = await make_stall(capacity, limit=capacity)
        await stall.admit(*range(100))
        return Maker(stall, Resizing(stall.redis, stall.stock._prefix))

    return made


Make = Callable[[int], Awaitable[Maker]]


async def test_free_units_go_from_the_top_and_come_back_from_the_gaps(make: Make):
    maker = await make(20)
    stall = maker.stall
    kept = await stall.hold(1, units=[17])
    await stall.hold(2, units=[3, 12])
    await maker.shrink(5)
    assert shape(maker) == (18, [(2, 2), (4, 11), (13, 16)])
    assert await stall.free() == {0, 1}
    assert await stored(maker, "size") == 18
    await whole(maker)
    assert await refused(stall.hold(3, 3)) == "sold_out"
    assert await refused(stall.hold(3, units=[4])) == "unit_taken"
    with pytest.raises(Refusal) as below:
        await maker.shrink(2)
    assert (below.value.code, below.value.extra) == ("below_sold", {"in_use": 3})
    await stall.release(kept)
    await maker.shrink(4)
    assert shape(maker) == (13, [(2, 2), (4, 11)])
    await maker.grow(14)
    assert shape(maker) == (14, [])
    await whole(maker)
    assert (await stall.hold(3, 12)).units


def shape(maker: Maker) -> tuple[int, list[numbering.Run]]:
    return maker.kind.size, list(maker.kind.gaps)


async def stored(maker: Maker, field: str) -> int:
    return int(await maker.stall.redis.hget(maker.stall.keys.stock, f"{field}:{STANDING}") or 0)


async def whole(maker: Maker) -> None:
    """free + held + sold = capacity, in units that there are."""
    stall, kind = maker.stall, maker.kind
    counts, free, held = await stall.counts(), await stall.free(), await stall.held()
    assert len(free) == counts.remaining[STANDING]
    assert free.isdisjoint(held)
    assert free | set(held) <= set(range(kind.size)) - set(kind.missing())
    assert len(free) + len(held) + counts.sold[STANDING] == kind.capacity == await stored(maker, "capacity")


async def test_a_rebuild_knows_the_gaps(make: Make):
    maker = await make(20)
    stall = maker.stall
    await stall.hold(1, units=[17])
    lost = await stall.hold(2, units=[15])
    await maker.shrink(6)
    # Somebody's hold of what is no unit any more, as a slip by hand leaves it.
    without_15 = numbering.without(maker.kind, [(15, 15)])
    maker.know(without_15)
    inspection = Inspection(stall.redis, stall.stock._prefix)
    kept = await inspection.rebuild(
        stall.event, stall.leases, sold={STANDING: [0]}, taken={}, committed=(), cancelled=(), retry_seconds=9
    )
    await inspection.correct(stall.event, stall.leases, (), (), ())
    assert kept == (1, 1)
    assert await refused(stall.release(lost)) == "hold_gone"
    await whole(maker)


async def test_who_holds_at_the_same_moment_keeps_what_they_have(make: Make):
    """60 holds against a capacity that goes down and up under them; what is in use never goes."""
    maker = await make(60)
    await rush(maker)
    await whole(maker)
    await check_in_use(maker)


async def rush(maker: Maker) -> None:
    async def organiser() -> None:
        for capacity in [50, 58, 40, 55, 30, 20, 44, 10]:
            change = maker.shrink if capacity < maker.kind.capacity else maker.grow
            assert await refused(change(capacity)) in (None, "below_sold")
            await asyncio.sleep(0)

    holds = all_at_once((maker.stall.hold(user) for user in range(60)), at_once=10)
    await asyncio.gather(holds, organiser())


async def check_in_use(maker: Maker) -> None:
    gone = set(maker.kind.missing()) | set(range(maker.kind.size, 60))
    assert gone.isdisjoint(await maker.stall.held())


async def test_control_without_looking_what_is_free_held_units_go(make: Make):
    maker = await make(60)
    maker.stall.without(
        "shrink", "found < wanted and is_free(unit)", "found < wanted", maker.resizing._scripts
    )
    await maker.stall.hold(1, units=[59])
    await maker.shrink(59)
    with pytest.raises(AssertionError):
        await check_in_use(maker)


async def test_control_without_counting_more_is_taken_out_than_is_free(make: Make):
    maker = await make(10)
    guards = ("if free < wanted then return {'below_sold', ask.before - free} end",)
    maker.stall.without("shrink", guards[0], "", maker.resizing._scripts)
    await maker.stall.hold(1, 8)
    # The bits are counted besides: two guards, of which the first says how many are in use.
    with pytest.raises(OtherStock):
        await maker.shrink(4)


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "control"])
@pytest.mark.parametrize(("script", "capacity"), [("shrink", 12), ("grow", 30)])
async def test_what_was_done_is_not_done_again(make: Make, script: str, capacity: int, guarded: bool):
    """An answer was lost, somebody holds, and the same is asked again; without the guard it is done twice."""
    maker = await make(20)
    if not guarded:
        guard = "if tonumber(known[2]) ~= ask.before then return {'other_stock'} end"
        maker.stall.without(script, guard, "", maker.resizing._scripts)
    change, before = getattr(maker, script), maker.kind
    await change(capacity)
    after = maker.kind
    await maker.stall.hold(1, units=[capacity - 1])
    maker.know(before)
    if guarded:
        with pytest.raises(OtherStock):
            await change(capacity)
        maker.know(after)
        await whole(maker)
        return
    await change(capacity)
    maker.know(after)
    with pytest.raises(AssertionError):
        await whole(maker)


async def test_the_limit_holds_from_the_next_hold_on(make_stall: MakeStall):
    stall = await make_stall(10)
    resizing = Resizing(stall.redis, stall.stock._prefix)
    await stall.admit(1)
    await stall.hold(1, 2)
    stall.event = replace(stall.event, per_user_limit=2)
    await resizing.limit(stall.event, stall.leases)
    assert await refused(stall.hold(1)) == "limit_exceeded"
    await check_whole(stall)

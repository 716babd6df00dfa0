"""Whatever is done in whatever order, nothing is lost, doubled or forgotten."""

from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from tests.stock.stall import SEATED, STANDING, Stall, check_whole, event_of
from ticketflow.domain import Hold, Refusal

USERS = 5
CAPACITY, SEATS, LIMIT = 11, 9, 4

users = st.integers(1, USERS)
steps = st.one_of(
    st.tuples(st.just("hold"), users, st.integers(1, 5)),
    st.tuples(st.just("seats"), users, st.lists(st.integers(0, SEATS), min_size=1, max_size=4, unique=True)),
    st.tuples(st.just("brief"), users, st.integers(1, 3)),
    st.tuples(st.just("extend"), users, st.integers(0, 30)),
    st.tuples(st.just("release"), users, st.integers(0, 30)),
    st.tuples(st.just("submit"), users, st.integers(0, 30)),
    st.tuples(st.sampled_from(["sold", "free", "held"]), users, st.integers(0, 30)),
    st.tuples(st.just("again"), users, st.integers(0, 30)),
    st.tuples(st.just("cancel"), users, st.integers(0, 30)),
    st.tuples(st.just("expire"), users, st.none()),
    st.tuples(st.just("load"), users, st.none()),
)


class Story:
    """Plays steps on a stall. Any may be refused; none may leave the stock other than whole."""

    def __init__(self, stall: Stall) -> None:
        self.stall = stall
        self.holds: list[Hold] = []
        self.bought = dict.fromkeys(range(1, USERS + 1), 0)
        self.ended: list[tuple[Any, str]] = []
        self.cancelled: set[str] = set()
        self.number = 0

    async def play(self, act: str, user: int, what: Any) -> None:
        stall = self.stall
        match act:
            case "hold":
                self.holds.append(await stall.hold(user, what))
            case "seats":
                self.holds.append(await stall.hold(user, units=what, kind=SEATED))
            case "brief":
                self.holds.append(await stall.hold(user, what, seconds=0))
            case "extend" | "release" if self.holds:
                await getattr(stall, act)(self.holds[what % len(self.holds)], user)
            case "submit" if self.holds:
                self.number += 1
                await stall.submit(self.holds[what % len(self.holds)], f"b{self.number}", user=user)
            case "sold" | "free" | "held":
                await self._settle(act, what)
            case "again" | "cancel" if self.ended:
                await self._come_back(act, *self.ended[what % len(self.ended)])
            case "expire":
                await stall.expire()
            case "load":
                assert not await stall.load()

    async def _settle(self, outcome: str, which: int) -> None:
        orders = await self.stall.orders()
        if orders:
            order = orders[which % len(orders)]
            await self.stall.settle(order, outcome)
            self.ended.append((order, outcome))
            if outcome == "sold":
                self.bought[order.user_id] += len(order.units)

    async def _come_back(self, act: str, order: Any, outcome: str) -> None:
        """Settle an order once more, or cancel one that was sold, perhaps not for the first time."""
        if act == "again":
            await self.stall.settle(order, outcome)
        elif outcome == "sold":
            assert await self.stall.unsell(order)
            if order.booking_id not in self.cancelled:
                self.bought[order.user_id] -= len(order.units)
            self.cancelled.add(order.booking_id)

    async def check(self) -> None:
        await check_whole(self.stall)
        standing = [hold for hold in self.holds if await self._stands(hold)]
        units = {(hold.ticket_type_id, unit) for hold in standing for unit in hold.units}
        seen = {(kind, unit) for kind in (STANDING, SEATED) for unit in await self.stall.held(kind)}
        assert units == seen
        for user in range(1, USERS + 1):
            mine = sum(len(hold.units) for hold in standing if hold.user_id == user)
            assert await self.stall.taken(user) == mine + self.bought[user] <= LIMIT

    async def _stands(self, hold: Hold) -> bool:
        return await self.stall.stock.find(self.stall.event.id, hold.id, hold.user_id) is not None


@given(script=st.lists(steps, max_size=30))
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_after_any_sequence_free_held_and_sold_are_the_capacity(
    redis: Redis, prefix: str, script: list[tuple[str, int, Any]]
):
    stall = Stall(redis, f"{prefix}{uuid4().hex[:8]}:", event_of(CAPACITY, SEATS, limit=LIMIT))
    await stall.load()
    await stall.admit(*range(1, USERS))  # the last has no lease
    story = Story(stall)
    version = (await stall.counts()).version
    for act, user, what in script:
        try:
            await story.play(act, user, what)
        except Refusal as refusal:
            if refusal.code == "sold_out":
                assert len(await stall.free()) < what, "told sold out, and enough were free"
            assert (await stall.counts()).version == version, "a refused step has changed something"
        assert (await stall.counts()).version in (version, version + 1)
        version = (await stall.counts()).version
        await story.check()

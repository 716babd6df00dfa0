"""DESIGN 9.7 and 9.8 over a run with four ticking processes, of which one is killed and one sleeps."""

import asyncio
import os

import pytest

from waiting_room import Mode, RoomPolicy

from .storm import Storm, tickers, troubles
from .ticker import room_of

SOAK = bool(os.environ.get("TICKETFLOW_SOAK_STEPS"))


async def weather(storm: Storm, url: str, prefix: str, log, fans: int, watched: int, stopped: float) -> None:
    """Run the storm until the last fan is through."""
    policy = storm.policy
    await storm.room.ensure(policy, epoch=1)
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(storm.watch.run(ready))
        await ready.wait()
        with tickers(url, prefix, storm.room.name, log) as processes:
            await storm.fill(fans, watched)
            planned = troubles(storm, processes, policy.rate_per_minute, policy.max_active, stopped)
            while not all(fan.over for fan in storm.fans.values()):
                await storm.live()
                share = sum(fan.over for fan in storm.fans.values()) / fans
                while planned and planned[0][0] <= share:
                    await planned.pop(0)[1]()
                await asyncio.sleep(0.1)
            assert processes[0].poll() == -9
            assert all(process.poll() is None for process in processes[1:])
        watching.cancel()
    assert not planned


def check(storm: Storm, fans: int) -> None:
    ledger, watch = storm.ledger, storm.watch
    busiest = ledger.check_rate()
    stayed = ledger.check_order(
        {fan.visitor: fan.order for fan in storm.fans.values()},
        {fan.visitor for fan in storm.fans.values() if fan.does != "stay"},
    )
    left = sum(fan.does == "leave" for fan in storm.fans.values())
    came_back = sum(fan.back for fan in storm.fans.values())
    print(
        f"\n{fans} fans, {left} left, {came_back} came back, {len(ledger.calls)} calls; busiest minute"
        f" {busiest}; {stayed} stayed and were called in order; places compared with and without a map:"
        f" {watch.compared[True]} and {watch.compared[False]}, furthest off {watch.worst[True]:.2f} and"
        f" {watch.worst[False]:.2f} of what is allowed ({watch.worst_with_returns[True]:.2f} and"
        f" {watch.worst_with_returns[False]:.2f} counting who came back in front)"
    )
    assert stayed == fans - left - sum(fan.does in ("no_show", "wander") for fan in storm.fans.values())
    assert left == pytest.approx(fans * 0.4, rel=0.1)
    assert came_back > fans / 200
    assert watch.compared[True] > 500
    assert watch.worst[True] <= 1


async def test_a_storm(redis, redis_url, prefix, tmp_path):
    policy = RoomPolicy(
        Mode.OPEN, 9_000, 400, claim_seconds=3, lease_seconds=60, away_seconds=2, tick_seconds=0.25
    )
    storm = Storm(redis, room_of(redis, prefix, "storm"), policy, patience=12)
    await weather(storm, redis_url, prefix, tmp_path / "tickers.log", fans=2_000, watched=100, stopped=2)
    check(storm, 2_000)


@pytest.mark.skipif(not SOAK, reason="takes minutes: make soak")
@pytest.mark.timeout(1_800)
async def test_a_storm_of_20_000(redis, redis_url, prefix, tmp_path):
    policy = RoomPolicy(Mode.OPEN, 9_000, 1_000, claim_seconds=10, lease_seconds=120, away_seconds=5)
    storm = Storm(redis, room_of(redis, prefix, "storm"), policy, patience=90)
    await weather(storm, redis_url, prefix, tmp_path / "tickers.log", fans=20_000, watched=200, stopped=10)
    check(storm, 20_000)

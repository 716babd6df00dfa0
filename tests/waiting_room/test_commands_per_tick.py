"""What a tick asks of Redis does not grow with the line. `make bench` counts the same with a million."""

import pytest

from bench.line import bytes_in_redis, commands_of_a_tick, room_with

from .support import take_out

FEW, MANY = 1_000, 20_000


@pytest.fixture
async def rooms(redis, prefix):
    """Two rooms that call 60 in a tick, one with a line twenty times as long."""
    few = await room_with(redis, f"{prefix}few", FEW, rate_per_minute=6_000)
    many = await room_with(redis, f"{prefix}many", MANY, rate_per_minute=6_000)
    # The first tick brings its script with it.
    await few.tick()
    return few, many


async def test_a_tick_is_as_many_commands_for_20000_as_for_1000(redis, rooms):
    few, many = [await commands_of_a_tick(redis, room) for room in rooms]
    assert few == many
    # The tick itself, and once a second what its pilots have measured.
    assert few["evalsha"] == 2
    assert few["publish"] == few["zadd"] == 1
    assert few["zrange"] > 1_000


async def test_control_a_ladder_that_ends_with_the_line_is_seen(redis, rooms):
    for room in rooms:
        take_out(redis, room, "tick", "while rank < LADDER_TOP do", "while rank < last do")
        await room.tick()
    few, many = [await commands_of_a_tick(redis, room) for room in rooms]
    assert few["zrange"] < many["zrange"]


async def test_a_fan_in_line_is_at_most_140_bytes_even_away(redis, rooms):
    few, many = [await bytes_in_redis(redis, room) for room in rooms]
    assert few["away"] > 0
    assert sum(many.values()) / MANY <= 140

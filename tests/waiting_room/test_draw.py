import hashlib
import hmac
import time

import pytest

from waiting_room import Mode, State
from waiting_room.draw import commitment, draw_number

from .support import travel


def test_the_draw_is_the_first_50_bits_of_the_hmac():
    bits = f"{int(hmac.new(b'seed', b'visitor', hashlib.sha256).hexdigest(), 16):0256b}"
    assert draw_number(b"seed", "visitor") == int(bits[:50], 2)


def test_every_draw_is_below_every_arrival():
    draws = [draw_number(b"seed", str(n)) for n in range(1_000)]
    assert 0 <= min(draws) <= max(draws) < 2**50 < time.time() * 1_000_000


def chi_square(numbers: list[int]) -> float:
    """How far numbers below 2^50 are from being evenly spread over ten deciles."""
    deciles = [0] * 10
    for number in numbers:
        deciles[number * 10 // 2**50] += 1
    even = len(numbers) / 10
    return sum((count - even) ** 2 / even for count in deciles)


# Nine degrees of freedom: a fair draw stays below this but once in a thousand seeds, and these are fixed.
CRITICAL = 27.88


@pytest.mark.parametrize("seed", [b"seed", b"", bytes(32), b"\xff" * 32], ids=range(4))
def test_a_hundred_thousand_draws_are_even(seed):
    assert chi_square([draw_number(seed, f"visitor {n}") for n in range(100_000)]) < CRITICAL


def test_control_a_draw_that_favours_some_is_seen():
    """One in a hundred is moved to the first decile."""
    numbers = [draw_number(b"seed", f"visitor {n}") for n in range(100_000)]
    assert chi_square([n // 10 if i % 100 == 0 else n for i, n in enumerate(numbers)]) > CRITICAL


def correlation(first: list[int], second: list[int]) -> float:
    """Spearman's: 1 if both rank alike, 0 if one says nothing about the other. No two values are equal."""
    ranks = [{value: rank for rank, value in enumerate(sorted(values))} for values in (first, second)]
    apart = sum((ranks[0][a] - ranks[1][b]) ** 2 for a, b in zip(first, second, strict=True))
    return 1 - 6 * apart / (len(first) * (len(first) ** 2 - 1))


async def joined_one_by_one(room, count):
    return [(await room.join()).order for _ in range(count)]


async def test_a_late_joiner_in_the_lobby_has_the_same_chance(make_room):
    room = await make_room(mode=Mode.LOBBY, rate_per_minute=0)
    orders = await joined_one_by_one(room, 600)
    # Its deviation is 1/sqrt(599): a fair draw stays within five of them but once in two million runs.
    assert abs(correlation(list(range(600)), orders)) < 5 / 599**0.5
    await room.steer(mode=Mode.OPEN)
    later = await joined_one_by_one(room, 100)
    assert max(orders) < min(later)
    assert later == sorted(later)


async def test_control_first_come_first_served_would_be_seen(make_room):
    orders = await joined_one_by_one(await make_room(rate_per_minute=0), 600)
    assert correlation(list(range(600)), orders) == 1


def test_the_commitment_is_the_seeds_hash():
    assert commitment(b"seed") == hashlib.sha256(b"seed").hexdigest()


async def test_the_lobby_draws_and_tells_no_place(make_room):
    room = await make_room(mode=Mode.LOBBY)
    standing = await room.join()
    assert standing.state is State.LOBBY
    assert standing.order == draw_number(b"seed", standing.visitor)
    assert (standing.place, standing.ahead, standing.wait_seconds) == (None, None, None)


async def test_leaving_the_lobby_and_coming_back_draws_no_other_number(make_room):
    room = await make_room(mode=Mode.LOBBY)
    first = await room.join()
    await room.leave(first.ticket)
    assert (await room.look(first.ticket)).state is State.LEFT
    again = await room.join(first.ticket)
    assert (again.order, again.new) == (first.order, True)


async def test_at_opens_at_the_tick_opens_and_nothing_moves(redis, make_room):
    opens_at = int(time.time() * 1_000_000) + 3_600_000_000
    room = await make_room(mode=Mode.LOBBY, opens_at=opens_at, rate_per_minute=0)
    fans = [await room.join() for _ in range(20)]
    before = await redis.zrange(room.keys.waiting, 0, -1, withscores=True)
    assert (await room.tick()).mode is Mode.LOBBY
    await travel(redis, room, 3_601)
    assert (await room.tick()).mode is Mode.OPEN
    assert await redis.zrange(room.keys.waiting, 0, -1, withscores=True) == before
    late = await room.join()
    assert late.place == 21
    fans.sort(key=lambda fan: fan.order)
    assert [(await room.look(fan.ticket)).place for fan in fans] == list(range(1, 21))


async def test_a_lobby_shut_again_by_hand_lets_nobody_draw_ahead(make_room):
    room = await make_room(rate_per_minute=0)
    waiting = await room.join()
    await room.steer(mode=Mode.LOBBY)
    assert (await room.join()).order > waiting.order

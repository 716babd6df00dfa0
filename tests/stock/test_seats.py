"""One look at the seats: free, held or sold, all of one moment."""

import pytest
from redis.asyncio import Redis

from tests.stock.conftest import MakeStall
from tests.stock.stall import SEATED, Stall, event_of
from ticketflow.domain import Refusal

SEATS = 11


def units(bits: bytes) -> set[int]:
    return {unit for unit in range(len(bits) * 8) if bits[unit // 8] & 0x80 >> unit % 8}


async def seen(stall: Stall) -> tuple[set[int], set[int]]:
    """The seats that are free and those that are held; also checks what the view says of its moment."""
    seats, counts = await stall.stock.seats(stall.event), await stall.counts()
    assert (seats.epoch, seats.version) == (counts.epoch, counts.version)
    assert set(seats.free) == set(seats.held) == {SEATED}
    return units(seats.free[SEATED]), units(seats.held[SEATED])


async def test_a_seat_is_free_then_held_then_sold(make_stall: MakeStall):
    stall = await make_stall(20, SEATS)
    everything = set(range(SEATS))
    await stall.admit(1, 2)
    assert await seen(stall) == (everything, set())
    first = await stall.hold(1, units=[0, 10], kind=SEATED)
    await stall.hold(2, 3)  # standing: of no interest here
    assert await seen(stall) == (everything - {0, 10}, {0, 10})
    await stall.submit(first, "b")
    assert await seen(stall) == (everything - {0, 10}, {0, 10})
    await stall.settle(await stall.order(), "sold")
    second = await stall.hold(2, units=[3], kind=SEATED)
    assert await seen(stall) == (everything - {0, 3, 10}, {3})
    await stall.release(second)
    assert await seen(stall) == (everything - {0, 10}, set())
    assert (await stall.stock.seats(stall.event)).is_free(SEATED, 3)
    assert not (await stall.stock.seats(stall.event)).is_free(SEATED, 10)


async def test_seats_of_stock_that_is_not_here_are_not_told(redis: Redis, prefix: str):
    stall = Stall(redis, prefix, event_of(1, SEATS))
    with pytest.raises(Refusal) as refusal:
        await stall.stock.seats(stall.event)
    assert refusal.value.code == "not_ready"


async def test_the_last_seats_of_a_type_whose_string_is_short(make_stall: MakeStall):
    """Redis keeps a string as long as its highest bit that was ever set; what lies beyond is not free."""
    stall = await make_stall(1, SEATS)
    await stall.redis.set(stall.keys.units(SEATED), b"\x80")
    assert units((await stall.stock.seats(stall.event)).free[SEATED]) == {0}

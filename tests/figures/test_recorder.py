"""The recorder: each second once, whoever many workers there are, and each minute once, whoever dies."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from tests.house import Sale, make_sale
from ticketflow.clients import Stores, open_stores
from ticketflow.domain import from_micros
from ticketflow.figures.history import History
from ticketflow.figures.recorder import Recorder
from ticketflow.figures.samples import Samples
from ticketflow.settings import Settings
from ticketflow.store import minutes
from ticketflow.store.minutes import SERIES, Sample
from ticketflow.worker import Background
from waiting_room import Mode

NOW = 1_795_951_200
"""A whole minute."""


@pytest.fixture
async def stores(settings: Settings) -> AsyncIterator[Stores]:
    async with open_stores(settings) as opened:
        yield opened


@pytest.fixture
async def sale(settings: Settings) -> Sale:
    return await make_sale(settings, rate_per_minute=0)


async def recorder(settings: Settings, stores: Stores) -> tuple[Recorder, Background]:
    """One of a worker of its own."""
    background = Background(settings, stores)
    await background.catalogue.load()
    for event in background.catalogue.all():
        await background.keeper.prepare(event)
    made = Recorder(
        redis=stores.redis,
        database=stores.database,
        readings=background.readings,
        samples=background.samples,
        events=background.catalogue.all,
    )
    return made, background


def sample_of(**figures: int) -> Sample:
    return tuple(figures.get(name) for name in SERIES)


async def test_two_workers_record_each_second_once(settings: Settings, stores: Stores, sale: Sale):
    (one, house), (other, _) = [await recorder(settings, stores) for _ in range(2)]
    room = await house.rooms.of(sale.event_id)
    for second in range(5):
        await room.join()
        at = from_micros((NOW + second) * 1_000_000)
        await asyncio.gather(one.record(at), other.record(at))
        await other.record(at)
    found = await house.samples.between(sale.event_id, NOW, NOW + 100)
    waiting, joins = SERIES.index("waiting"), SERIES.index("joins")
    assert [(second - NOW, taken[waiting], taken[joins]) for second, taken in found.items()] == [
        (second, second + 1, second + 1) for second in range(5)
    ]


async def test_control_a_stream_that_numbers_by_itself_has_seconds_twice(
    settings: Settings, stores: Stores, sale: Sale, monkeypatch: pytest.MonkeyPatch
):
    xadd = stores.redis.xadd
    monkeypatch.setattr(stores.redis, "xadd", lambda key, fields, id, minid: xadd(key, fields))
    (one, house), (other, _) = [await recorder(settings, stores) for _ in range(2)]
    at = from_micros(NOW * 1_000_000)
    await asyncio.gather(one.record(at), other.record(at))
    assert await stores.redis.xlen(house.samples.key(sale.event_id)) == 2


async def test_what_is_not_under_way_is_not_recorded(settings: Settings, stores: Stores):
    later = await make_sale(settings, mode="lobby", sale_starts_in=timedelta(hours=1))
    made, house = await recorder(settings, stores)
    await made.record(await house.stock.time())
    assert await house.samples.last(later.event_id) is None
    room = await house.rooms.of(later.event_id)
    await room.steer(mode=Mode.OPEN, rate_per_minute=0)
    await room.join()
    await made.record(await house.stock.time())
    assert await house.samples.last(later.event_id) is not None
    # Closed, it is watched until the last one is gone.
    await room.steer(mode=Mode.CLOSED)
    at = await house.stock.time() + timedelta(seconds=1)
    await made.record(at)
    assert (await house.samples.last(later.event_id) or (0,))[0] == int(at.timestamp())


async def test_a_minute_is_its_last_second_and_written_once(settings: Settings, stores: Stores, sale: Sale):
    """Also those that a worker that died has left in the stream; and one that is there stays as it is."""
    (one, house), (other, _) = [await recorder(settings, stores) for _ in range(2)]
    samples, minute = house.samples, NOW // 60
    for second, waiting in ((0, 5), (59, 7), (60, 8), (200, 9), (240, 11)):
        assert await samples.add(sale.event_id, NOW + second, sample_of(waiting=waiting))
    await minutes.write(stores.database, sale.event_id, {minute: sample_of(waiting=1)})
    ends = minute + 4
    await asyncio.gather(one.write_minutes(sale.event_id, ends), other.write_minutes(sale.event_id, ends))
    await other.write_minutes(sale.event_id, ends)
    found = await minutes.between(stores.database, sale.event_id, minute - 9, minute + 9)
    assert found == {
        number: sample_of(waiting=waiting)
        for number, waiting in ((minute, 1), (minute + 1, 8), (minute + 3, 9))
    }


async def test_charts_are_the_same_from_seconds_and_from_minutes(
    stores: Stores, sale: Sale, settings: Settings
):
    samples = Samples(stores.redis, settings.redis_prefix)
    history = History(stores.database, samples)
    start = NOW - 3600
    for second, joins in (
        (start + 58, 4),
        (start + 59, 6),
        (start + 60, 9),
        (start + 61, 9),
        (start + 63, 15),
    ):
        await samples.add(sale.event_id, second, sample_of(joins=joins, waiting=joins))
    by_second = await history.series(sale.event_id, minutes=1, step=1, now=start + 64)
    assert by_second["at"] == list(range(start + 4, start + 64))
    assert by_second["series"]["waiting"][-7:] == [None, 4, 6, 9, 9, None, 15]
    assert by_second["series"]["joins"][-7:] == [None, None, 2, 3, 0, None, None]
    # Not written yet, and of the minute at hand what there is of it.
    for _ in range(2):
        by_minute = await history.series(sale.event_id, minutes=3, step=60, now=start + 64)
        assert by_minute["at"] == [start - 60, start, start + 60]
        assert by_minute["series"]["waiting"] == [None, 6, 15]
        # The first minute there is begins from nothing.
        assert by_minute["series"]["joins"] == [None, 6, 9]
        await minutes.write(stores.database, sale.event_id, {start // 60: sample_of(joins=6, waiting=6)})


async def test_a_total_that_redis_lost_a_little_of_is_no_step_back(
    stores: Stores, sale: Sale, settings: Settings
):
    samples = Samples(stores.redis, settings.redis_prefix)
    for second, joins in ((NOW, 10), (NOW + 1, 8), (NOW + 2, 9)):
        await samples.add(sale.event_id, second, sample_of(joins=joins))
    told = await History(stores.database, samples).series(sale.event_id, minutes=1, step=1, now=NOW + 3)
    assert told["series"]["joins"][-2:] == [0, 1]


async def test_minutes_of_long_ago_are_forgotten(settings: Settings, stores: Stores, sale: Sale):
    made, house = await recorder(settings, stores)
    await minutes.write(
        stores.database, sale.event_id, {NOW // 60 + day * 1440: sample_of(waiting=1) for day in range(3)}
    )
    event = house.catalogue.find(sale.event_id)
    assert event is not None
    await made.forget(event.starts_at + timedelta(days=399))
    assert await minutes.last(stores.database, sale.event_id) == NOW // 60 + 2 * 1440
    await made.forget(event.starts_at + timedelta(days=401))
    assert await minutes.last(stores.database, sale.event_id) is None


async def test_the_stream_ends_by_itself(redis: Redis, settings: Settings):
    samples = Samples(redis, settings.redis_prefix)
    await samples.add(7, NOW, sample_of(waiting=1))
    assert 3600 < await redis.ttl(samples.key(7)) <= 3900

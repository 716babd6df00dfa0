"""Ten booking requests a minute a user, at both doors and to the last one."""

import asyncio
import secrets
from dataclasses import replace
from typing import Any

from redis.asyncio import Redis

from tests.api.support import desk_line, services
from tests.house import Sale, Visitor, in_process, make_sale
from tests.stock.stall import all_at_once, refused
from ticketflow.booking.brake import Brake
from ticketflow.domain import Refusal
from ticketflow.settings import Settings

NO_HOLD = "0" * 32
"""What stands in the id of a hold that nobody has."""


async def sooner(redis: Redis, prefix: str, seconds: float) -> None:
    """Let what user 1 asked for have happened that much earlier."""
    key = f"{prefix}:brake:1"
    moments: list[Any] = await redis.lrange(key, 0, -1)
    for position, moment in enumerate(moments):
        at, booking = moment.split()
        await redis.lset(key, position, f"{int(at) - round(seconds * 1_000_000)} {booking}")


async def press(brake: Brake, user_id: int) -> None:
    """Ask for a booking that is new."""
    await brake.press(user_id, secrets.token_hex(16))


async def test_in_no_minute_do_more_than_the_limit_pass(redis: Redis, prefix: str):
    brake = Brake(redis, prefix, 10)
    for _ in range(5):
        await press(brake, 1)
    await sooner(redis, prefix, 30)
    for _ in range(5):
        await press(brake, 1)
    assert await refused(press(brake, 1)) == "too_many_requests"
    # 31 seconds later the first five are over a minute old, and no more than five may pass.
    await sooner(redis, prefix, 31)
    for _ in range(5):
        await press(brake, 1)
    assert await refused(press(brake, 1)) == "too_many_requests"
    assert await refused(press(brake, 2)) is None


async def test_the_wait_it_names_is_long_enough_and_not_longer(redis: Redis, prefix: str):
    brake = Brake(redis, prefix, 1)
    await press(brake, 1)
    await sooner(redis, prefix, 20)
    try:
        await press(brake, 1)
        raise AssertionError("it was let through")
    except Refusal as refusal:
        wait = refusal.extra["retry_after"]
    assert 35 < wait <= 40
    await sooner(redis, prefix, wait)
    await press(brake, 1)


async def test_what_is_refused_does_not_count(redis: Redis, prefix: str):
    brake = Brake(redis, prefix, 2)
    results = await all_at_once(press(brake, 1) for _ in range(100))
    assert results.count(None) == 2
    await sooner(redis, prefix, 60)
    assert await refused(press(brake, 1)) is None


async def test_memory_is_given_back_after_a_minute(redis: Redis, prefix: str):
    brake = Brake(redis, prefix, 10)
    await all_at_once(press(brake, 1) for _ in range(50))
    assert await redis.llen(f"{prefix}:brake:1") == 10
    assert 59_000 < await redis.pttl(f"{prefix}:brake:1") <= 60_000


async def ready(fan: Visitor, sale: Sale) -> str:
    await fan.register()
    await fan.come_in(sale)
    return str((await fan.hold(sale)).json()["id"])


async def test_the_eleventh_request_is_refused_at_both_doors(settings: Settings):
    settings = replace(settings, bookings_per_minute=10)
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan, house.visitor() as other:
        hold_id = await ready(fan, sale)
        async with desk_line(house, sale, fan) as line:
            for _ in range(5):
                assert (await fan.book(f"{sale.event_id}-{NO_HOLD}")).status_code == 410
                gone = await line.ask("book", hold_id=f"{sale.event_id}-{NO_HOLD}")
                assert (gone["status"], gone["body"]["code"]) == (410, "hold_expired")
            by_http = await fan.book(hold_id)
            assert (by_http.status_code, by_http.json()["code"]) == (429, "too_many_requests")
            assert 0 < int(by_http.headers["Retry-After"]) <= 60
            by_socket = await line.ask("book", hold_id=hold_id)
            assert (by_socket["status"], by_socket["body"]["code"]) == (429, "too_many_requests")
            assert 0 < by_socket["body"]["retry_after"] <= 60
        one_step = await fan.post("/api/bookings", json={"event_id": sale.event_id, "quantity": 1})
        assert one_step.status_code == 429
        # The tickets stay held, and nobody else is braked.
        assert (await fan.delete(f"/api/holds/{hold_id}")).status_code == 204
        assert (await other.book(await ready(other, sale))).status_code == 201


async def test_of_a_burst_through_both_doors_ten_pass(settings: Settings):
    settings = replace(settings, bookings_per_minute=10)
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        await ready(fan, sale)
        async with desk_line(house, sale, fan) as line:
            by_http = asyncio.gather(*(fan.book(f"{sale.event_id}-{NO_HOLD}") for _ in range(40)))
            by_socket = [await line.ask("book", hold_id=f"{sale.event_id}-{NO_HOLD}") for _ in range(20)]
            statuses = [answer.status_code for answer in await by_http]
        statuses += [reply["status"] for reply in by_socket]
        assert statuses.count(410) == 10
        assert statuses.count(429) == 50


async def test_a_booking_asked_for_again_counts_once(redis: Redis, prefix: str):
    brake = Brake(redis, prefix, 2)
    assert await all_at_once(brake.press(1, "a") for _ in range(100)) == [None] * 100
    await brake.press(1, "b")
    assert await refused(brake.press(1, "c")) == "too_many_requests"
    await brake.press(1, "a")
    assert await refused(brake.press(2, "c")) is None


async def test_a_key_sent_1000_times_is_answered_1000_times_and_leaves_room_for_others(settings: Settings):
    settings = replace(settings, bookings_per_minute=2)
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        hold_id = await ready(fan, sale)
        answers = []
        for _ in range(10):
            answers += await asyncio.gather(*(fan.book(hold_id, key="k") for _ in range(100)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1
        for gone in (410, 429):
            assert (await fan.book(f"{sale.event_id}-{NO_HOLD}")).status_code == gone


async def test_a_key_the_brake_has_forgotten_is_known_and_a_new_one_is_braked(settings: Settings):
    settings = replace(settings, bookings_per_minute=1)
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        hold_id = await ready(fan, sale)
        first = await fan.book(hold_id, key="k")
        redis, key = services(house).redis, f"{house.settings.redis_prefix}:brake"
        (brake,) = [name async for name in redis.scan_iter(f"{key}:*")]
        await redis.lset(brake, 0, str(await redis.lindex(brake, 0)).split()[0] + " another")
        again = await fan.book(hold_id, key="k")
        assert (again.status_code, again.json()) == (201, first.json()), again.text
        other = await fan.book(f"{sale.event_id}-{NO_HOLD}", key="k")
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
        assert (await fan.book(f"{sale.event_id}-{NO_HOLD}", key="new")).status_code == 429

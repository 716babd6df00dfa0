"""Back-pressure and patience: a full stream says so at once, and who will not wait is told where to look."""

from dataclasses import replace

import pytest

from tests.api.support import desk_line
from tests.booking.support import services, stock_is, web_only, working
from tests.house import eventually, make_sale
from ticketflow.settings import Settings


async def test_a_full_stream_answers_503_and_the_hold_stays(settings: Settings):
    settings = replace(settings, stream_limit=1)
    sale = await make_sale(settings)
    async with web_only(settings) as house, house.visitor() as first, house.visitor() as second:
        holds = []
        for fan in (first, second):
            await fan.register()
            await fan.come_in(sale)
            holds.append((await fan.hold(sale)).json())
        assert (await first.book(holds[0]["id"], prefer="wait=0")).status_code == 202
        busy = await second.book(holds[1]["id"], key="k", prefer="wait=0")
        assert (busy.status_code, busy.json()["code"]) == (503, "busy")
        assert int(busy.headers["Retry-After"]) > 0
        async with desk_line(house, sale, second) as line:
            reply = await line.ask("book", hold_id=holds[1]["id"], key="k")
            assert (reply["status"], reply["body"]["code"]) == (503, "busy")
            assert reply["body"]["retry_after"] > 0
        await stock_is(house, sale, free=498, held=2, sold=0)
        async with working(settings):

            async def let_through() -> bool:
                return (await second.book(holds[1]["id"], key="k")).status_code == 201

            await eventually(let_through)
            await stock_is(house, sale, free=498, held=0, sold=2)


async def test_in_one_step_a_full_stream_leaves_nothing_held(settings: Settings):
    settings = replace(settings, stream_limit=1)
    sale = await make_sale(settings)
    async with web_only(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        body = {"event_id": sale.event_id, "quantity": 2}
        headers = {"Prefer": "wait=0"}
        assert (await fan.post("/api/bookings", json=body, headers=headers)).status_code == 202
        busy = await fan.post("/api/bookings", json=body, headers=headers)
        assert (busy.status_code, busy.json()["code"]) == (503, "busy")
        await stock_is(house, sale, free=498, held=2, sold=0)


@pytest.mark.parametrize("prefer", ["wait=0", "respond-async, wait=0", "wait=0; foo"])
async def test_who_will_not_wait_gets_a_place_to_look(settings: Settings, prefer: str):
    sale = await make_sale(settings)
    async with web_only(settings) as house, house.visitor() as fan, house.visitor() as other:
        await fan.register()
        await other.register()
        await fan.come_in(sale)
        accepted = await fan.book((await fan.hold(sale)).json()["id"], prefer=prefer)
        assert (accepted.status_code, accepted.json()["status"]) == (202, "processing")
        where = accepted.headers["Location"]
        assert where == f"/api/bookings/{accepted.json()['id']}"
        assert (await fan.get(where)).json()["status"] == "processing"
        assert (await other.get(where)).status_code == 404
        assert (await fan.delete(f"/api/holds/{sale.event_id}-x")).status_code == 404


async def test_a_hold_that_is_paid_cannot_be_given_back(settings: Settings):
    sale = await make_sale(settings)
    async with web_only(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        hold = (await fan.hold(sale)).json()
        await fan.book(hold["id"], prefer="wait=0")
        refused = await fan.delete(f"/api/holds/{hold['id']}")
        assert (refused.status_code, refused.json()["code"]) == (409, "hold_in_use")
        await stock_is(house, sale, free=499, held=1, sold=0)


async def test_without_stock_in_redis_the_desk_says_try_again(settings: Settings):
    sale = await make_sale(settings)
    async with web_only(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        found = services(house)
        await found.redis.delete(found.stock.keys(sale.event_id).stock)
        answer = await fan.hold(sale)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert int(answer.headers["Retry-After"]) > 0

"""More time for a hold, once, over both doors; and who is told what."""

from datetime import datetime
from typing import Any

import pytest

from tests.api.support import check_problem, desk_line, is_problem, open_sale, services
from tests.house import House, Sale, Visitor

pytestmark = pytest.mark.asyncio(loop_scope="package")


def seconds_between(first: dict[str, Any], second: dict[str, Any]) -> float:
    ends = [datetime.fromisoformat(hold["expires_at"]) for hold in (first, second)]
    return (ends[1] - ends[0]).total_seconds()


async def test_more_time_once_over_http(house: House, sale: Sale, fan: Visitor):
    held = (await fan.hold(sale, 2)).json()
    answer = await fan.post(f"/api/holds/{held['id']}/extend")
    extended = answer.json()
    assert (answer.status_code, held["extended"], extended["extended"]) == (200, False, True)
    assert seconds_between(held, extended) == house.settings.hold_extension_seconds
    assert extended == {**held, "extended": True, "expires_at": extended["expires_at"]}
    is_problem(await fan.post(f"/api/holds/{held['id']}/extend"), 409, "already_extended")


async def test_more_time_once_over_the_socket(house: House, sale: Sale, fan: Visitor):
    held = (await fan.hold(sale)).json()
    async with desk_line(house, sale, fan) as line:
        reply = await line.ask("extend", hold_id=held["id"])
        assert (reply["status"], reply["body"]["extended"]) == (200, True)
        again = await line.ask("extend", hold_id=held["id"])
        check_problem(again["body"], 409, "already_extended")
        check_problem((await line.ask("extend"))["body"], 422, "invalid_request")


async def test_no_more_time_for_what_is_gone_and_what_is_anothers(house: House, sale: Sale, fan: Visitor):
    held = (await fan.hold(sale)).json()
    async with house.visitor() as other:
        await other.register()
        is_problem(await other.post(f"/api/holds/{held['id']}/extend"), 404, "not_found")
    await fan.delete(f"/api/holds/{held['id']}")
    for gone in (held["id"], f"{sale.event_id}-{'0' * 32}", "no-such-hold"):
        is_problem(await fan.post(f"/api/holds/{gone}/extend"), 410, "hold_expired")


async def test_a_sale_that_is_closed_gives_no_more_time(house: House):
    sale = await open_sale(house)
    async with house.visitor() as fan, house.visitor() as organiser:
        await fan.register()
        await fan.come_in(sale)
        held = (await fan.hold(sale)).json()
        await organiser.sign_in(sale.organiser_email)
        room = f"/api/organiser/events/{sale.event_id}/room"
        assert (await organiser.patch(room, json={"mode": "closed"})).status_code == 200
        await services(house).hub.refresh()
        is_problem(await fan.post(f"/api/holds/{held['id']}/extend"), 409, "sale_closed")
        assert (await fan.book(held["id"])).status_code == 201

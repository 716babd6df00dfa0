"""The seat map's numbers: the plan once, the state for many, and a frame to who watches."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.api.support import BALCONY, STANDING, desk_line, is_problem, open_sale, services
from tests.house import House, Sale, Visitor, eventually
from ticketflow.store.events import NewTicketType, Seat
from ticketflow.web import counter

pytestmark = pytest.mark.asyncio(loop_scope="package")

# Rows of odd lengths: who takes units as they come takes two of different rows.
SHORT_ROWS = NewTicketType(
    "Hall", 4000, 45, [Seat("Hall", str(row), seat) for row in range(1, 10) for seat in range(1, 6)]
)


@pytest_asyncio.fixture(loop_scope="package")
async def seated(house: House) -> Sale:
    return await open_sale(house, types=[STANDING, BALCONY])


@pytest_asyncio.fixture(loop_scope="package")
async def fan(house: House, seated: Sale) -> AsyncIterator[Visitor]:
    """Somebody who has been let in to the seated sale."""
    async with house.visitor() as visitor:
        await visitor.register()
        await visitor.come_in(seated)
        yield visitor


def units(view: dict[str, Any], kind: str, type_id: int) -> list[int]:
    """The units whose bit is set, as a client reads them."""
    bits = "".join(f"{byte:08b}" for byte in b64decode(view[kind][str(type_id)]))
    return [unit for unit, bit in enumerate(bits) if bit == "1"]


async def test_the_plan_has_the_rows_and_is_asked_for_once(house: House, seated: Sale):
    async with house.visitor() as anybody:
        answer = await anybody.get(f"/api/events/{seated.event_id}/seats/plan")
        assert answer.json() == [
            {
                "ticket_type_id": seated.type_ids[1],
                "rows": [{"section": "Balcony", "row": "A", "first": 0, "numbers": [1, 2, 3, 4, 5, 6]}],
            }
        ]
        assert "max-age" in answer.headers["Cache-Control"]
        again = {"If-None-Match": answer.headers["ETag"]}
        assert (
            await anybody.get(f"/api/events/{seated.event_id}/seats/plan", headers=again)
        ).status_code == 304


async def test_the_state_tells_free_held_and_sold(house: House, seated: Sale, fan: Visitor):
    path, kind = f"/api/events/{seated.event_id}/seats/state", seated.type_ids[1]
    holds = f"/api/events/{seated.event_id}/holds"
    before = await fan.get(path)
    assert units(before.json(), "free", kind) == [0, 1, 2, 3, 4, 5]
    hold = (await fan.post(holds, json={"ticket_type_id": kind, "units": [2, 3]})).json()

    async def state() -> tuple[list[int], list[int]]:
        view = (await fan.get(path)).json()
        return units(view, "free", kind), units(view, "held", kind)

    async def held() -> bool:
        return await state() == ([0, 1, 4, 5], [2, 3])

    async def sold() -> bool:
        return await state() == ([0, 1, 4, 5], [])

    await eventually(held)
    assert (await fan.book(hold["id"])).status_code == 201
    await eventually(sold)
    tag = before.headers["ETag"]
    assert (await fan.get(path, headers={"If-None-Match": tag})).status_code == 200
    now = (await fan.get(path)).headers["ETag"]
    assert (await fan.get(path, headers={"If-None-Match": now})).status_code == 304


async def test_a_sale_without_seats_has_an_empty_plan(house: House, sale: Sale):
    async with house.visitor() as anybody:
        assert (await anybody.get(f"/api/events/{sale.event_id}/seats/plan")).json() == []
        assert (await anybody.get(f"/api/events/{sale.event_id}/seats/state")).json()["free"] == {}


async def test_who_watches_is_told_of_each_change(house: House, seated: Sale, fan: Visitor):
    kind = seated.type_ids[1]
    async with house.visitor() as other, desk_line(house, seated, other) as line:
        told = await line.ask("seats")
        assert (told["status"], units(told["body"], "free", kind)) == (200, [0, 1, 2, 3, 4, 5])
        held = await fan.post(
            f"/api/events/{seated.event_id}/holds", json={"ticket_type_id": kind, "units": [5]}
        )
        frame = await line.next("seats")
        assert (units(frame, "free", kind), units(frame, "held", kind)) == ([0, 1, 2, 3, 4], [5])
        assert (frame["epoch"], frame["version"]) > (told["body"]["epoch"], told["body"]["version"])
        await fan.delete(f"/api/holds/{held.json()['id']}")
        frame = await line.next("seats")
        assert units(frame, "free", kind) == [0, 1, 2, 3, 4, 5]
    board = services(house).seat_board

    async def nobody_watches() -> bool:
        return seated.event_id not in board._watchers and seated.event_id not in board._telling

    await eventually(nobody_watches)


async def test_who_does_not_ask_gets_no_frames_of_seats(house: House, seated: Sale, fan: Visitor):
    async with house.visitor() as other, desk_line(house, seated, other) as line:
        await line.ask("join")
        hold = {"ticket_type_id": seated.type_ids[1], "units": [0]}
        await fan.post(f"/api/events/{seated.event_id}/holds", json=hold)
        while (frame := await line.next("stock"))["remaining"][str(seated.type_ids[1])] == 6:
            pass
        assert frame["remaining"][str(seated.type_ids[1])] == 5
        assert seated.event_id not in services(house).seat_board._watchers


async def test_however_many_ask_redis_is_asked_for_all_of_them(
    house: House, seated: Sale, monkeypatch: pytest.MonkeyPatch
):
    found = services(house)
    event = found.catalogue.event(seated.event_id)
    read, reads = found.stock.seats, 0

    async def counted(*args: Any) -> Any:
        nonlocal reads
        reads += 1
        return await read(*args)

    monkeypatch.setattr(found.stock, "seats", counted)
    await asyncio.gather(*(found.seat_board.look_again(event) for _ in range(200)))
    assert reads == 2, "one that began before the others asked, and one for all of them"
    await asyncio.gather(*(found.seat_board.look(event) for _ in range(200)))
    assert reads == 2, "nothing has changed, so there is nothing to ask"
    await found.seat_board.look_again(event)
    assert reads == 3, "who wants to know how it is now is not told how it was"


@pytest.mark.parametrize("chooses", [True, False], ids=["the desk chooses", "control: the script does"])
async def test_many_who_want_the_best_two_at_once_all_sit_together(
    house: House, monkeypatch: pytest.MonkeyPatch, chooses: bool
):
    """Nine rows of five have eighteen pairs, however they are taken; ten fans ask in the same moment."""
    if not chooses:
        monkeypatch.setattr(counter, "BEST_AMONG", ())
    sale = await open_sale(house, types=[SHORT_ROWS])
    fans = [house.visitor() for _ in range(10)]
    for fan in fans:
        await fan.register()
        await fan.come_in(sale)
    answers = await asyncio.gather(*(fan.hold(sale, 2) for fan in fans))
    assert [answer.status_code for answer in answers] == [201] * len(fans)
    held = [answer.json()["units"] for answer in answers]
    assert len({unit for pair in held for unit in pair}) == 2 * len(fans)
    apart = [pair for pair in held if pair[0] // 5 != pair[1] // 5 or pair[1] - pair[0] != 1]
    assert (apart == []) is chooses
    for fan in fans:
        await fan.aclose()


async def test_who_wants_more_than_any_row_has_gets_them_apart(house: House):
    sale = await open_sale(house, types=[SHORT_ROWS], per_user_limit=8)
    async with house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        held = await fan.hold(sale, 7)
        assert (held.status_code, len(held.json()["units"])) == (201, 7)
        is_problem(await fan.hold(sale, 2), 422, "limit_exceeded")

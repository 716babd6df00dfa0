"""The numbers of a sale's charts over the API, and the frame that they go on in."""

import json

import pytest

from tests.api.support import cookies_of, is_problem, services
from tests.house import House, Sale, Visitor, eventually
from ticketflow.store import minutes
from ticketflow.store.minutes import SERIES

pytestmark = pytest.mark.asyncio(loop_scope="package")


def path(sale: Sale) -> str:
    return f"/api/organiser/events/{sale.event_id}/stats"


async def test_what_was_recorded_is_told_by_second_and_by_minute(house: House, sale: Sale, fan: Visitor):
    held = (await fan.hold(sale, 2)).json()
    assert (await fan.book(held["id"])).status_code == 201
    refused = (await fan.hold(sale, 1)).status_code
    assert refused == 403  # the turn was over
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)

        async def recorded() -> dict[str, list[int | None]] | None:
            told = (await organiser.get(path(sale))).json()
            assert (told["step_seconds"], len(told["at"])) == (1, 3600)
            assert set(told["series"]) == set(SERIES)
            assert {len(numbers) for numbers in told["series"].values()} == {3600}
            series: dict[str, list[int | None]] = told["series"]
            # Redis is told of a sale and its money is counted in the database: not at the same moment.
            return series if (series["sold"][-1], series["revenue"][-1]) == (2, 5000) else None

        series = await eventually(recorded)
        assert series
        assert (series["free"][-1], series["held"][-1]) == (18, 0)
        assert series["sold"][0] is None  # nobody was there an hour ago
        now = int((await services(house).stock.time()).timestamp())
        old = tuple(range(len(SERIES)))
        await minutes.write(house.database, sale.event_id, {now // 60 - 100: old})
        told = (await organiser.get(path(sale), params={"minutes": 120})).json()
        assert (told["step_seconds"], len(told["at"])) == (60, 120)
        place = told["at"].index((now // 60 - 100) * 60)
        assert [told["series"][name][place] for name in SERIES] == list(old)
        assert told["series"]["sold"][-1] == 2


async def test_bad_questions_are_refused(house: House, sale: Sale):
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        for bad in (
            "minutes=0",
            "minutes=10081",
            "minutes=x",
            "step=2",
            "step=x",
            "step=1&minutes=61",
            "a=1",
        ):
            is_problem(await organiser.get(f"{path(sale)}?{bad}"), 422, "invalid_request")
        fine = (await organiser.get(f"{path(sale)}?minutes=60&step=60")).json()
        assert (fine["step_seconds"], len(fine["at"])) == (60, 60)


async def test_a_store_that_is_away_is_told_and_its_figures_are_not(
    house: House, sale: Sale, monkeypatch: pytest.MonkeyPatch
):
    found = services(house)
    event = found.catalogue.event(sale.event_id)
    before = await found.control_room.frame(event)
    assert (before["health"]["database"]["ok"], before["revenue"], before["joins_total"]) == (True, 0, 0)
    assert [len(before["health"][kind]) for kind in ("workers", "web")] == [1, 1]

    async def away(*_: object, **__: object) -> None:
        raise OSError("the database is away")

    monkeypatch.setattr("ticketflow.live.control_room.BELIEVED_SECONDS", 0)
    with monkeypatch.context() as patch:
        patch.setattr(found.database, "fetch_all", away)
        patch.setattr(found.database, "fetch_val", away)
        patch.setattr(found.control_room._books, "_believed", 0)
        patch.setattr(found.control_room._health, "_believed", 0)
        frame = await found.control_room.frame(event)
    assert (frame["revenue"], frame["mail"], frame["backlog"]["refunds"]) == (None, {}, None)
    assert (frame["funnel"]["paid"], frame["joins_total"], frame["free"]) == (None, 0, 20)
    assert frame["health"]["database"] == {"ok": False, "ms": None}
    assert frame["health"]["redis"]["ok"]


async def test_sockets_are_counted_and_frames_come_on_a_grid(house: House, sale: Sale):
    assert house.app is not None
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        cookie = {"Cookie": cookies_of(organiser)}
        client = house.app.test_client()
        async with client.websocket(f"/ws/organiser/{sale.event_id}", headers=cookie) as socket:

            async def one_socket() -> bool:
                frame = json.loads(await socket.receive())
                return bool(frame["type"] == "desk" and frame["health"]["web"][0]["sockets"] == 1)

            assert await eventually(one_socket)

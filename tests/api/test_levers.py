"""Levers in several hands: a stale change is refused and told, all is on record, and what levers mean."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio

from tests.api.support import desk_line, is_problem, open_sale, services
from tests.house import House, Sale, Visitor, eventually
from ticketflow.app import open_web
from ticketflow.store import rooms
from ticketflow.store.rooms import RoomRecord
from ticketflow.web.levers import outlook_of
from waiting_room import Forecast

pytestmark = pytest.mark.asyncio(loop_scope="package")


def path(sale: Sale, rest: str = "") -> str:
    return f"/api/organiser/events/{sale.event_id}/room{rest}"


@pytest_asyncio.fixture(loop_scope="package")
async def organiser(house: House, sale: Sale) -> AsyncIterator[Visitor]:
    async with house.visitor() as visitor:
        await visitor.sign_in(sale.organiser_email)
        yield visitor


async def acts(organiser: Visitor, sale: Sale) -> list[dict[str, Any]]:
    answer = await organiser.get(f"/api/organiser/events/{sale.event_id}/audit")
    found: list[dict[str, Any]] = answer.json()["audit"]
    return found


async def test_a_stale_change_is_refused_and_says_what_moved(house: House, sale: Sale, organiser: Visitor):
    levers = (await organiser.get(path(sale))).json()
    seen, rate = levers["revision"], levers["rate_per_minute"]
    first = await organiser.patch(path(sale), json={"rate_per_minute": 60, "revision": seen})
    assert (first.status_code, first.json()["revision"]) == (200, seen + 1)
    assert (await organiser.patch(path(sale), json={"message": "Hello"})).json()["revision"] == seen + 2
    refused = await organiser.patch(path(sale), json={"rate_per_minute": 6_000, "revision": seen})
    body = is_problem(refused, 409, "stale")
    assert body["revision"] == seen + 2
    assert body["changed"] == {
        "rate_per_minute": {"from": rate, "to": 60},
        "message": {"from": "", "to": "Hello"},
    }
    assert body["by"] == "Organiser"
    assert datetime.fromisoformat(body["at"]).tzinfo is not None
    stands = (await organiser.get(path(sale))).json()
    assert (stands["rate_per_minute"], stands["message"]) == (60, "Hello")
    again = await organiser.patch(path(sale), json={"rate_per_minute": 6_000, "revision": body["revision"]})
    assert again.json()["rate_per_minute"] == 6_000
    ahead = await organiser.patch(path(sale), json={"rate_per_minute": 1, "revision": 1_000})
    assert is_problem(ahead, 409, "stale")["changed"] == {}


async def race(house: House, sale: Sale) -> list[int]:
    """Two organisers, each in a web process's app of their own, move a lever seen at one revision."""
    async with open_web(house.settings) as other:
        second = House(house.settings, house.url, house.database, other)
        async with house.visitor() as ann, second.visitor() as bob:
            for organiser in (ann, bob):
                await organiser.sign_in(sale.organiser_email)
            outcomes = []
            for turn in range(6):
                seen = (await ann.get(path(sale))).json()["revision"]
                answers = await asyncio.gather(
                    ann.patch(path(sale), json={"rate_per_minute": 100 + turn, "revision": seen}),
                    bob.patch(path(sale), json={"rate_per_minute": 200 + turn, "revision": seen}),
                )
                outcomes.append(sum(answer.status_code == 200 for answer in answers))
                taken = [answer.json()["rate_per_minute"] for answer in answers if answer.status_code == 200]
                assert (await bob.get(path(sale))).json()["rate_per_minute"] in taken
            return outcomes


async def test_of_two_in_two_processes_exactly_one_wins(house: House, sale: Sale):
    assert await race(house, sale) == [1] * 6


async def test_control_without_the_revision_both_win(
    house: House, sale: Sale, monkeypatch: pytest.MonkeyPatch
):
    locked = rooms.lock

    async def whoever(database: Any, event_id: int, actor: Any, seen: int | None = None) -> RoomRecord:
        return await locked(database, event_id, actor)

    monkeypatch.setattr(rooms, "lock", whoever)
    assert await race(house, sale) == [2] * 6


async def test_the_desk_shows_the_revision_and_whose_it_is(house: House, sale: Sale, organiser: Visitor):
    found = services(house)
    event = found.catalogue.event(sale.event_id)
    assert (await found.control_room.frame(event))["steered_by"] is None
    revision = (await organiser.patch(path(sale), json={"max_active": 77})).json()["revision"]

    async def shown() -> bool:
        frame = await found.control_room.frame(event)
        return (frame["revision"], frame["steered_by"], frame["max_active"]) == (revision, "Organiser", 77)

    await eventually(shown)


async def test_each_act_is_on_record_with_what_was_before(sale: Sale, organiser: Visitor):
    await organiser.patch(path(sale), json={"mode": "draining"})
    await organiser.patch(path(sale), json={"mode": "closed", "message": "The singer is ill."})
    await organiser.post(path(sale, "/extend"), json={"minutes": 5})
    extended, closed, drained = (await acts(organiser, sale))[:3]
    assert {act["actor"]["name"] for act in (extended, closed, drained)} == {"Organiser"}
    assert (drained["before"]["mode"], drained["after"]["mode"]) == ("open", "draining")
    assert (closed["before"]["mode"], closed["after"]["mode"]) == ("draining", "closed")
    assert (closed["before"]["message"], closed["after"]["message"]) == ("", "The singer is ill.")
    assert (extended["action"], extended["after"]["extended_by_minutes"]) == ("room.extend", 5)
    assert [act["after"]["revision"] for act in (drained, closed, extended)] == [1, 2, 3]


async def test_a_drain_lets_those_inside_finish_and_gives_turns_back(house: House):
    sale = await open_sale(house)
    async with house.visitor() as inside, house.visitor() as called, house.visitor() as organiser:
        await inside.register()
        await inside.come_in(sale)
        assert (await called.join(sale)).json()["state"] == "called"
        await organiser.sign_in(sale.organiser_email)
        async with desk_line(house, sale, called) as line:
            assert (await line.next("place"))["state"] == "called"
            assert (await organiser.patch(path(sale), json={"mode": "draining"})).status_code == 200
            while (view := await line.next("place"))["state"] != "waiting":
                pass
            assert (view["place"], view["slower"], view["wait_seconds"]) == (1, "draining", None)
            is_problem(await called.claim(sale), 409, "not_called")
            assert (await inside.book((await inside.hold(sale)).json()["id"])).status_code == 201
            event = (await called.get(f"/api/events/{sale.event_id}")).json()
            assert event["sale_state"] == "paused"
            await organiser.patch(path(sale), json={"mode": "open"})
            while (await line.next("place"))["state"] != "called":
                pass


async def test_everybody_inside_and_every_hold_has_more_time(
    house: House, sale: Sale, organiser: Visitor, fan: Visitor
):
    hold = (await fan.hold(sale)).json()
    async with desk_line(house, sale, fan) as line:
        before = await line.next("place")
        answer = await organiser.post(path(sale, "/extend"), json={"minutes": 5})
        given = answer.json()
        assert {name: given[name] for name in ("minutes", "people", "holds")} == {
            "minutes": 5,
            "people": 1,
            "holds": 1,
        }
        after = await line.next("place")
    gained = [
        datetime.fromisoformat(later["expires_at"]) - datetime.fromisoformat(earlier["expires_at"])
        for earlier, later in ((before, after), (hold, (await fan.get(f"/api/holds/{hold['id']}")).json()))
    ]
    assert [gain.total_seconds() for gain in gained] == [300, 300]
    stale = await organiser.post(path(sale, "/extend"), json={"minutes": 5, "revision": 0})
    assert is_problem(stale, 409, "stale")["changed"]["extended_by_minutes"] == {"from": None, "to": 5}
    for bad in (
        {},
        {"minutes": 0},
        {"minutes": -5},
        {"minutes": 61},
        {"minutes": 1.5},
        {"minutes": 5, "x": 1},
    ):
        is_problem(await organiser.post(path(sale, "/extend"), json=bad), 422, "invalid_request")


async def test_the_reason_for_closing_is_told_to_who_waits_and_who_comes_late(house: House):
    sale = await open_sale(house, rate_per_minute=0)
    reason = "The hall has no power."
    async with house.visitor() as waits, house.visitor() as late, house.visitor() as organiser:
        await waits.join(sale)
        await organiser.sign_in(sale.organiser_email)
        await organiser.patch(path(sale), json={"mode": "closed", "message": reason})
        view = (await waits.get(f"/api/events/{sale.event_id}/queue")).json()
        assert (view["state"], view["message"]) == ("closed", reason)
        assert reason in is_problem(await late.join(sale), 409, "room_closed")["detail"]

        async def on_the_event_page() -> bool:
            return reason in (await late.get(f"/events/{sale.slug}", headers={"Accept": "text/html"})).text

        await eventually(on_the_event_page)


async def test_what_levers_mean_is_told_by_what_was_measured(house: House, sale: Sale, organiser: Visitor):
    plain = (await organiser.get(path(sale, "/outlook"), params={"rate_per_minute": 60})).json()
    assert (plain["rate_per_minute"], plain["waiting"], plain["line_gone_seconds"]) == (60, 0, None)
    is_problem(await organiser.get(path(sale, "/outlook"), params={"rate_per_minute": -1}), 422)
    snapshot = await (await services(house).rooms.of(sale.event_id)).snapshot()
    frame = replace(snapshot, waiting=6_000, max_active=100_000, forecast=Forecast())
    gone = outlook_of(frame, rate_per_minute=600)["line_gone_seconds"]
    assert gone["low"] < 600 == gone["likely"] < gone["high"]
    # Half of the line gives up on the way, and of the rate only 90% were really let in.
    measured = replace(frame, forecast=Forecast(share=0.9, leaving=1 / 600))
    assert 400 < outlook_of(measured, rate_per_minute=600)["line_gone_seconds"]["likely"] < 500
    full = replace(frame, forecast=Forecast(stay=60.0))
    assert outlook_of(full, max_active=50)["cap_per_minute"] == 50
    assert outlook_of(full, rate_per_minute=600, max_active=50)["line_gone_seconds"]["likely"] > 6_000
    assert outlook_of(frame, rate_per_minute=0)["line_gone_seconds"] is None


async def test_the_page_of_what_was_done(house: House, sale: Sale, organiser: Visitor):
    await organiser.patch(path(sale), json={"rate_per_minute": 600, "message": "<b>Soon</b>"})
    for minutes in range(1, 52):
        assert (await organiser.post(path(sale, "/extend"), json={"minutes": minutes})).status_code == 200
    page = (await organiser.get(f"/organiser/{sale.slug}/audit")).text
    assert "Gave everybody inside more time" in page
    assert "Moved levers" not in page
    older = page.partition('data-test="older"')[0].rpartition('href="')[2].partition('"')[0]
    page = (await organiser.get(older)).text
    assert "let in a minute: <del>600000</del>" in page
    assert "<ins>&lt;b&gt;Soon&lt;/b&gt;</ins>" in page
    assert "revision" not in page.partition("<main")[2].partition("</main>")[0]
    for odd in ("x", "-1", "0", "9" * 30):
        assert (await organiser.get(f"/organiser/{sale.slug}/audit?after={odd}")).status_code == 200

"""One fan, pages in two web processes: the one that closes, or polls, does not make them away for good."""

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio

from tests.api.support import DeskLine, desk_line, open_sale, services
from tests.house import House, Sale, Visitor, eventually, in_process
from ticketflow.live import presence
from ticketflow.live.open_sockets import OpenSocket
from ticketflow.web.desk_socket import DeskSocket
from waiting_room import WaitingRoom
from waiting_room.web import cookie_name

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(loop_scope="package")
async def other(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A second web process's worth of everything, on the same Redis and database, which vouches often."""
    monkeypatch.setattr(presence, "EVERY_SECONDS", 0.05)
    async with in_process(house.settings) as another:
        yield another


@pytest_asyncio.fixture(loop_scope="package")
async def full(house: House, other: House) -> Sale:
    """A sale where everybody waits, known to both."""
    sale = await open_sale(house, max_active=0)
    await services(other).hub.refresh()
    return sale


async def waiting_fan(house: House, fan: Visitor, sale: Sale) -> tuple[WaitingRoom, str]:
    """Join; gives the room and who the fan is in it."""
    room = await services(house).rooms.of(sale.event_id)
    return room, room.read_ticket((await fan.join(sale)).json()["ticket"]).visitor


async def becomes(house: House, room: WaitingRoom, visitor: str, *, away: bool, seconds: float = 20) -> None:
    async def so() -> bool:
        return bool(await services(house).redis.hexists(room.keys.away, visitor)) == away

    await eventually(so, seconds=seconds)


async def a_page_closes_and_another_polls(
    house: House, other: House, sale: Sale, seconds: float = 20
) -> None:
    async with house.visitor() as fan:
        room, visitor = await waiting_fan(house, fan, sale)
        async with desk_line(other, sale, fan) as there:
            await there.next("place")
            async with desk_line(house, sale, fan) as here:
                await here.next("place")
            await room.set_present(visitor, False)  # what closing said, should it be said only now
            await becomes(house, room, visitor, away=False, seconds=seconds)
            assert (await fan.get(f"/api/events/{sale.event_id}/queue")).json()["state"] == "waiting"
            await becomes(house, room, visitor, away=False, seconds=seconds)
        await becomes(house, room, visitor, away=True)


async def test_who_has_a_page_in_another_process_stays_present(house: House, other: House, full: Sale):
    await a_page_closes_and_another_polls(house, other, full)


async def test_control_if_nobody_vouches_they_are_away(
    house: House, other: House, full: Sale, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(services(other).hub, "visitors", dict)
    with pytest.raises(TimeoutError):
        await a_page_closes_and_another_polls(house, other, full, seconds=1)


async def test_a_page_is_vouched_for_before_its_first_look_is_back(
    house: House, full: Sale, monkeypatch: pytest.MonkeyPatch
):
    seen: list[dict[int, set[str]]] = []

    async def look(room: WaitingRoom, ticket: str, **how: bool) -> None:
        seen.append(services(house).hub.visitors())
        raise ConnectionError("the look does not come back")

    async with house.visitor() as fan:
        room, visitor = await waiting_fan(house, fan, full)
        found = services(house)
        event = found.catalogue.event(full.event_id)
        monkeypatch.setattr(WaitingRoom, "look", look)
        ticket = fan.cookies[cookie_name(full.event_id)]
        line = DeskSocket(found, event, room, OpenSocket(), None, ticket, None)
        with found.hub.attach(full.event_id, line.socket), suppress(ConnectionError):
            await line.begin()
    assert seen == [{full.event_id: {visitor}}]


async def shows(line: DeskLine, state: str) -> None:
    while (await line.next("place"))["state"] != state:
        pass


async def test_what_happens_on_one_page_is_shown_on_the_others(house: House, other: House):
    sale = await open_sale(house)
    await services(other).hub.refresh()
    async with house.visitor() as fan:
        await fan.join(sale)
        async with desk_line(house, sale, fan) as here, desk_line(other, sale, fan) as there:
            for line in (here, there):
                await shows(line, "called")
            assert (await fan.claim(sale)).status_code == 200
            for line in (here, there):
                await shows(line, "active")
            assert (await fan.delete(f"/api/events/{sale.event_id}/queue")).status_code == 204
            for line in (here, there):
                await shows(line, "left")

"""The autopilot in a whole house: measured at both doors, moved under the row's lock, handed back at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from tests.api.support import is_problem, open_sale, services
from tests.house import House, Sale, Visitor, eventually
from ticketflow.autopilot.meter import Reading
from ticketflow.autopilot.pilot import Pilot, tickets_each
from ticketflow.booking.desk import Answer
from ticketflow.domain import Refusal
from ticketflow.store import autopilots, tables
from ticketflow.store import rooms as records
from ticketflow.store.events import NewTicketType
from ticketflow.web.asks import BookAsk
from ticketflow.web.measuring import measured
from waiting_room import Mode, RoomLost, WaitingRoom

pytestmark = pytest.mark.asyncio(loop_scope="package")

ASKED = {"low": 60, "high": 1200, "target_p95_ms": 2000, "target_error_rate": 0.02}


@pytest_asyncio.fixture(loop_scope="package")
async def sale(house: House) -> Sale:
    """A sale at 600 a minute. The house's own pilot is told that it is never its turn to look at it."""
    opened = await open_sale(house, rate_per_minute=600)
    await services(house).redis.set(turn_of(house, opened), "a test has it", ex=3600)
    return opened


@pytest_asyncio.fixture(loop_scope="package")
async def organiser(house: House, sale: Sale) -> AsyncIterator[Visitor]:
    async with house.visitor() as visitor:
        await visitor.sign_in(sale.organiser_email)
        yield visitor


def turn_of(house: House, sale: Sale) -> str:
    return f"{house.settings.redis_prefix}:{{event:{sale.event_id}}}:autopilot"


def path_of(sale: Sale) -> str:
    return f"/api/organiser/events/{sale.event_id}/autopilot"


def pilot_of(house: House) -> Pilot:
    found = services(house)
    return Pilot(
        redis=found.redis,
        database=found.database,
        rooms=found.rooms,
        stock=found.stock,
        meter=found.meter,
        find_event=found.catalogue.find,
        settings=house.settings,
    )


async def look(house: House, sale: Sale) -> Any:
    """What one look of a worker moves."""
    autopilot = await autopilots.by_event(house.database, sale.event_id)
    event = services(house).catalogue.find(sale.event_id)
    assert event is not None
    return await pilot_of(house).look(event, autopilot) if autopilot and autopilot.engaged else None


async def be_slow(house: House, sale: Sale, seconds: float = 2.9) -> None:
    """Let twenty bookings have taken so long."""
    meter = services(house).meter
    for _ in range(20):
        meter.took(sale.event_id, seconds)
    await meter.tell()


async def rates(house: House, sale: Sale) -> tuple[int, int]:
    """The rate in the books and the rate in Redis."""
    record = await records.by_event(house.database, sale.event_id)
    room = await services(house).rooms.of(sale.event_id)
    assert record is not None
    return record.rate_per_minute, (await room.policy()).rate_per_minute


async def acts(house: House, sale: Sale) -> list[str]:
    audit = tables.audit
    query = select(audit.c.action).where(audit.c.event_id == sale.event_id).order_by(audit.c.id)
    return [row["action"] for row in await house.database.fetch_all(query)]


async def reading(house: House, sale: Sale) -> Reading:
    await services(house).meter.tell()
    return await services(house).meter.look(sale.event_id)


async def have_taken(house: House, sale: Sale, count: int) -> None:
    """Return once so many are counted: the house's own loop may be about to tell of the last one."""

    async def so() -> bool:
        return (await reading(house, sale)).took.total() == count

    await eventually(so)


async def test_bookings_are_measured_and_refusals_are_not(house: House, sale: Sale):
    async with house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        held = (await fan.hold(sale, 2)).json()["id"]
        assert (await fan.book(held, "card-declined")).status_code == 402
        await have_taken(house, sale, 1)
        assert (await fan.book(held, key="one")).status_code == 201
        await have_taken(house, sale, 2)
        # What was decided before, and what never came to an order, tells nothing.
        assert (await fan.book(held, key="one")).status_code == 201
        assert (await fan.book(f"{sale.event_id}-{'0' * 32}")).status_code == 410
        seen = await reading(house, sale)
        assert (seen.took.total(), seen.failures) == (2, 0)


async def test_who_waited_in_vain_and_faults_of_ours_are_failures(house: House, sale: Sale):
    found, ask = services(house), BookAsk(event_id=sale.event_id, quantity=1)

    async def undecided() -> Answer:
        return Answer("b", None)

    async def end_with(error: Exception) -> Answer:
        raise error

    async def ended(booking: Awaitable[Answer], wait_seconds: float = 10) -> int:
        before = (await reading(house, sale)).failures
        with suppress(Refusal, RoomLost, OSError):
            await measured(found, ask, wait_seconds, booking)
        return (await reading(house, sale)).failures - before

    assert await ended(undecided()) == 1
    assert await ended(undecided(), wait_seconds=1) == 0
    assert await ended(end_with(Refusal("busy", "-"))) == 1
    assert await ended(end_with(RoomLost("-"))) == 1
    assert await ended(end_with(ConnectionResetError())) == 1
    assert await ended(end_with(Refusal("sold_out", "-"))) == 0
    seen = await reading(house, sale)
    assert (seen.took.total(), seen.error_rate) == (0, 1.0)


async def test_a_ledger_that_stands_still_counts(house: House, sale: Sale):
    """Nothing ends, so nothing is told; what lies in the stream is old all the same."""
    found, nobodys = services(house), 10**9 + sale.event_id
    orders = found.stock.keys(nobodys).orders
    now = int((await found.redis.time())[0]) * 1000
    assert (await found.meter.look(nobodys)).p95_seconds is None
    for number in range(3):
        await found.redis.xadd(orders, {"order": "{}"}, id=f"{now - 9000 + number}-0")
    assert (await found.meter.look(nobodys)).p95_seconds == pytest.approx(9.5, rel=0.15)
    await found.redis.delete(orders)


async def test_it_moves_the_rate_as_an_organiser_does_and_writes_down_why(
    house: House, sale: Sale, organiser: Visitor
):
    off = (await organiser.get(path_of(sale))).json()
    assert (off["on"], off["low"], off["suggested"]) == (False, None, {**ASKED, "low": 60})
    on = (await organiser.put(path_of(sale), json=ASKED)).json()
    assert (on["on"], on["why"], on["rate_per_minute"]) == (True, "", 600)
    await be_slow(house, sale)
    assert (await look(house, sale)).rate == 300
    assert await rates(house, sale) == (300, 300)
    told = (await organiser.get(path_of(sale))).json()
    assert told["why"] == "Slowed to 300 a minute: bookings take 3.0 s, target 2.0 s."
    assert told["moved_at"] is not None
    assert told["p95_ms"] == pytest.approx(2900, rel=0.05)
    # The cut has to settle first: nothing more is moved, and nothing written.
    assert await look(house, sale) is None
    assert await acts(house, sale) == ["autopilot.on", "autopilot.rate"]
    log = (await organiser.get(f"/api/organiser/events/{sale.event_id}/audit")).json()["audit"]
    assert log[0]["before"] == {"rate_per_minute": 600}
    assert log[0]["after"] == {"rate_per_minute": 300, "why": told["why"]}


@pytest.mark.parametrize("lever", [{"rate_per_minute": 500}, {"mode": "paused"}])
async def test_an_organisers_own_change_hands_back_at_once(
    house: House, sale: Sale, organiser: Visitor, lever: dict[str, Any]
):
    await organiser.put(path_of(sale), json=ASKED)
    room = f"/api/organiser/events/{sale.event_id}/room"
    assert (await organiser.patch(room, json={"message": "Have a cup of tea"})).status_code == 200
    assert (await organiser.get(path_of(sale))).json()["on"] is True
    assert (await organiser.patch(room, json=lever)).status_code == 200
    told = (await organiser.get(path_of(sale))).json()
    assert (told["on"], told["why"][:22]) == (False, "Handed back: Organiser")
    assert told["suggested"] == ASKED
    await be_slow(house, sale)
    before = await rates(house, sale)
    assert await look(house, sale) is None
    assert await rates(house, sale) == before


async def test_the_button_hands_back_and_bad_asks_are_refused(house: House, sale: Sale, organiser: Visitor):
    for bad in (
        {"low": 0}, {"low": 1201}, {"high": 10**7}, {"target_p95_ms": 1}, {"target_error_rate": 1.5},
        {"low": "60"}, {"wings": 2},
    ):  # fmt: skip
        is_problem(await organiser.put(path_of(sale), json={**ASKED, **bad}), 422, "invalid_request")
    await organiser.put(path_of(sale), json=ASKED)
    assert (await organiser.delete(path_of(sale))).status_code == 204
    assert (await organiser.get(path_of(sale))).json()["why"] == "Handed back by Organiser."
    assert (await organiser.delete(path_of(sale))).status_code == 204


async def between_look_and_move(house: House, sale: Sale, organiser: Visitor) -> Any:
    """The autopilot has looked and means to move; the organiser is quicker. What is moved after it."""
    await organiser.put(path_of(sale), json=ASKED)
    await be_slow(house, sale)
    looked = await autopilots.by_event(house.database, sale.event_id)
    room = f"/api/organiser/events/{sale.event_id}/room"
    assert (await organiser.patch(room, json={"rate_per_minute": 600})).status_code == 200
    event = services(house).catalogue.find(sale.event_id)
    assert looked is not None
    assert event is not None
    return await pilot_of(house).look(event, looked)


async def test_a_change_by_hand_between_look_and_move_stands(house: House, sale: Sale, organiser: Visitor):
    assert await between_look_and_move(house, sale, organiser) is None
    assert await rates(house, sale) == (600, 600)


async def test_control_without_a_second_look_at_the_row_it_is_overridden(
    house: House, sale: Sale, organiser: Visitor, monkeypatch: pytest.MonkeyPatch
):
    async def blind(*_: Any) -> int:
        return 600

    monkeypatch.setattr(autopilots, "hold_room", blind)
    assert (await between_look_and_move(house, sale, organiser)).rate == 300
    assert await rates(house, sale) == (300, 300)


async def test_who_died_between_redis_and_the_books_is_set_right(
    house: House, sale: Sale, organiser: Visitor, monkeypatch: pytest.MonkeyPatch
):
    await organiser.put(path_of(sale), json=ASKED)
    await be_slow(house, sale)
    steer = WaitingRoom.steer

    async def die(self: WaitingRoom, **levers: Any) -> Any:
        await steer(self, **levers)
        raise ConnectionResetError

    monkeypatch.setattr(WaitingRoom, "steer", die)
    with pytest.raises(ConnectionResetError):
        await look(house, sale)
    assert await rates(house, sale) == (600, 300)
    monkeypatch.setattr(WaitingRoom, "steer", steer)
    assert await look(house, sale) is None
    assert await rates(house, sale) == (600, 600)
    assert (await look(house, sale)).rate == 300
    assert await rates(house, sale) == (300, 300)


async def test_it_slows_when_what_is_left_cannot_serve_those_inside(house: House):
    small = await open_sale(house, types=[NewTicketType("Standing", 2500, 2)], rate_per_minute=600_000)
    await services(house).redis.set(turn_of(house, small), "a test has it", ex=3600)
    async with house.visitor() as organiser, AsyncExitStack() as people:
        await organiser.sign_in(small.organiser_email)
        await organiser.put(path_of(small), json={**ASKED, "high": 600_000})
        for _ in range(3):
            await (await people.enter_async_context(house.visitor())).come_in(small)
        assert (await look(house, small)).rate == 300_000
        why = (await organiser.get(path_of(small))).json()["why"]
    assert why == "Slowed to 300000 a minute: those inside are expected to buy 3, and 2 are free."


async def test_it_outlives_the_loss_of_redis_and_one_worker_looks_at_a_time(
    house: House, sale: Sale, organiser: Visitor
):
    found = services(house)
    await organiser.put(path_of(sale), json=ASKED)
    await be_slow(house, sale)
    await found.redis.delete(turn_of(house, sale))
    pilots = [pilot_of(house) for _ in range(5)]
    turns = await asyncio.gather(*(pilot._is_our_turn(sale.event_id) for pilot in pilots))
    assert sorted(turns) == [False] * 4 + [True]
    async for key in found.redis.scan_iter(f"{house.settings.redis_prefix}:{{event:{sale.event_id}}}:*"):
        await found.redis.delete(key)
    event = found.catalogue.find(sale.event_id)
    assert event is not None
    await found.keeper.prepare(event)
    assert (await organiser.get(path_of(sale))).json()["on"] is True
    # Places are being taken back, and nothing is known: nothing moves.
    assert await look(house, sale) is None


async def test_nothing_moves_while_the_doors_are_shut(house: House, sale: Sale, organiser: Visitor):
    await organiser.put(path_of(sale), json=ASKED)
    await be_slow(house, sale)
    await (await services(house).rooms.of(sale.event_id)).steer(mode=Mode.PAUSED)
    assert await look(house, sale) is None
    assert await rates(house, sale) == (600, 600)


async def test_what_one_buys_is_what_those_before_have_bought():
    assert tickets_each(0, 0, 4) == 1
    assert tickets_each(199, 99, 4) == 2
    assert tickets_each(10_000, 99, 4) == 4

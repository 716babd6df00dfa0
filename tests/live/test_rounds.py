"""When the stock is shown: a change that finds the desk quiet at once, the others when it is time again."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, cast

import pytest

from tests.house import eventually
from tests.stock.stall import STANDING, event_of
from ticketflow.live import hub as hub_module
from ticketflow.live.catalogue import Catalogue
from ticketflow.live.hub import AT_ONCE, Hub, Socket
from ticketflow.live.seat_board import SeatBoard
from ticketflow.live.session_ends import SessionEnds
from ticketflow.live.slot import Slot
from ticketflow.stock import Counts
from ticketflow.store import events

SALE = event_of(100)
SHORT = 0.3


class Told(Slot):
    """Keeps the versions that are put into it, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.versions: list[int] = []
        self.times: list[float] = []

    def put(self, kind: str, frame: str) -> None:
        self.versions.append(json.loads(frame)["version"])
        self.times.append(asyncio.get_running_loop().time())


@dataclass
class Desk:
    """A hub that hears only what a test lets it hear, with sockets of one sale."""

    hub: Hub
    slots: list[Told]
    leave: list[ExitStack]
    version: int = 0

    def change(self) -> int:
        """Let it hear of one change of the stock; gives its version."""
        self.version += 1
        self.hub._hear_counts(SALE.id, Counts(1, self.version, {STANDING: 50}, {STANDING: 0}))
        return self.version


@pytest.fixture
def sockets() -> int:
    return 1


@pytest.fixture
async def desk(sockets: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    async def only_one(database: object) -> list[Any]:
        return [SALE]

    monkeypatch.setattr(events, "every", only_one)
    nothing = cast(Any, None)
    catalogue = Catalogue(nothing)
    await catalogue.load()
    hub = Hub(
        redis=nothing,
        prefix="test",
        catalogue=catalogue,
        stock=nothing,
        rooms=nothing,
        results=nothing,
        seat_board=SeatBoard(catalogue, nothing),
        sessions=SessionEnds(nothing, nothing, "test", nothing, nothing),
    )
    slots = [Told() for _ in range(sockets)]
    with ExitStack() as all_of_them:
        attached = [all_of_them.enter_context(ExitStack()) for _ in slots]
        for one, slot in zip(attached, slots, strict=True):
            one.enter_context(hub.attach(SALE.id, Socket(slot)))
        yield Desk(hub, slots, attached)


def told_at_once(desk: Desk) -> None:
    changed = desk.change()
    assert desk.slots[0].versions == [changed]


async def test_a_change_that_finds_the_desk_quiet_is_shown_at_once(desk: Desk):
    told_at_once(desk)


async def test_control_a_desk_that_was_just_shown_it_is_not_quiet(desk: Desk):
    desk.hub._stock_shown_at[SALE.id] = asyncio.get_running_loop().time()
    with pytest.raises(AssertionError):
        told_at_once(desk)


async def the_rest_is_gathered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "GATHER_SECONDS", SHORT)
    changes = [desk.change() for _ in range(50)]
    slot = desk.slots[0]

    async def the_last_is_shown() -> bool:
        return slot.versions[-1:] == changes[-1:]

    await eventually(the_last_is_shown, seconds=SHORT * 5)
    assert slot.versions == [changes[0], changes[-1]]
    assert slot.times[1] - slot.times[0] >= SHORT


async def test_what_comes_right_behind_it_is_gathered_and_the_last_is_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    await the_rest_is_gathered(desk, monkeypatch)


async def test_control_without_the_second_showing_the_last_is_missing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    show = desk.hub._show_stock

    def only_at_once(event_id: int) -> None:
        if event_id not in desk.hub._stock_due:
            show(event_id)

    monkeypatch.setattr(desk.hub, "_show_stock", only_at_once)
    with pytest.raises(TimeoutError):
        await the_rest_is_gathered(desk, monkeypatch)


async def test_control_without_a_pause_each_change_is_shown(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(desk.hub, "_show_stock_soon", desk.hub._show_stock)
    with pytest.raises(AssertionError):
        await the_rest_is_gathered(desk, monkeypatch)


async def others_come_in_between(desk: Desk) -> None:
    first = desk.change()
    told = sum(slot.versions == [first] for slot in desk.slots)
    assert told == AT_ONCE, "the others have not had their turn"
    # The sale closes, say: that is shown at once, while the first round is on its way.
    desk.hub._stock_shown_at.clear()
    last = desk.change()

    async def all_know() -> bool:
        return all(slot.versions[-1:] == [last] for slot in desk.slots)

    await eventually(all_know, seconds=5)
    assert {tuple(slot.versions) for slot in desk.slots} == {(first, last)}


@pytest.mark.parametrize("sockets", [AT_ONCE * 3])
async def test_a_round_lets_others_in_and_tells_nobody_the_older_after_the_newer(desk: Desk):
    await others_come_in_between(desk)


@pytest.mark.parametrize("sockets", [AT_ONCE * 3])
async def test_control_a_round_all_at_once_lets_nobody_in(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hub_module, "AT_ONCE", AT_ONCE * 3)
    with pytest.raises(AssertionError, match="their turn"):
        await others_come_in_between(desk)


async def some_leave_in_between(desk: Desk) -> None:
    """The next round has others in its first portion: some who are still to hear of this one."""
    first = desk.change()
    for slot, one in zip(desk.slots, desk.leave, strict=True):
        if slot.versions:
            one.close()
    desk.hub._stock_shown_at.clear()
    last = desk.change()

    async def who_is_left_knows() -> bool:
        return sum(slot.versions[-1:] == [last] for slot in desk.slots) == 2 * AT_ONCE

    await eventually(who_is_left_knows, seconds=1)
    told = {tuple(slot.versions) for slot in desk.slots}
    assert told == {(first,), (first, last)}


@pytest.mark.parametrize("sockets", [AT_ONCE * 3])
async def test_whoever_leaves_in_between_nobody_is_told_the_older_after_the_newer(desk: Desk):
    await some_leave_in_between(desk)


@pytest.mark.parametrize("sockets", [AT_ONCE * 3])
async def test_control_a_round_that_waits_for_no_other_tells_the_older_last(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    def at_once(event_id: int, kind: str, tell: Callable[[Socket], None]) -> None:
        hub_module._tell_some(deque([(list(desk.hub._sockets[event_id]), tell)]), 0)

    monkeypatch.setattr(desk.hub, "_go_round", at_once)
    with pytest.raises((AssertionError, TimeoutError)):
        await some_leave_in_between(desk)

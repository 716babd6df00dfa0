"""How often the hub reads anew when it is quiet, and how often it shows what changes all the time."""

import asyncio
import json
from contextlib import ExitStack
from itertools import pairwise

import pytest

from tests.booking.support import services, web_only
from tests.house import eventually, make_sale
from ticketflow.live import hub as hub_module
from ticketflow.live.hub import GATHER_SECONDS, SHOWN_A_SECOND, Socket
from ticketflow.live.slot import Slot
from ticketflow.settings import Settings
from ticketflow.store.events import NewTicketType

QUIET_SECONDS = 0.2


class Counted(Slot):
    """Keeps every stock frame that is put into it."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[dict] = []

    def put(self, kind: str, frame: str) -> None:
        self.frames.append(json.loads(frame))


async def test_in_a_quiet_house_it_reads_anew_once_a_heartbeat(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """The answer to its own ping once made it ask again at once, and so for ever."""
    monkeypatch.setattr(hub_module, "HEARTBEAT_SECONDS", QUIET_SECONDS)
    await make_sale(settings)
    async with web_only(settings) as house:
        hub, loop = services(house).hub, asyncio.get_running_loop()
        read_at: list[float] = []
        refresh = hub.refresh

        async def counted() -> None:
            read_at.append(loop.time())
            await refresh()

        monkeypatch.setattr(hub, "refresh", counted)

        async def four() -> bool:
            return len(read_at) >= 4

        await eventually(four)
        gaps = [later - earlier for earlier, later in pairwise(read_at)]
        assert min(gaps) >= QUIET_SECONDS, gaps


@pytest.mark.parametrize("others", [0, 500])
async def test_what_changes_all_the_time_is_shown_now_and_then_and_the_last_change_too(
    settings: Settings, others: int
):
    """Ten times a second, and less often to more sockets than can be shown it so often."""
    pause = max(GATHER_SECONDS, others / SHOWN_A_SECOND)
    sale = await make_sale(settings, types=[NewTicketType("Standing", 2500, 450)], per_user_limit=450)
    async with web_only(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        found, slot, loop = services(house), Counted(), asyncio.get_running_loop()
        with ExitStack() as open_sockets:
            for socket in (Socket(slot), *(Socket() for _ in range(others))):
                open_sockets.enter_context(found.hub.attach(sale.event_id, socket))
            began = loop.time()
            for _ in range(30):
                await asyncio.gather(*(fan.hold(sale) for _ in range(10)))

            async def all_shown() -> bool:
                return bool(slot.frames) and slot.frames[-1]["remaining"][str(sale.type_ids[0])] == 150

            await eventually(all_shown)
            # One when somebody comes, one at each end, and whatever the hub looks up by itself.
            assert len(slot.frames) <= (loop.time() - began) / pause + 5
            versions = [frame["version"] for frame in slot.frames]
            assert versions == sorted(versions)

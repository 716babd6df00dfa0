"""A house whose subscriptions have gone silent, though nothing says that they are broken."""

import asyncio
from contextlib import suppress

import pytest
from redis.asyncio.client import PubSub

from tests.booking.support import services, web_only
from tests.house import eventually, make_sale, settings_for
from tests.live.test_hub import QUIET_SECONDS, Counted
from ticketflow.live import hub as hub_module
from ticketflow.live.hub import Hub, Socket
from ticketflow.settings import Settings
from ticketflow.store.events import NewTicketType


@pytest.fixture
def settings(sqlite_url: str, redis_url: str, smtp, prefix: str) -> Settings:
    return settings_for(database_url=sqlite_url, redis_url=redis_url, smtp_url=smtp.url, prefix=prefix)


async def check_a_deaf_house_reads(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no subscription says a word, a new one neither, and nothing breaks."""
    monkeypatch.setattr(hub_module, "HEARTBEAT_SECONDS", QUIET_SECONDS)
    sale = await make_sale(settings, types=[NewTicketType("Standing", 2500, 450)], per_user_limit=450)
    async with web_only(settings) as house, house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        found, slot, again = services(house), Counted(), asyncio.Event()
        subscribe = found.hub._subscribe

        async def noted(pubsub: PubSub) -> None:
            again.set()
            await subscribe(pubsub)

        async def deaf(self: PubSub, ignore: bool = False, timeout: float = 0) -> None:
            await asyncio.sleep(timeout)

        with found.hub.attach(sale.event_id, Socket(slot)):
            monkeypatch.setattr(found.hub, "_subscribe", noted)
            monkeypatch.setattr(PubSub, "get_message", deaf)
            async with asyncio.timeout(10):
                await again.wait()
            await fan.hold(sale)

            async def shown() -> bool:
                return slot.frames[-1:] != [] and slot.frames[-1]["remaining"][str(sale.type_ids[0])] == 449

            with suppress(TimeoutError):
                await eventually(shown, seconds=3)
            told, in_touch = await shown(), found.hub._in_touch
    assert told
    assert in_touch


async def test_what_cannot_be_heard_is_read_until_a_subscription_answers(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    await check_a_deaf_house_reads(settings, monkeypatch)


async def test_control_who_does_not_read_meanwhile_shows_what_was(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    async def nothing(hub: Hub) -> None:
        pass

    monkeypatch.setattr(Hub, "_read_meanwhile", nothing)
    with pytest.raises(AssertionError):
        await check_a_deaf_house_reads(settings, monkeypatch)

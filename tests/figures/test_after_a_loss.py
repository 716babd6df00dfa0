"""What a room has counted comes back with it after Redis was lost, as the keeper wrote it down last."""

import pytest

from tests.house import make_sale
from ticketflow.clients import open_stores
from ticketflow.settings import Settings
from ticketflow.store import rooms as records
from ticketflow.worker import Background
from waiting_room import Tally


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What is kept is one text: one database is enough."""
    return sqlite_url


async def counted_after_a_loss(settings: Settings, *, kept: bool) -> tuple[Tally, Tally]:
    """A room's tally before Redis loses it, and after it came back."""
    sale = await make_sale(settings, rate_per_minute=60_000)
    async with open_stores(settings) as stores:
        house = Background(settings, stores)
        await house.catalogue.load()
        (event,) = house.catalogue.all()
        await house.keeper.prepare(event)
        room = await house.rooms.of(event.id)
        one, other = await room.join(), await room.join()
        await room.tick()
        await room.claim(one.ticket)
        await room.leave(other.ticket)
        before = (await room.figures()).tally
        await house.keeper._remember_room(event)
        if not kept:
            await records.change(stores.database, sale.event_id, tally=None)
        await stores.redis.delete(*room.keys.touched)
        await house.rooms.open(event)
        return before, (await room.figures()).tally


async def test_totals_and_waits_go_on_after_a_loss(settings: Settings):
    before, after = await counted_after_a_loss(settings, kept=True)
    assert after == before
    assert (after.called, after.joins, after.left, after.admitted.count) == (2, 2, 1, 2)
    assert after.opened_at > 0


async def test_control_nothing_is_left_of_what_was_not_kept(settings: Settings):
    before, after = await counted_after_a_loss(settings, kept=False)
    assert after == Tally(opened_at=after.opened_at)
    assert before.joins == 2

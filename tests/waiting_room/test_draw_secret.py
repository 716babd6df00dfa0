"""Before the doors open nobody learns a number; once the seed may be known, none is drawn any more."""

from dataclasses import replace

import pytest

from tests.leaks import tells_number
from waiting_room import Mode, NotDrawn, Place, RoomLost, RoomPolicy, State
from waiting_room.draw import commitment, draw_number
from waiting_room.places import Signer
from waiting_room.views import queue_view

from .support import take_out, travel

LOBBY = RoomPolicy(Mode.LOBBY, 600, 100, recovery_seconds=600)
OPEN = replace(LOBBY, mode=Mode.OPEN)
HOUR = 3_600


async def check_nothing_is_told(room):
    for _ in range(20):
        fan = await room.join()
        number = draw_number(b"seed", fan.visitor)
        again, look = await room.join(fan.ticket), await room.look(fan.ticket)
        assert fan.order == again.order == look.order == number
        for standing in (fan, again, look):
            assert not tells_number(f"{queue_view(standing)} {standing.ticket}", number)


async def test_nothing_a_fan_is_given_tells_the_number(make_room):
    await check_nothing_is_told(await make_room(mode=Mode.LOBBY))


async def test_control_a_ticket_that_says_its_order_tells_it(make_room, monkeypatch):
    room = await make_room(mode=Mode.LOBBY)

    def with_order(signer: Signer, place: Place) -> str:
        return str(signer._tickets.dumps([signer._room, place.visitor, place.order, place.epoch]))

    monkeypatch.setattr(Signer, "ticket", with_order)
    with pytest.raises(AssertionError):
        await check_nothing_is_told(room)


async def test_the_ticket_still_tells_no_number_when_the_doors_have_opened(make_room):
    room = await make_room(mode=Mode.LOBBY, rate_per_minute=0)
    fan = await room.join()
    await room.steer(mode=Mode.OPEN)
    standing = await room.look(fan.ticket)
    assert (standing.ticket, standing.order, standing.place) == (fan.ticket, fan.order, 1)
    assert room.read_ticket(fan.ticket).order == 0


@pytest.mark.parametrize("policy", [LOBBY, OPEN], ids=["in the lobby", "after the opening"])
@pytest.mark.parametrize("call", ["look", "join"])
async def test_a_lost_room_gives_drawn_fans_their_numbers_back(redis, make_room, policy, call):
    room = await make_room(mode=Mode.LOBBY, rate_per_minute=0)
    fans = [await room.join() for _ in range(10)]
    await redis.delete(*room.keys.touched)
    await room.ensure(policy, epoch=2, recovering=True)
    for fan in reversed(fans):
        back = await getattr(room, call)(fan.ticket)
        assert (back.order, back.new) == (draw_number(b"seed", fan.visitor), False)
    newcomer = await room.join()
    drawn = policy is LOBBY
    assert (newcomer.new, newcomer.order == draw_number(b"seed", newcomer.visitor)) == (True, drawn)
    line = await redis.zrange(room.keys.waiting, 0, -1)
    assert line == [fan.visitor for fan in sorted([*fans, newcomer], key=lambda fan: fan.order)]


async def test_the_seed_is_told_once_the_doors_open_and_from_then_on(redis, make_room):
    room = await make_room(mode=Mode.LOBBY)
    assert room.commitment == commitment(b"seed")
    with pytest.raises(NotDrawn):
        await room.reveal()
    assert not (await room.snapshot()).opened
    await room.steer(mode=Mode.OPEN)
    assert await room.reveal() == b"seed"
    await room.steer(mode=Mode.LOBBY)
    assert await room.reveal() == b"seed"
    assert (await room.snapshot()).opened
    await redis.delete(*room.keys.touched)
    with pytest.raises(RoomLost):
        await room.reveal()


async def check_an_opened_room_draws_no_more(redis, room):
    """Redis is lost before anybody was called, and the room comes back as the lobby it was turned into."""
    await room.steer(mode=Mode.OPEN)
    await room.steer(mode=Mode.LOBBY)
    frame = await room.snapshot()
    await redis.delete(*room.keys.touched)
    await room.ensure(LOBBY, epoch=2, frontier=frame.frontier, recovering=True)
    assert (await room.join()).order > 2**50
    assert await room.reveal() == b"seed"


async def test_an_opened_room_draws_no_more_though_redis_is_lost(redis, make_room):
    await check_an_opened_room_draws_no_more(redis, await make_room(mode=Mode.LOBBY, rate_per_minute=0))


async def test_control_without_the_least_frontier_it_would(redis, make_room):
    room = await make_room(mode=Mode.LOBBY, rate_per_minute=0)
    take_out(redis, room, "steer", "room.frontier = math.max(room.frontier, 1)")
    with pytest.raises(AssertionError):
        await check_an_opened_room_draws_no_more(redis, room)


async def check_a_room_that_is_due_draws_no_more(redis, room):
    """Redis is lost after the seed was published, and before anybody noted that the doors had opened."""
    seconds, _ = await redis.time()
    await redis.delete(*room.keys.touched)
    await room.ensure(replace(LOBBY, opens_at=(seconds - 1) * 1_000_000), epoch=2, recovering=True)
    fan = await room.join()
    assert (fan.state, fan.order > 2**50) == (State.LOBBY, True)


async def test_a_room_that_is_due_draws_no_more_though_no_tick_has_opened_it(redis, make_room):
    await check_a_room_that_is_due_draws_no_more(redis, await make_room(mode=Mode.LOBBY))


async def test_control_without_a_look_at_the_clock_it_would(redis, make_room):
    room = await make_room(mode=Mode.LOBBY)
    take_out(redis, room, "ensure", "or frontier > 0 or due", "or frontier > 0")
    with pytest.raises(AssertionError):
        await check_a_room_that_is_due_draws_no_more(redis, room)


async def test_the_clock_opens_and_ends_the_draw(redis, make_room):
    seconds, _ = await redis.time()
    room = await make_room(mode=Mode.LOBBY, opens_at=(seconds + HOUR) * 1_000_000)
    await room.tick()
    with pytest.raises(NotDrawn):
        await room.reveal()
    await travel(redis, room, HOUR + 1)
    assert (await room.tick()).opened
    assert await room.reveal() == b"seed"


async def check_only_opening_ends_the_draw(redis, room):
    fans = [await room.join() for _ in range(3)]
    for mode in (Mode.PAUSED, Mode.CLOSED, Mode.LOBBY, Mode.PAUSED):
        await room.steer(mode=mode)
        assert not (await room.tick()).opened
        await travel(redis, room, 1)
        with pytest.raises(NotDrawn):
            await room.reveal()
    late = await room.join()
    assert (late.state, late.place, late.opened) == (State.LOBBY, None, False)
    assert late.order == draw_number(b"seed", late.visitor)
    assert (await room.look(fans[0].ticket)).state is State.LOBBY
    assert not tells_number(f"{queue_view(late)} {late.ticket}", late.order)
    await room.steer(mode=Mode.OPEN)
    assert len(await room.draw()) == 4
    after = await room.join()
    assert (after.opened, after.order > 2**50) == (True, True)


async def test_pausing_or_closing_a_lobby_ends_no_draw(redis, make_room):
    await check_only_opening_ends_the_draw(redis, await make_room(mode=Mode.LOBBY, rate_per_minute=0))


async def test_control_if_any_other_mode_ended_it_that_would_be_seen(redis, make_room):
    room = await make_room(mode=Mode.LOBBY, rate_per_minute=0)
    take_out(redis, room, "steer", "if mode == 'open' and", "if mode ~= 'lobby' and")
    with pytest.raises(AssertionError):
        await check_only_opening_ends_the_draw(redis, room)


@pytest.mark.parametrize("mode", [Mode.PAUSED, Mode.CLOSED])
async def test_a_lobby_lost_while_it_was_paused_or_closed_still_draws(redis, make_room, mode):
    seconds, _ = await redis.time()
    room = await make_room(mode=Mode.LOBBY, rate_per_minute=0)
    fan = await room.join()
    await redis.delete(*room.keys.touched)
    past = (seconds - 1) * 1_000_000
    await room.ensure(replace(LOBBY, mode=mode, opens_at=past), epoch=2, recovering=True)
    assert not (await room.tick()).opened
    with pytest.raises(NotDrawn):
        await room.reveal()
    await room.steer(mode=Mode.LOBBY)
    newcomer = await room.join()
    assert newcomer.order == draw_number(b"seed", newcomer.visitor)
    assert (await room.look(fan.ticket)).order == fan.order


async def test_a_lobby_after_the_opening_says_that_nothing_is_drawn(make_room):
    room = await make_room(mode=Mode.LOBBY, rate_per_minute=0)
    assert not queue_view(await room.join())["opened"]
    await room.steer(mode=Mode.OPEN)
    await room.steer(mode=Mode.LOBBY)
    late = await room.join()
    assert (late.state, late.order > 2**50, queue_view(late)["opened"]) == (State.LOBBY, True, True)

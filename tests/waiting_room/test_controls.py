import time

import pytest

from waiting_room import BadPolicy, Mode, NotOpen, RoomClosed, RoomPolicy, State

from .support import take_out, travel


async def test_steering_changes_only_what_is_given(make_room):
    room = await make_room(message="hello", claim_seconds=60)
    before = await room.policy()
    after = await room.steer(rate_per_minute=30)
    assert after == await room.policy()
    assert after.stored() == before.stored() | {"rate": 30}
    assert (await room.steer(message="")).message == ""
    assert await room.steer() == await room.policy()


async def test_what_is_steered_is_in_the_next_frame(redis, make_room):
    room = await make_room()
    await room.tick()
    await room.steer(mode=Mode.PAUSED, rate_per_minute=7, max_active=8, message="Back at noon")
    await travel(redis, room, 1)
    frame = await room.tick()
    assert (frame.mode, frame.rate_per_minute, frame.max_active) == (Mode.PAUSED, 7, 8)
    assert frame.message == "Back at noon"


async def test_a_bad_control_changes_nothing(make_room):
    room = await make_room()
    before = await room.policy()
    with pytest.raises(BadPolicy, match="max_active"):
        await room.steer(rate_per_minute=5, max_active=-1)
    assert await room.policy() == before


async def test_a_room_is_made_once(make_room):
    room = await make_room()
    assert not await room.ensure(RoomPolicy(Mode.CLOSED, 1, 1), epoch=2)
    assert (await room.policy()).mode is Mode.OPEN
    assert (await room.snapshot()).epoch == 1


@pytest.mark.parametrize("mode", [Mode.PAUSED, Mode.LOBBY, Mode.CLOSED])
async def test_only_open_doors_admit(redis, make_room, mode):
    room = await make_room(max_active=0)
    fan = await room.join()
    await room.steer(mode=mode, max_active=10)
    await travel(redis, room, 10)
    assert (await room.tick()).admitted_total == 0
    await room.steer(mode=Mode.OPEN)
    await travel(redis, room, 1)
    assert (await room.tick()).admitted_total == 1
    assert (await room.look(fan.ticket)).state is State.CALLED


async def test_a_pause_keeps_the_place_and_tells_no_wait(make_room):
    room = await make_room(max_active=1)
    assert (await room.join()).state is State.CALLED
    fan = await room.join()
    assert fan.wait_seconds is not None
    await room.steer(mode=Mode.PAUSED, message="A short break")
    standing = await room.look(fan.ticket)
    assert (standing.state, standing.place, standing.wait_seconds) == (State.WAITING, 1, None)
    assert standing.message == "A short break"
    assert (await room.join()).place == 2


async def test_a_closed_room_takes_nobody_in_and_keeps_its_word(make_room):
    room = await make_room(max_active=1)
    called, waiting = await room.join(), await room.join()
    await room.steer(mode=Mode.CLOSED, message="Sold out")
    with pytest.raises(RoomClosed) as refused:
        await room.join()
    assert refused.value.message == "Sold out"
    for standing in (await room.join(waiting.ticket), await room.look(waiting.ticket)):
        assert (standing.state, standing.place, standing.message) == (State.CLOSED, None, "Sold out")
    assert (await room.claim(called.ticket)).visitor == called.visitor
    await room.steer(mode=Mode.OPEN)
    assert (await room.look(waiting.ticket)).order == waiting.order


async def test_nobody_joins_before_the_lobby_opens(redis, make_room):
    now = int(time.time() * 1_000_000)
    room = await make_room(mode=Mode.LOBBY, lobby_opens_at=now + 3_600_000_000)
    with pytest.raises(NotOpen):
        await room.join()
    await travel(redis, room, 3_700)
    assert (await room.join()).state is State.LOBBY


async def test_a_lobby_turned_on_by_hand_is_opened_by_hand(redis, make_room):
    opens_at = int(time.time() * 1_000_000) + 60_000_000
    room = await make_room(mode=Mode.LOBBY, opens_at=opens_at)
    assert (await room.steer(rate_per_minute=5)).opens_at == opens_at
    await room.steer(mode=Mode.PAUSED)
    assert (await room.steer(mode=Mode.LOBBY)).opens_at == 0
    await travel(redis, room, 3_600)
    assert (await room.tick()).mode is Mode.LOBBY


async def check_asking_for_what_is_so_moves_nothing(redis, room, opens_at):
    assert (await room.steer(mode=Mode.LOBBY)).opens_at == opens_at
    await travel(redis, room, 3_600)
    assert (await room.tick()).mode is Mode.OPEN


async def test_a_lobby_that_is_asked_to_be_one_opens_in_time(redis, make_room):
    opens_at = int(time.time() * 1_000_000) + 60_000_000
    room = await make_room(mode=Mode.LOBBY, opens_at=opens_at)
    await check_asking_for_what_is_so_moves_nothing(redis, room, opens_at)


async def test_control_if_any_press_cleared_the_time_it_would_not(redis, make_room):
    opens_at = int(time.time() * 1_000_000) + 60_000_000
    room = await make_room(mode=Mode.LOBBY, opens_at=opens_at)
    take_out(redis, room, "steer", "if value ~= room.mode then room", "if value == 'lobby' then room")
    with pytest.raises(AssertionError):
        await check_asking_for_what_is_so_moves_nothing(redis, room, opens_at)


@pytest.mark.parametrize("mode", [Mode.PAUSED, Mode.CLOSED])
async def test_a_lobby_that_was_shut_by_hand_stays_shut_at_its_time(redis, make_room, mode):
    room = await make_room(mode=Mode.LOBBY, opens_at=int(time.time() * 1_000_000) + 60_000_000)
    assert (await room.steer(mode=mode)).opens_at == 0
    await travel(redis, room, 3_600)
    frame = await room.tick()
    assert (frame.mode, frame.opened) == (mode, False)
    assert (await room.steer(mode=Mode.LOBBY)).opens_at == 0

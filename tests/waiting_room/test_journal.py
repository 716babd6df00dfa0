"""The journal says whose turn came, in which order and why, each once, until its reader has let go of it."""

import time

import pytest

from waiting_room import Kind, Mode, RoomLost, RoomPolicy, State, WaitingRoom

from .support import miss_turn, stand_in_line, take_out, travel


@pytest.fixture
async def room(redis, prefix) -> WaitingRoom:
    """Two a tick, and a journal from the first on."""
    made = WaitingRoom(redis, "event:42", secrets=["secret"], prefix=prefix)
    await made.ensure(RoomPolicy(Mode.OPEN, 240, 100), epoch=1, journal=True)
    return made


async def turns(room):
    return [turn for entry in await room.journal.read(100) for turn in entry.turns]


async def tick(redis, room):
    await travel(redis, room, 0.5)
    await room.tick()


async def test_it_begins_with_the_room_and_lists_the_called_in_their_order(redis, room):
    names = await stand_in_line(redis, room, 5)
    for _ in range(2):
        await tick(redis, room)
    begun, *entries = await room.journal.read(100)
    assert (begun.epoch, begun.turns) == (1, ())
    called = [turn for entry in entries for turn in entry.turns]
    assert [(t.visitor, t.kind) for t in called] == [(name, Kind.CALLED) for name in names[:4]]
    assert [t.order for t in called] == [1_700_000_000_000_000 + n for n in range(4)]
    assert all(abs(entry.at / 1e6 - time.time()) < 60 for entry in entries)
    assert sorted(entry.place for entry in entries) == [entry.place for entry in entries]


async def test_who_is_alone_is_let_in_at_once(redis, room):
    fan = await room.join()
    assert fan.state is State.CALLED
    (turn,) = await turns(room)
    assert (turn.visitor, turn.order, turn.kind) == (fan.visitor, fan.order, Kind.AT_ONCE)


async def test_passed_over_missed_and_returned_are_told_apart(redis, room):
    away, here, *_ = await stand_in_line(redis, room, 3)
    await room.set_present(away, False)
    await travel(redis, room, 301)
    await room.tick()
    assert {(t.visitor, t.kind) for t in await turns(room)} >= {
        (away, Kind.PASSED_OVER),
        (here, Kind.CALLED),
    }
    await travel(redis, room, 121)
    await room.tick()
    assert (here, 0, Kind.MISSED) in [(t.visitor, t.order, t.kind) for t in await turns(room)]
    # Both stand in line again, where they stood.
    await redis.zadd(room.keys.waiting, {away: 1_700_000_000_000_000, here: 1_700_000_000_000_001})
    await tick(redis, room)
    assert [(t.visitor, t.kind) for t in await turns(room)][-2:] == [
        (away, Kind.RETURNED),
        (here, Kind.RETURNED),
    ]


async def test_a_miss_that_no_tick_has_swept_is_written_once(redis, room):
    fan = await room.join()
    await travel(redis, room, 121)
    assert (await room.look(fan.ticket)).state is State.MISSED
    await room.look(fan.ticket)
    await room.tick()
    assert [t.kind for t in await turns(room)].count(Kind.MISSED) == 1


async def test_a_lease_that_lapsed_is_no_missed_turn(redis, room):
    fan = await room.join()
    await room.claim(fan.ticket)
    await travel(redis, room, 700)
    await room.tick()
    assert [t.kind for t in await turns(room)] == [Kind.AT_ONCE]


async def test_what_is_forgotten_is_gone_and_the_journal_goes_on(redis, room):
    await room.join()
    await room.journal.forget(await room.journal.read(100))
    assert await room.journal.read(100) == []
    assert not await room.journal.begin()
    await room.join()
    await tick(redis, room)
    assert len(await turns(room)) == 1


async def test_where_nobody_keeps_one_nothing_is_written_until_it_is_begun(redis, make_room):
    room = await make_room()
    await stand_in_line(redis, room, 20)
    await room.tick()
    await miss_turn(redis, room, "fan-000019")
    assert not await redis.exists(room.keys.journal)
    assert await room.journal.begin()
    assert not await room.journal.begin()
    await tick(redis, room)
    begun, entry = await room.journal.read(100)
    assert (begun.turns, len(entry.turns)) == ((), 5)


async def test_a_room_made_anew_says_so(redis, room):
    await redis.delete(*room.keys.touched)
    with pytest.raises(RoomLost):
        await room.journal.begin()
    await room.ensure(RoomPolicy(Mode.OPEN, 240, 100), epoch=2, recovering=True, journal=True)
    (begun,) = await room.journal.read(100)
    assert (begun.epoch, begun.turns) == (2, ())


async def test_control_without_its_line_a_call_is_not_in_the_journal(redis, room):
    take_out(redis, room, "tick", "journal(room, now, how,", "local _ = select('#',")
    await stand_in_line(redis, room, 2)
    await tick(redis, room)
    assert await turns(room) == []

"""A visitor the app knows, such as an account: one place, on all its devices, with a ticket or without."""

import asyncio

import pytest

from waiting_room import BadTicket, Mode, State, WaitingRoom, account_visitor

from .support import miss_turn, stand_in_line, travel

ME, YOU = (account_visitor(b"key", account) for account in ("17", "18"))


def test_an_account_is_one_visitor_to_a_room_and_another_to_the_next():
    assert ME == account_visitor(b"key", "17") != YOU
    assert account_visitor(b"another key", "17") != ME
    assert len(ME) == 14
    assert ME.replace("-", "").replace("_", "").isalnum()


async def lose_redis(redis, room: WaitingRoom) -> None:
    """All of the room is gone, and it has come back under a new epoch."""
    held = await room.policy()
    await redis.delete(*room.keys.touched)
    assert await room.ensure(held, epoch=2, recovering=True)


async def test_of_a_hundred_devices_at_once_there_is_one_place(redis, make_room):
    room = await make_room(rate_per_minute=0)
    standings = await asyncio.gather(*(room.join(visitor=ME) for _ in range(100)))
    assert await redis.zcard(room.keys.waiting) == 1
    assert {(s.visitor, s.order, s.ticket) for s in standings} == {
        (ME, standings[0].order, standings[0].ticket)
    }
    assert sum(s.new for s in standings) == 1
    assert (await room.join(visitor=YOU)).place == 2


async def test_devices_share_the_call_the_lease_and_its_end(make_room):
    room = await make_room()
    phone, laptop = await room.join(visitor=ME), await room.join(visitor=ME)
    assert phone.state is laptop.state is State.CALLED
    assert phone.claim_by == laptop.claim_by
    by_phone, by_laptop = await room.claim(phone.ticket), await room.claim(laptop.ticket)
    assert (by_phone.visitor, by_phone.expires_at) == (by_laptop.visitor, by_laptop.expires_at)
    tablet = await room.join(visitor=ME)
    assert (tablet.state, tablet.new) == (State.ACTIVE, False)
    assert (await room.snapshot()).active == 1
    await room.finish(ME)
    assert (await room.look(phone.ticket)).state is (await room.look(tablet.ticket)).state is State.DONE


async def test_another_accounts_ticket_is_passed_over_and_a_forged_one_refused(redis, make_room):
    room = await make_room(rate_per_minute=0)
    mine = await room.join(visitor=ME)
    yours = await room.join(mine.ticket, visitor=YOU)
    assert (yours.visitor, yours.place, yours.new) == (YOU, 2, True)
    assert (await room.join(yours.ticket, visitor=ME)).place == 1
    with pytest.raises(BadTicket):
        await room.join(mine.ticket[:-2], visitor=ME)
    assert await redis.zcard(room.keys.waiting) == 2


async def test_a_turn_missed_on_one_device_is_taken_back_on_another(redis, make_room):
    room = await make_room(max_active=2, claim_seconds=5)
    me, other = await room.join(visitor=ME), await room.join()
    assert me.state is other.state is State.CALLED
    line = [await room.join() for _ in range(3)]
    await travel(redis, room, 6)
    laptop = await room.join(visitor=ME)
    assert (laptop.state, laptop.new, laptop.place) == (State.WAITING, False, 1)
    assert me.order <= laptop.order < line[0].order
    # The ticket the phone has is as good as before.
    assert (await room.look(me.ticket)).order == laptop.order
    await room.tick()
    assert (await room.look(me.ticket)).state is State.CALLED


async def test_who_was_passed_over_before_anybody_was_called_comes_back_to_the_front(redis, make_room):
    room = await make_room(rate_per_minute=0)
    await room.join(visitor=ME)
    line = await stand_in_line(redis, room, 3)
    await miss_turn(redis, room, ME)
    back = await room.join(visitor=ME)
    assert (back.place, back.new) == (1, False)
    assert await redis.zrange(room.keys.waiting, 0, -1) == [ME, *line]


async def test_when_the_time_to_return_is_over_a_device_without_a_ticket_starts_anew(redis, make_room):
    room = await make_room(max_active=1, claim_seconds=5, return_seconds=10)
    me = await room.join(visitor=ME)
    await room.join()
    await travel(redis, room, 6)
    await room.look(me.ticket)
    await travel(redis, room, 11)
    anew = await room.join(visitor=ME)
    assert (anew.new, anew.place) == (True, 2)
    # And the ticket from before counts no more.
    assert (await room.join(me.ticket, visitor=ME)).order == anew.order


async def test_who_left_or_is_done_starts_anew_on_each_device(make_room):
    room = await make_room(max_active=1)
    me = await room.join(visitor=ME)
    await room.claim(me.ticket)
    await room.finish(ME)
    again = await room.join(visitor=ME)
    assert again.new
    assert again.order > me.order
    await room.leave(again.ticket)
    last = await room.join(visitor=ME)
    assert last.new
    assert last.order > again.order
    assert not (await room.join(me.ticket, visitor=ME)).new
    assert (await room.snapshot()).called == 1


async def test_after_a_loss_the_ticket_brings_the_place_back_whichever_device_comes_first(redis, make_room):
    room = await make_room(rate_per_minute=0)
    phone, second = await room.join(visitor=ME), await room.join()
    await lose_redis(redis, room)
    laptop = await room.join(visitor=ME)
    assert laptop.new
    await room.look(second.ticket)
    assert (await room.look(phone.ticket)).order == phone.order
    assert (await room.join(laptop.ticket, visitor=ME)).order == phone.order
    assert await redis.zrange(room.keys.waiting, 0, -1) == [ME, second.visitor]


async def test_after_a_loss_a_ticket_from_before_leaving_brings_nothing_back(redis, make_room):
    room = await make_room(rate_per_minute=0)
    phone = await room.join(visitor=ME)
    await lose_redis(redis, room)
    laptop = await room.join(visitor=ME)
    await room.leave(laptop.ticket)
    anew = await room.join(visitor=ME)
    assert (await room.look(phone.ticket)).order == anew.order > phone.order


async def test_in_the_lobby_each_device_finds_the_same_draw(redis, make_room):
    room = await make_room(mode=Mode.LOBBY)
    phone, laptop = await room.join(visitor=ME), await room.join(visitor=ME)
    assert (phone.state, phone.order) == (laptop.state, laptop.order)
    assert await redis.zcard(room.keys.waiting) == 1


@pytest.mark.parametrize("visitor", ["", "a b", "a\n", "é", "x" * 65])
async def test_what_is_no_visitor_is_a_mistake(make_room, visitor):
    room = await make_room()
    with pytest.raises(ValueError, match="visitor"):
        await room.join(visitor=visitor)

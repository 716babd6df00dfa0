import pytest

from waiting_room import NotCalled, State

from .support import stand_in_line, travel


async def called_and_missed(redis, room):
    """A fan who let their turn pass, with others waiting behind."""
    fan = await room.join()
    assert fan.state is State.CALLED
    await room.steer(rate_per_minute=0)
    behind = [await room.join() for _ in range(3)]
    await travel(redis, room, 121)
    await room.tick()
    return fan, behind


async def test_a_missed_turn_keeps_the_place_for_a_while(redis, make_room):
    room = await make_room()
    fan, _ = await called_and_missed(redis, room)
    standing = await room.look(fan.ticket)
    assert (standing.state, standing.place, standing.claim_by) == (State.MISSED, None, None)
    frame = await room.snapshot()
    assert (frame.called, frame.missed, frame.waiting) == (0, 1, 3)
    assert standing.expires_at == pytest.approx(frame.at / 1e6 + 900, abs=60)


async def test_who_returns_in_time_goes_to_the_front(redis, make_room):
    room = await make_room()
    fan, behind = await called_and_missed(redis, room)
    back = await room.join(fan.ticket)
    assert (back.state, back.place, back.order, back.new) == (State.WAITING, 1, fan.order, False)
    assert (await room.look(behind[0].ticket)).place == 2


async def test_a_phone_that_slept_ten_minutes_goes_in_next(redis, make_room):
    room = await make_room()
    fan, behind = await called_and_missed(redis, room)
    await travel(redis, room, 600)
    await room.join(fan.ticket, present=True)
    await room.steer(rate_per_minute=1, max_active=1)
    await travel(redis, room, 60)
    await room.tick()
    assert (await room.look(fan.ticket)).state is State.CALLED
    assert (await room.look(behind[0].ticket)).state is State.WAITING


async def test_a_claim_that_comes_too_late_puts_back_and_says_so(redis, make_room):
    room = await make_room()
    fan, _ = await called_and_missed(redis, room)
    with pytest.raises(NotCalled) as refused:
        await room.claim(fan.ticket)
    assert (refused.value.standing.state, refused.value.standing.place) == (State.WAITING, 1)


async def test_a_deadline_counts_before_any_tick_has_swept(redis, make_room):
    room = await make_room()
    fan = await room.join()
    await room.steer(rate_per_minute=0)
    await travel(redis, room, 121)
    with pytest.raises(NotCalled):
        await room.claim(fan.ticket)
    assert await redis.zcard(room.keys.called) == 0


async def test_a_lapsed_lease_frees_the_slot_and_keeps_the_place(redis, make_room):
    room = await make_room(max_active=1, lease_seconds=60)
    fan, other = await room.join(), await room.join()
    await room.claim(fan.ticket)
    await travel(redis, room, 61)
    frame = await room.tick()
    assert (frame.called, frame.active, frame.missed) == (1, 0, 1)
    assert (await room.look(other.ticket)).state is State.CALLED
    assert (await room.join(fan.ticket)).order == fan.order


async def test_a_payment_that_outlived_its_lease_is_done(redis, make_room):
    room = await make_room(lease_seconds=60)
    fan = await room.join()
    await room.claim(fan.ticket)
    await travel(redis, room, 61)
    await room.tick()
    await room.finish(fan.visitor)
    assert (await room.look(fan.ticket)).state is State.DONE


@pytest.mark.parametrize("much_later", [False, True])
async def test_who_returns_too_late_starts_anew(redis, make_room, much_later):
    room = await make_room()
    fan, behind = await called_and_missed(redis, room)
    await travel(redis, room, 3_600 if much_later else 901)
    await room.tick()
    standing = await room.look(fan.ticket)
    assert standing.state is State.MISSED
    again = await room.join(fan.ticket)
    assert (again.place, again.new) == (4, True)
    assert again.order > behind[-1].order


async def test_sweeps_are_bounded_and_go_on(redis, make_room):
    room = await make_room(rate_per_minute=0)
    await redis.zadd(room.keys.called, {f"fan {n}": 1_000_000 for n in range(1_500)})
    assert (await room.tick()).called == 500
    await travel(redis, room, 1)
    assert (await room.tick()).called == 0


async def test_who_was_away_too_long_is_passed_over_and_costs_no_token(redis, make_room):
    room = await make_room(rate_per_minute=60, max_active=10)
    await room.steer(max_active=0)
    away, here = await room.join(present=True), await room.join(present=True)
    await room.set_present(away.visitor, False)
    await travel(redis, room, 301)
    await room.steer(max_active=10)
    frame = await room.tick()
    assert (frame.admitted_total, frame.called, frame.missed) == (1, 1, 1)
    assert (await room.look(away.ticket)).state is State.MISSED
    assert (await room.look(here.ticket)).state is State.CALLED
    assert (await room.join(away.ticket)).order == away.order


async def test_many_who_are_away_are_passed_over_in_one_tick(redis, make_room):
    room = await make_room(rate_per_minute=600)
    names = await stand_in_line(redis, room, 500)
    for name in names[:490]:
        await room.set_present(name, False)
    await travel(redis, room, 301)
    frame = await room.tick()
    assert (frame.missed, frame.called, frame.waiting) == (490, 5, 5)
    assert await redis.exists(room.keys.away) == 0


async def test_a_short_absence_costs_nothing(redis, make_room):
    room = await make_room(max_active=0)
    fan = await room.join(present=True)
    await room.set_present(fan.visitor, False)
    await travel(redis, room, 200)
    await room.steer(max_active=1)
    await room.tick()
    assert (await room.look(fan.ticket)).state is State.CALLED


@pytest.mark.parametrize("sign_of_life", ["join", "look", "poll", "socket", "kept"])
async def test_a_sign_of_life_ends_the_absence(redis, make_room, sign_of_life):
    room = await make_room(max_active=0)
    fan = await room.join()
    await travel(redis, room, 250)
    if sign_of_life == "join":
        await room.join(fan.ticket, present=True)
    elif sign_of_life == "look":
        await room.look(fan.ticket, present=True)
    elif sign_of_life == "poll":
        await room.look(fan.ticket, present=False)
    elif sign_of_life == "kept":
        await room.keep_present([fan.visitor, *(f"another {n}" for n in range(2_000))])
    else:
        await room.set_present(fan.visitor, True)
    await travel(redis, room, 250)
    await room.steer(max_active=1)
    await room.tick()
    assert (await room.look(fan.ticket)).state is State.CALLED


async def test_only_the_waiting_are_noted_as_away(redis, make_room):
    room = await make_room()
    called = await room.join()
    for visitor in (called.visitor, "nobody"):
        await room.set_present(visitor, False)
    assert await redis.exists(room.keys.away) == 0


async def test_nobody_to_keep_present_is_no_command(make_room):
    room = await make_room()
    await room.keep_present([])


async def test_the_frontier_passes_who_is_passed_over(redis, make_room):
    """Who comes back from another device without a ticket is then never ahead of where they were."""
    room = await make_room(max_active=0)
    fan = await room.join()
    await travel(redis, room, 301)
    await room.steer(max_active=1)
    assert (await room.tick()).frontier == fan.order
    again = await room.join(visitor=fan.visitor)
    assert (again.state, again.order) == (State.CALLED, fan.order)


async def test_what_was_served_twice_does_not_end_the_next_lease(redis, make_room):
    """A ledger that takes another's work over says it again, when the fan may have come in anew."""
    room = await make_room()
    fan = await room.join()
    asked_at = (await room.claim(fan.ticket)).expires_at - 600
    await room.finish(fan.visitor, asked_at=asked_at)
    again = await room.join(fan.ticket)
    await room.claim(again.ticket)
    await room.finish(fan.visitor, asked_at=asked_at)
    assert (await room.look(again.ticket)).state is State.ACTIVE
    await room.finish(fan.visitor)
    assert (await room.look(again.ticket)).state is State.DONE


async def test_many_leases_end_in_one_call_and_each_by_its_own_time(make_room):
    room = await make_room()
    fans = [await room.join() for _ in range(3)]
    asked_at = [(await room.claim(fan.ticket)).expires_at - 600 for fan in fans]
    await room.finish(fans[0].visitor, asked_at=asked_at[0])
    anew = await room.join(fans[0].ticket)
    await room.claim(anew.ticket)
    await room.finish_all([(fans[0].visitor, asked_at[0]), ("nobody", 0), (fans[1].visitor, asked_at[1])])
    states = [(await room.look(ticket)).state for ticket in (anew.ticket, fans[1].ticket, fans[2].ticket)]
    assert states == [State.ACTIVE, State.DONE, State.ACTIVE]


async def test_use_never_makes_a_lease_shorter(redis, make_room):
    room = await make_room()
    fan = await room.join()
    granted = await room.claim(fan.ticket)
    # As the desk does for who holds tickets: the lease lasts as long as they do.
    await redis.zadd(room.keys.active, {fan.visitor: round((granted.expires_at + 900) * 1e6)})
    assert await room.renew(fan.visitor) == pytest.approx(granted.expires_at + 900, abs=1)

"""What one socket is told of its wait, frame by frame; the sale is the model's."""

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

from tests.waiting_room.model_sale import Crowd, ModelSale
from ticketflow.live.fan_line import FanLine
from ticketflow.live.outlook import Outlook
from ticketflow.live.slot import Slot
from waiting_room import Frame, Mode, RankMap, Slower, Standing, State
from waiting_room.estimate import sampled_ranks
from waiting_room.promise import first_promise
from waiting_room.views import queue_view


class Told(Slot):
    """Keeps what is put into it."""

    def __init__(self) -> None:
        super().__init__()
        self.views: list[dict[str, Any]] = []

    def put(self, kind: str, frame: str) -> None:
        self.views.append(json.loads(frame))


def standing(frame: Frame, order: int) -> Standing:
    assert frame.ranks is not None
    place = frame.ranks.place(order)
    return Standing(
        state=State.WAITING,
        visitor="fan",
        order=order,
        ticket="ticket",
        place=place,
        ahead=place - 1,
        waiting=frame.waiting,
        promise=first_promise(frame.expect(place - 1), frame.at / 1e6),
        rate_per_minute=frame.rate_per_minute,
        claim_by=None,
        expires_at=None,
        message="",
        mode=frame.mode,
        new=False,
        epoch=frame.epoch,
    )


async def never() -> Standing:
    raise AssertionError("nothing has happened that only Redis knows")


def fan_in_the_middle() -> tuple[ModelSale, FanLine, Told]:
    sale = ModelSale(Crowd(arrivals=4, lobby=2000), rate=240, cap=2000, seed=1)
    sale.run(60)
    slot = Told()
    line = FanLine(slot, never)
    line.tell(standing(sale.frame(), sale.line[1000]))
    return sale, line, slot


def advance(sale: ModelSale, line: FanLine) -> Frame:
    frame = sale.frame()
    line.advance(frame, frame.ranks)
    return frame


def test_the_promise_counts_down_and_between_rank_maps_nothing_else():
    sale, line, slot = fan_in_the_middle()
    low, high = slot.views[-1]["wait_seconds"]
    frame = sale.frame()
    later = replace(frame, at=frame.at + 3_000_000, ranks=None)
    line.advance(later, frame.ranks)
    assert slot.views[-1]["wait_seconds"] == [low - 3, high - 3]
    assert slot.views[-1]["slower"] is None


def test_the_end_told_never_moves_away_without_a_reason():
    sale, line, slot = fan_in_the_middle()
    ends = []
    for _ in range(60):
        sale.run(2)
        advance(sale, line)
        view = slot.views[-1]
        ends.append((sale.now + view["wait_seconds"][1], view["slower"]))
    for (before, _), (after, slower) in pairwise(ends):
        # A second is what rounding outwards may add.
        assert after <= before + 1 or slower is not None


def test_a_lowered_rate_is_told_with_the_next_frame_map_or_not():
    sale, line, slot = fan_in_the_middle()
    before = slot.views[-1]["wait_seconds"]
    ranks = sale.frame().ranks
    sale.steer(rate=120)
    frame = sale.frame()
    line.advance(replace(frame, at=frame.at + 500_000, ranks=None), ranks)
    assert slot.views[-1]["slower"] == "rate_lowered"
    assert slot.views[-1]["wait_seconds"][0] > before[1]


def test_a_pause_says_so_and_what_comes_after_it_too():
    sale, line, slot = fan_in_the_middle()
    sale.steer(mode=Mode.PAUSED)
    sale.run(2)
    advance(sale, line)
    assert (slot.views[-1]["wait_seconds"], slot.views[-1]["slower"]) == (None, "paused")
    sale.run(100)
    sale.steer(mode=Mode.OPEN)
    sale.run(2)
    advance(sale, line)
    assert slot.views[-1]["wait_seconds"] is not None
    assert slot.views[-1]["slower"] == "paused"


def test_while_the_line_is_put_together_again_no_wait_is_told():
    sale, line, slot = fan_in_the_middle()
    frame = sale.frame()
    place = slot.views[-1]["place"]
    line.advance(replace(frame, recovering=True), frame.ranks)
    assert (slot.views[-1]["wait_seconds"], slot.views[-1]["place"]) == (None, place)


def test_a_look_does_not_undo_the_promise():
    sale, line, slot = fan_in_the_middle()
    told = slot.views[-1]["wait_seconds"]
    known = line.standing
    assert known
    forgetful = first_promise(sale.frame().expect(1_500), sale.now)
    line.tell(replace(known, promise=forgetful))
    assert slot.views[-1]["wait_seconds"] == told


def test_a_lobby_that_is_paused_before_the_opening_asks_redis_nothing():
    _, line, _ = fan_in_the_middle()
    assert line.standing
    frame = replace(ModelSale(Crowd(arrivals=4, lobby=10), rate=240, cap=2000, seed=1).frame(), frontier=0)
    line.tell(replace(line.standing, state=State.LOBBY, epoch=frame.epoch, opened=False))
    for mode, looks in ((Mode.LOBBY, False), (Mode.PAUSED, False), (Mode.CLOSED, True)):
        assert line.must_look(replace(frame, mode=mode)) is looks
    assert line.must_look(replace(frame, mode=Mode.OPEN, frontier=1))


def test_a_frame_put_together_from_parts_is_the_view_of_a_look():
    sale, line, slot = fan_in_the_middle()
    sale.run(30)
    advance(sale, line)
    assert line.standing
    view = queue_view(line.standing)
    del view["ticket"]
    told = slot.views[-1]
    # What the frame says to all comes out of the frame, and a standing keeps what Redis said.
    assert told.pop("waiting") == len(sale.line) != view.pop("waiting")
    assert told == {"type": "place", **view}


def test_a_forecast_shared_by_rank_is_as_near_as_the_place():
    frame = fan_in_the_middle()[0].frame()
    for ahead in range(frame.waiting):
        own, shared = frame.expect(ahead), frame.expect_about(ahead)
        assert own
        assert shared
        assert own.plain <= shared.plain <= own.plain * 1.011 + 1e-9


def test_what_is_no_news_is_not_told_again():
    sale, line, slot = fan_in_the_middle()
    frame = advance(sale, line)
    told = len(slot.views)
    line.advance(frame, frame.ranks)
    assert len(slot.views) == told


def test_what_will_be_left_is_told_of_those_who_really_are_ahead():
    sale, _, slot = fan_in_the_middle()
    asked: list[int | None] = []

    def left_after(ahead: int | None) -> Outlook | None:
        asked.append(ahead)
        return Outlook(7, 9, False) if len(asked) == 1 else None

    line = FanLine(slot, never, left_after)
    frame = sale.frame()
    told = replace(standing(frame, sale.line[1000]), place=1, ahead=0)
    line.tell(told)
    assert slot.views[-1]["left_at_turn"] == {"least": 7, "most": 9, "sure": False}
    sale.run(2)
    advance(sale, line)
    # Shown as the first, as before; behind others who have come back.
    assert slot.views[-1]["place"] == 1
    assert "left_at_turn" not in slot.views[-1]
    assert asked[0] == 0
    assert asked[-1] is not None
    assert asked[-1] > 500


def crowded(sale: ModelSale) -> RankMap:
    """The line with as many more in front of everybody as there are in it."""
    line = [*range(1, len(sale.line) + 1), *sale.line]
    return RankMap([line[rank] for rank in sampled_ranks(len(line))], len(line))


def called(frame: Frame, order: int) -> Standing:
    ends = frame.at / 1e6 + 120
    return replace(standing(frame, order), state=State.CALLED, place=None, ahead=None, claim_by=ends)


def test_a_drain_is_looked_into_by_who_was_called_and_moves_nobody_back():
    sale, line, slot = fan_in_the_middle()
    place = slot.views[-1]["place"]
    frame = replace(sale.frame(), mode=Mode.DRAINING, slower=Slower.DRAINING, steered_at=sale.frame().at)
    # Those called back stand in front again.
    line.advance(frame, crowded(sale))
    assert (slot.views[-1]["place"], slot.views[-1]["slower"]) == (place, "draining")
    assert slot.views[-1]["wait_seconds"] is None
    assert not line.must_look(frame)
    first = FanLine(Told(), never)
    first.tell(called(frame, sale.line[0]))
    assert first.must_look(frame)
    assert not first.must_look(replace(frame, mode=Mode.PAUSED))


async def test_who_is_inside_looks_once_when_all_are_given_more_time():
    sale, _, _ = fan_in_the_middle()
    frame = sale.frame()
    inside = replace(called(frame, sale.line[0]), state=State.ACTIVE, expires_at=frame.at / 1e6 + 600)

    async def look() -> Standing:
        return inside

    line = FanLine(Told(), look)
    line.tell(inside)
    assert not line.must_look(frame)
    longer = replace(frame, extended_at=frame.at)
    assert line.must_look(longer)
    await line.refresh()
    assert not line.must_look(longer)

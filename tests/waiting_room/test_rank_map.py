import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waiting_room import RankMap
from waiting_room.estimate import sampled_ranks

from .support import stand_in_line


def of_line(line):
    """The map of a line given as sorted orders."""
    return RankMap([line[rank] for rank in sampled_ranks(len(line))], len(line))


@st.composite
def lines(draw):
    """Lines whose arrivals come in bursts: gaps of very different sizes next to each other."""
    bursts = draw(
        st.lists(st.tuples(st.integers(1, 1_500), st.sampled_from([1, 7, 900, 10**6, 10**9])), max_size=8)
    )
    line: list[int] = []
    last = 2**50
    for count, gap in bursts:
        line.extend(range(last + gap, last + gap * (count + 1), gap))
        last = line[-1]
    return line


@given(lines())
@settings(deadline=None, max_examples=60)
def test_a_place_is_exact_in_front_and_within_1_percent_behind(line):
    ranks = of_line(line)
    for true, order in enumerate(line, start=1):
        allowed = 0 if true <= 256 else max(1, true * 0.01)
        assert abs(ranks.place(order) - true) <= allowed


@given(lines())
@settings(deadline=None, max_examples=30)
def test_places_follow_orders(line):
    ranks = of_line(line)
    places = [ranks.place(order) for order in line]
    assert places == sorted(places)
    assert all(1 <= place <= len(line) for place in places)


def test_an_order_beyond_the_line_is_behind_all_of_it():
    assert of_line([10, 20, 30]).place(31) == 4
    assert of_line(list(range(1_000))).place(1_000) == 1_001


def test_an_order_not_in_the_line_stands_between_its_neighbours():
    assert [of_line([10, 20, 30]).place(order) for order in (5, 15, 25)] == [1, 2, 3]


def test_an_empty_line_is_a_map_too():
    assert of_line([]).place(5) == 1


def test_a_million_take_about_1100_samples():
    assert 1_000 < len(sampled_ranks(1_000_000)) < 1_200


def test_orders_must_fit_the_count():
    with pytest.raises(ValueError, match="3 orders"):
        RankMap([1, 2], 3)


@pytest.mark.parametrize("waiting", [0, 1, 255, 256, 257, 258, 259, 700, 5_000])
async def test_redis_samples_the_same_ranks(redis, make_room, waiting):
    room = await make_room(rate_per_minute=0)
    if waiting:
        await stand_in_line(redis, room, waiting)
    frame = await room.snapshot()
    line = [int(order) for _, order in await redis.zrange(room.keys.waiting, 0, -1, withscores=True)]
    assert frame.ranks._orders == of_line(line)._orders
    assert frame.waiting == waiting

"""The best seats together: side by side in one row, near the front and the middle, nobody left alone."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketflow.booking.best_seats import best_together, rows_of
from ticketflow.stock.stock import free_bits
from ticketflow.store.events import Seat


def hall(*lengths: int, section: str = "Stalls") -> list[Seat]:
    """Rows of so many seats each, called A, B, C and so on."""
    return [
        Seat(section, chr(65 + row), number)
        for row, length in enumerate(lengths)
        for number in range(1, length + 1)
    ]


def best(seats: Sequence[Seat], wanted: int, *, sold: Sequence[int] = (), among: int = 1) -> list[int]:
    return best_together(rows_of(seats), free_bits(len(seats), sold), wanted, among)


def test_rows_know_their_units_and_how_far_back_they_are():
    rows = rows_of([*hall(3, 2), *hall(4, section="Balcony")])
    assert [(row.section, row.row, row.first, row.numbers, row.depth) for row in rows] == [
        ("Stalls", "A", 0, (1, 2, 3), 0),
        ("Stalls", "B", 3, (1, 2), 1),
        ("Balcony", "A", 5, (1, 2, 3, 4), 0),
    ]


@pytest.mark.parametrize(
    ("wanted", "sold", "expected"),
    [
        (2, [], [4, 5]),  # the middle of the first row
        (3, [], [3, 4, 5]),
        (2, [4, 5], [2, 3]),  # two aside is no worse than a row back
        (2, [3, 4, 5, 6], [14, 15]),  # three aside is, and leaves one alone
        (10, [], list(range(10))),
        (11, [], []),  # no row is that long: not even across two
        (2, [n for n in range(20) if n not in (9, 10)], []),  # the end of one row and the start of the next
        (1, [n for n in range(20) if n != 17], [17]),
        (4, [4, 15], [0, 1, 2, 3]),
    ],
)
def test_the_best_of_two_rows_of_ten(wanted: int, sold: Sequence[int], expected: list[int]):
    assert best(hall(10, 10), wanted, sold=sold) == expected


def test_no_seat_is_left_alone_if_that_costs_little():
    assert best(hall(5), 2) == [0, 1]  # not 1 and 2, with 0 by itself
    assert best(hall(3), 2) == [0, 1]  # here somebody is alone in any case


@given(st.data())
def test_what_is_found_is_free_and_in_one_row_and_nothing_is_overlooked(data: st.DataObject):
    seats = hall(*data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=5)))
    sold = data.draw(st.sets(st.integers(0, len(seats) - 1)))
    wanted = data.draw(st.integers(1, 5))
    found = best(seats, wanted, sold=sorted(sold), among=data.draw(st.integers(1, 9)))
    possible = [
        list(range(first, first + wanted))
        for first in range(len(seats) - wanted + 1)
        if not sold & set(range(first, first + wanted)) and seats[first].row == seats[first + wanted - 1].row
    ]
    assert found in possible if possible else found == []


def test_many_who_are_told_to_spread_do():
    drawn = {tuple(best(hall(20, 20), 2, among=8)) for _ in range(200)}
    assert len(drawn) == 8

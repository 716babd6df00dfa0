"""What is counted, and what a suspicious customer notices."""

from random import Random

import pytest

from ticketflow.crowd.character import Character
from ticketflow.crowd.tally import Outcome, Phase, Tally
from ticketflow.crowd.witness import Witness


def waiting(place: int, wait: list[int] | None = None) -> dict:
    return {"state": "waiting", "place": place, "ahead": place - 1, "wait_seconds": wait}


@pytest.fixture
def tally() -> Tally:
    return Tally(10)


@pytest.fixture
def witness(tally: Tally) -> Witness:
    return Witness(tally, {"1": 100})


def test_a_place_that_falls_is_well(tally: Tally, witness: Witness):
    for place in (12, 12, 7, 1):
        witness.see_place(waiting(place), 1)
    assert tally.errors == {}


def test_a_place_that_rises_is_seen(tally: Tally, witness: Witness):
    witness.see_place(waiting(12), 0)
    witness.see_place(waiting(13), 1)
    assert tally.errors == {"a place rose": 1}


def test_far_behind_a_new_connection_may_be_one_percent_off(tally: Tally, witness: Witness):
    witness.see_place(waiting(1000), 1)
    witness.see_place(waiting(1010), 2)
    assert tally.errors == {}
    witness.see_place(waiting(1011), 2)
    assert tally.errors == {"a place rose": 1}


def test_who_was_called_and_stands_in_line_again_has_a_new_place(tally: Tally, witness: Witness):
    witness.see_place(waiting(1), 1)
    witness.see_place({"state": "missed", "place": None}, 1)
    witness.see_place(waiting(40), 1)
    assert tally.errors == {}


@pytest.mark.parametrize("place", [0, -1, None, "3"])
def test_a_place_that_is_none_is_seen(tally: Tally, witness: Witness, place):
    witness.see_place({**waiting(1), "place": place}, 1)
    assert tally.errors == {"a place that is none": 1}


@pytest.mark.parametrize(
    ("remaining", "error"), [(-1, "stock below zero"), (101, "more in stock than there is")]
)
def test_impossible_stock_is_seen(tally: Tally, witness: Witness, remaining: int, error: str):
    witness.see_stock({"remaining": {"1": 0}})
    witness.see_stock({"remaining": {"1": 100}})
    assert tally.errors == {}
    witness.see_stock({"remaining": {"1": remaining}})
    assert tally.errors == {error: 1}


HOLD = {"units": [4, 5], "amount": 5000}
BOOKING = {
    "id": "b1",
    "status": "confirmed",
    "units": [4, 5],
    "amount": 5000,
    "tickets": [{"code": "X"}, {"code": "Y"}],
}


@pytest.mark.parametrize(
    ("changed", "listed"),
    [
        ({}, []),
        ({}, [{**BOOKING, "status": "processing"}]),
        ({}, [{**BOOKING, "units": [4]}]),
        ({"amount": 1}, [BOOKING]),
        ({"tickets": [{"code": "X"}, {"code": "X"}]}, [BOOKING]),
    ],
)
def test_a_booking_that_does_not_fit_is_seen(tally: Tally, witness: Witness, changed: dict, listed: list):
    witness.see_booking(BOOKING, HOLD, [BOOKING])
    assert tally.errors == {}
    witness.see_booking({**BOOKING, **changed}, HOLD, listed)
    assert tally.errors.total() == 1


def test_a_unit_sold_twice_is_seen(tally: Tally):
    tally.booked(1, [4, 5])
    tally.booked(2, [4, 5])
    assert tally.errors == {}
    tally.booked(1, [5])
    assert tally.errors == {"a unit was sold twice": 1}
    assert (tally.bookings, tally.tickets) == (3, 5)


def test_waits_and_told_intervals(tally: Tally, witness: Witness):
    witness.see_place(waiting(9, [2, 6]), 0)
    witness.see_place(waiting(3, [1, 2]), 1)
    assert witness.told == (2.0, 6.0)
    for waited in (1, 2, 6, 7):
        tally.called(waited, witness.told)
    tally.called(0, None)
    assert (tally.intervals_told, tally.intervals_held) == (4, 2)
    assert [tally.wait_at(share) for share in (0, 0.5, 0.9, 1)] == [0, 2, 7, 7]


def test_everybody_is_somewhere(tally: Tally):
    tally.move(Phase.AWAY, Phase.ARRIVING)
    tally.move(Phase.ARRIVING, Phase.WAITING)
    tally.outcomes[Outcome.GAVE_BACK] += 1
    assert (tally.arrived, tally.gave_up) == (1, 1)
    assert tally.phases.total() == tally.size


def test_a_crowd_has_all_kinds_of_people_and_nobody_wants_more_than_they_may():
    dice = Random(7)
    people = [Character.draw(dice, most_tickets=3) for _ in range(1000)]
    assert {person.wants for person in people} == {1, 2, 3}
    assert 20 < sum(person.patience is not None for person in people) < 120
    assert any(person.lets_turn_pass for person in people)
    assert any(person.gives_back for person in people)
    assert {person.cards[0] for person in people} == {"card-ok", "card-slow", "card-timeout", "card-declined"}

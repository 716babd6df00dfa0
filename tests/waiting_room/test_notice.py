"""The words of the waiting page, and the page itself in a real browser."""

from dataclasses import fields, replace
from http import HTTPStatus
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.browser.inspector import Inspector
from waiting_room import Frame, Mode, RoomPolicy, Standing, State
from waiting_room.notice import (
    Notice,
    closed,
    coming_back,
    not_open,
    notice_of,
    outside,
    render,
    span,
    too_many,
)
from waiting_room.promise import Promise, Slower, Window

POLICY = RoomPolicy(Mode.OPEN, 60, 200)
# Only what the page reads is given.
SEEN: dict[str, Any] = {"mode": Mode.OPEN, "at": 1_000_000, "frontier": 4, "message": ""}
TIMES = {"lobby_opens_at": 61_000_000, "opens_at": 721_000_000}
FRAME = Frame(**dict.fromkeys([field.name for field in fields(Frame)], 0) | SEEN | TIMES)
STANDS: dict[str, Any] = {"state": State.WAITING, "order": 5, "place": 1235, "ahead": 1234}
HEARS: dict[str, Any] = {"promise": Promise(0, Window(1500, 2100)), "mode": Mode.OPEN, "message": ""}
UNSAID: dict[str, Any] = dict.fromkeys([field.name for field in fields(Standing)])
WAITING = Standing(**UNSAID | STANDS | HEARS)


def told(**changes: object) -> Notice:
    return notice_of(replace(WAITING, **changes), POLICY, FRAME)  # type: ignore[arg-type]


def within(low: float, high: float, slower: Slower | None = None) -> Promise:
    return Promise(0, Window(low, high), slower)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (59, "less than a minute"),
        (60, "1 minute"),
        (61, "2 minutes"),
        (7140, "119 minutes"),
        (7200, "2 hours"),
        (86_400 * 2, "2 days"),
    ],
)
def test_a_length_of_time_in_words(seconds, words):
    assert span(seconds) == words


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        ((5, 40), "in less than a minute"),
        ((5, 300), "within 5 minutes"),
        ((1500, 2100), "between 25 minutes and 35 minutes from now"),
        ((121, 180), "in about 3 minutes"),
        (None, "stands still"),
    ],
)
def test_a_wait_in_words(wait, words):
    assert words in told(promise=wait and within(*wait)).lines[1]


def test_a_longer_wait_says_why():
    for slower in Slower:
        (why,) = told(promise=within(60, 90, slower)).lines[2:]
        assert why
    assert len(told().lines) == 2


def test_a_page_looks_more_often_the_nearer_the_turn_and_always_in_time():
    looks = [told(promise=within(low, low + 60)).refresh_seconds for low in (0, 100, 1000)]
    assert looks == [3, 10, 30]
    hurried = replace(POLICY, claim_seconds=15)
    assert notice_of(WAITING, hurried, FRAME).refresh_seconds == 5


def test_only_who_was_passed_by_the_frontier_is_told_of_an_earlier_turn():
    assert "Your turn had come before" not in told().lines[0]
    assert "Your turn had come before" in told(order=4).lines[0]


def test_no_time_to_return_is_promised_where_there_is_none():
    advice = notice_of(WAITING, replace(POLICY, return_seconds=0), FRAME).advice
    assert not [line for line in advice if "come back" in line]


def test_a_lobby_that_draws_no_more_says_so():
    first, again = (told(state=State.LOBBY, place=None, opened=opened).lines[1] for opened in (False, True))
    assert ("by lot" in first, "first come, first served" in first) == (True, False)
    assert ("by lot" in again, "first come, first served" in again) == (False, True)


ALL = {
    "far": told(),
    "next": told(place=1, ahead=0, message="Doors are slow.\n" + "Verylongwordswithoutaspace" * 4),
    "millions": told(place=1_234_567, ahead=1_234_566),
    "paused": told(mode=Mode.PAUSED, promise=None),
    "recovering": told(place=None, ahead=None),
    "lobby": told(state=State.LOBBY, place=None, ahead=None, opened=False),
    "lobby again": told(state=State.LOBBY, place=None, ahead=None, opened=True),
    **{state.value: told(state=state) for state in (State.MISSED, State.LEFT, State.DONE, State.CLOSED)},
    "not open": not_open(FRAME),
    "nothing known": not_open(None),
    "closed": closed("Sold out."),
    "lost": coming_back(),
    "outside": outside(),
    "too many": too_many(7),
}


def test_no_notice_is_a_dead_end():
    assert [name for name, notice in ALL.items() if not notice.refresh_seconds and not notice.action] == []
    assert all(notice.lines and notice.status is not HTTPStatus.OK for notice in ALL.values())


@pytest.mark.browser
async def test_the_page_has_no_barriers_and_fits_a_phone(browser: Browser):
    inspector = Inspector()
    page = await browser.new_page(viewport={"width": 375, "height": 700})
    for name, notice in ALL.items():
        await page.set_content(render(notice, title="The winter market", back="/", queue="/queue"))
        await inspector.look_over(page, name)
    assert inspector.faults == [], "\n".join(inspector.faults)

"""What the waiting page says to a fan who is not in. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Literal
from zlib import crc32

from jinja2 import Environment, Template, select_autoescape

from .frame import Frame
from .policy import Mode, RoomPolicy
from .promise import Slower
from .standing import Standing, State

SOONEST, LATEST = 3, 30
"""Seconds between two looks of a page: who is called in an hour need not ask as often as who is next."""

Action = Literal["leave", "again", "visit", ""]


@dataclass(frozen=True)
class Notice:
    """One page: what it says, what it advises, and what can be done there.

    `refresh_seconds` is when the page looks again by itself, None for a page that only a person moves on.
    `action` is the one thing offered besides: give the place up, take a new one, or go to the door.
    """

    heading: str
    lines: tuple[str, ...]
    status: HTTPStatus
    advice: tuple[str, ...] = ()
    place: int | None = None
    message: str = ""
    refresh_seconds: int | None = None
    action: Action = ""


def notice_of(standing: Standing, policy: RoomPolicy, frame: Frame | None) -> Notice:
    """What a fan with a place is told. `frame` is the room's last one, if any was seen."""
    if standing.state is State.CLOSED:
        return closed(standing.message)
    if standing.state in GONE:
        heading, line = GONE[standing.state]
        return Notice(heading, (line,), HTTPStatus.FORBIDDEN, message=standing.message, action="again")
    heading, lines = (
        _in_lobby(standing, frame) if standing.state is State.LOBBY else _in_line(standing, frame)
    )
    return Notice(
        heading,
        lines,
        HTTPStatus.ACCEPTED,
        advice=_advice(policy),
        place=standing.place,
        message=standing.message,
        refresh_seconds=next_look(standing, policy),
        action="leave",
    )


GONE = {
    State.LEFT: (
        "You have left the line",
        "No place is kept for you. You can join again, at the end of the line.",
    ),
    State.DONE: ("You have been in", "To come in once more, join again, at the end of the line."),
    State.MISSED: (
        "You were away too long",
        "Your turn has passed, and the time to come back to it. You can join again, at the end of the line.",
    ),
}


def closed(message: str = "") -> Notice:
    """The room takes nobody in. It may be opened again by hand, so the page goes on looking, seldom."""
    lines = ("Nobody is let in any more.",)
    return Notice("The doors are closed", lines, HTTPStatus.CONFLICT, message=message, refresh_seconds=LATEST)


def not_open(frame: Frame | None) -> Notice:
    """The lobby opens later."""
    seconds = frame and seconds_to(frame.lobby_opens_at, frame)
    when = f"It opens in {span(seconds)}." if seconds else "It opens soon."
    return Notice(
        "The line is not open yet",
        (when,),
        HTTPStatus.CONFLICT,
        advice=("Keep this page open: it joins the line by itself.",),
        message=frame.message if frame else "",
        refresh_seconds=_within(seconds or SOONEST),
    )


def coming_back() -> Notice:
    """The room is lost, or its Redis cannot be reached. Whoever had a place holds it in a cookie."""
    lines = (
        "It will be here in a moment.",
        "If you had a place, you still have it. This page looks by itself.",
    )
    return Notice("The line is coming back", lines, HTTPStatus.SERVICE_UNAVAILABLE, refresh_seconds=SOONEST)


def too_many(retry_after: int) -> Notice:
    """Too many places were taken from where the visitor is; in `retry_after` seconds there is room."""
    lines = (
        "Many places have just been taken from where you are.",
        "This page asks for yours again by itself.",
    )
    return Notice(
        "One moment", lines, HTTPStatus.TOO_MANY_REQUESTS, refresh_seconds=max(SOONEST, retry_after)
    )


def outside() -> Notice:
    """A form was sent by somebody without a place."""
    lines = ("What you sent was not taken. Join the line, and send it again once you are in.",)
    return Notice("You are not in yet", lines, HTTPStatus.FORBIDDEN, action="visit")


def render(notice: Notice, *, title: str, back: str, queue: str) -> str:
    """The notice as a whole HTML page without scripts or other files.

    `title` names what is behind the door; `back` is the path of the page waited for, `queue` that of the
    queue's routes.
    """
    # A colour of its own for each door, the same on every visit.
    hue = crc32(title.encode()) % 360
    return _template().render(notice=notice, title=title, back=back, queue=queue, hue=hue)


def seconds_to(moment: int, frame: Frame) -> float:
    """From the frame to a moment in unix microseconds; 0 if that has passed or is not set."""
    return max(0.0, (moment - frame.at) / 1e6)


def span(seconds: float) -> str:
    """A length of time in words: "less than a minute", "4 minutes", "3 hours"."""
    minutes = math.ceil(seconds / 60)
    if seconds < 60:
        return "less than a minute"
    if minutes < 120:
        return f"{minutes} minutes" if minutes > 1 else "1 minute"
    hours = math.ceil(minutes / 60)
    return f"{hours} hours" if hours < 48 else f"{math.ceil(hours / 24)} days"


def _in_lobby(standing: Standing, frame: Frame | None) -> tuple[str, tuple[str, ...]]:
    seconds = frame and seconds_to(frame.opens_at, frame)
    when = f"The doors open in {span(seconds)}." if seconds else "The doors open soon."
    if standing.opened:
        order = (
            "They have been open before, so nothing is drawn: first come, first served. Your place is kept."
        )
    else:
        order = "Then everyone here is put into one order by lot: it does not matter who came first."
    return "You are in the lobby", (when, order)


def _in_line(standing: Standing, frame: Frame | None) -> tuple[str, tuple[str, ...]]:
    if standing.place is None:
        return "Your place is kept", (
            "The line is being put together again. In a moment you see your place.",
        )
    ahead = "You are next." if standing.ahead == 0 else f"{standing.ahead:,} ahead of you."
    # Whoever was called by now and waits again had a turn, and did not come or was let out by a loss.
    if frame and standing.order <= frame.frontier:
        ahead += " Your turn had come before; this is the place you had."
    reason = SLOWER.get(standing.slower) if standing.slower and standing.wait_seconds else None
    return "Your place", (ahead, _wait(standing), *([reason] if reason else []))


SLOWER = {
    Slower.PAUSED: "The line was paused for a while, so it takes longer than before.",
    Slower.DRAINING: "Nobody was let in until those inside had finished, so it takes longer than before.",
    Slower.RATE_LOWERED: "Fewer people a minute are let in than before, so it takes longer.",
    Slower.RECOVERING: "The line stood still for a moment, so it takes longer than before.",
    Slower.DESK_FULL: "It is full inside: one comes in as one goes out.",
    Slower.LATE: "It takes longer than it looked before.",
}


def _wait(standing: Standing) -> str:
    if standing.mode is Mode.PAUSED:
        return "The line is paused. Your place does not change while it stands still."
    if standing.mode is Mode.DRAINING:
        return "Nobody is let in for now: those inside finish first. Your place does not change meanwhile."
    if standing.wait_seconds is None:
        return "The line stands still at the moment. Your place does not change while it does."
    low, high = standing.wait_seconds
    if high < 60:
        return "Your turn comes in less than a minute, 8 times out of 10."
    if low < 60:
        return f"Your turn comes within {span(high)}, 8 times out of 10."
    if span(low) == span(high):
        return f"Your turn comes in about {span(high)}, 8 times out of 10."
    return f"Your turn comes between {span(low)} and {span(high)} from now, 8 times out of 10."


def _advice(policy: RoomPolicy) -> tuple[str, ...]:
    stay = "Keep this page open: it looks by itself, and lets you in when it is your turn."
    if not policy.return_seconds:
        return (stay,)
    window = span(policy.return_seconds)
    return stay, f"If your turn comes while you are away, come back within {window}: your place is kept."


def next_look(standing: Standing, policy: RoomPolicy) -> int:
    """After how many seconds a page without a script looks again: the nearer the turn, the sooner.

    Well within the time to claim, and before the fan would count as away.
    """
    low = standing.wait_seconds[0] if standing.wait_seconds else LATEST * 5
    return _within(min(low / 10, policy.claim_seconds / 3, policy.away_seconds / 3))


def _within(seconds: float) -> int:
    return max(SOONEST, min(LATEST, math.floor(seconds)))


@cache
def _template() -> Template:
    text = (files("waiting_room") / "waiting.html").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=select_autoescape(default_for_string=True), trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(text)

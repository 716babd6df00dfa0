"""One fan's line on a desk socket: works the place out from each frame, and looks only when it must."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

from ticketflow.live.outlook import Outlook
from ticketflow.live.slot import Slot
from waiting_room import Frame, Mode, RankMap, Standing, State
from waiting_room.promise import Promise, first_promise, next_promise
from waiting_room.views import line_view, own_view, turn_view


class FanLine:
    """Keeps one socket told where its fan stands.

    Between looks the place comes from the room's frame: no Redis command a fan. `look` asks Redis,
    when the frontier has passed the fan, a deadline is over, or the room has changed its nature.
    `left_after` says what so many people ahead will leave of the tickets.
    """

    __slots__ = (
        *("_ahead", "_left_after", "_look", "_looked_at", "_moved", "_own", "_place", "_promise", "_slot"),
        *("_standing", "_told"),
    )

    def __init__(
        self,
        slot: Slot,
        look: Callable[[], Awaitable[Standing]],
        left_after: Callable[[int | None], Outlook | None] = lambda ahead: None,
    ) -> None:
        self._slot = slot
        self._look = look
        self._left_after = left_after
        # How many really are ahead: more than are shown once others have come back to the front.
        self._ahead: int | None = None
        self._standing: Standing | None = None
        self._place: int | None = None
        self._promise: Promise | None = None
        self._own = self._told = ""
        self._moved = self._looked_at = (0, 0, 0, 0)

    @property
    def standing(self) -> Standing | None:
        """What Redis said last, with the place and the promise that were told since."""
        if self._standing is None:
            return None
        ahead = None if self._place is None else self._place - 1
        return replace(self._standing, place=self._place, ahead=ahead, promise=self._promise)

    def tell(self, standing: Standing) -> None:
        """Take a standing that Redis gave, and tell it."""
        last, place, promise = self._standing, standing.place, standing.promise
        self._ahead = standing.ahead
        if last and last.order == standing.order and last.state is standing.state is State.WAITING:
            # What Redis says of the wait remembers nothing; the next frame moves the promise on.
            # While the room recovers no place is known, and the last one stands.
            place = self._place if place is None else _in_front(place, self._place)
            promise = self._promise or promise
        self._standing, self._place, self._promise = standing, place, promise
        self._looked_at = self._moved
        self._own = json.dumps({"type": "place", **own_view(standing)})
        self._put(json.dumps(line_view(standing, standing.opens_at)))

    def must_look(self, frame: Frame) -> bool:
        """Whether this frame says that something has happened to the fan which only Redis knows."""
        standing = self._standing
        if standing is None or standing.state in (State.DONE, State.LEFT):
            # Who is gone is not put back into a line by a page they left open.
            return False
        self._moved = (frame.admitted_total, frame.frontier, frame.missed, frame.extended_at)
        # Redis was lost: the look brings the place back. If it fails, the next frame asks for it again.
        if standing.epoch != frame.epoch:
            return True
        match standing.state:
            case State.WAITING:
                # Who returned to the front stays passed: they are looked for only when the line has moved.
                passed = standing.order <= frame.frontier and self._moved != self._looked_at
                return passed or frame.mode in (Mode.CLOSED, Mode.LOBBY)
            case State.LOBBY:
                # Paused before the first opening it is a lobby still.
                return frame.mode is Mode.CLOSED or (frame.opened and frame.mode is not Mode.LOBBY)
            case State.CALLED:
                # A drain calls back who is not in yet.
                return _passed(standing.claim_by, frame) or frame.mode is Mode.DRAINING
            case State.ACTIVE:
                given_more = frame.extended_at > self._looked_at[-1]
                return _passed(standing.expires_at, frame) or given_more
            case State.MISSED:
                return frame.mode is Mode.CLOSED
            case State.CLOSED:
                return frame.mode is not Mode.CLOSED

    async def refresh(self) -> None:
        """Look, and tell."""
        self.tell(await self._look())

    def advance(self, frame: Frame, ranks: RankMap | None) -> None:
        """Tell the place that this frame means, if it is news."""
        standing = self._standing
        if standing is None:
            return
        # Until a map is drawn that has this fan in it, the place stands that Redis gave at the join.
        if standing.state is State.WAITING and ranks is not None and ranks.covers(standing.order):
            place = ranks.place(standing.order)
            self._ahead = place - 1
            if not frame.recovering:
                self._place = _in_front(place, self._place)
            self._promise = _promised(self._promise, place - 1, frame)
        self._put(frame.line_text)

    def _put(self, line: str) -> None:
        """Tell it, if it is news: one object in three parts, one of which is made for this fan and frame."""
        view = turn_view(self._place, self._promise)
        waits = self._standing is not None and self._standing.state is State.WAITING
        if waits and (left := self._left_after(self._ahead)):
            view["left_at_turn"] = left._asdict()
        turn = json.dumps(view)
        text = f"{self._own[:-1]}, {turn[1:-1]}, {line[1:]}"
        if text != self._told:
            self._told = text
            self._slot.put("place", text)


def _promised(last: Promise | None, ahead: int, frame: Frame) -> Promise:
    """What is told of the wait after this frame. It moves with the rank map, or when the pace was changed."""
    at = frame.at / 1e6
    if last is None:
        return first_promise(frame.expect_about(ahead), at, frame.causes.slower if frame.recovering else None)
    if frame.ranks is None and frame.causes.changed_at <= last.at:
        return Promise(at, last.window, last.slower, last.moved_at)
    return next_promise(last, frame.expect_about(ahead), at, frame.causes)


def _in_front(place: int, last: int | None) -> int:
    """A shown place never rises: who returns to the front does not push others back on their screens."""
    return place if last is None else min(place, last)


def _passed(deadline: float | None, frame: Frame) -> bool:
    return deadline is not None and frame.at >= deadline * 1_000_000

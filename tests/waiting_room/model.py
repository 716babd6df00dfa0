"""The waiting room in plain Python: what DESIGN section 3 says, with dicts, one thread and its own clock.

It is what the real room is held against (test_model.py). Times and spans are microseconds, as in the scripts.
"""

from dataclasses import dataclass, replace
from typing import Any

from .counted import Counted

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND


@dataclass(frozen=True)
class Held:
    """What a ticket says. Order 0: no ticket."""

    visitor: str
    order: int = 0
    epoch: int = 0


@dataclass
class Found:
    """Where a fan is."""

    state: str
    order: int
    till: int = 0
    may_return: bool = False
    new: bool = False


class Refused(Exception):
    """The model's answer where the real room raises the error of that code."""


class Model:
    """One room. Each method is the room's command of that name, at the moment `now`."""

    mode: str
    rate: int
    cap: int
    message: str
    lobby_at: int
    opens_at: int
    claim_us: int
    lease_us: int
    return_us: int
    away_us: int
    recovery_us: int
    tick_us: int

    def __init__(
        self,
        rules: dict[str, Any],
        now: int,
        epoch: int,
        frontier: int = 0,
        recovering: bool = False,
        before: "Model | None" = None,
    ):
        vars(self).update(rules)
        self.now, self.epoch = now, epoch
        self.line: dict[str, int] = {}  # visitor -> order
        self.called: dict[str, int] = {}  # visitor -> end of the time to claim
        self.orders: dict[str, int] = {}  # visitor -> the order they were called at
        self.active: dict[str, int] = {}  # visitor -> end of the lease
        self.missed: dict[str, int] = {}  # visitor -> end of the time to return
        self.away: dict[str, int] = {}  # visitor -> since when, up to the next whole second
        self.gone: dict[str, tuple[int, str]] = {}  # visitor -> when, and whether done or left
        self.admissions: dict[int, int] = {}  # second -> how many
        due = self.mode == "lobby" and 0 < self.opens_at <= now
        opened = self.mode == "open" or frontier > 0 or due
        self.frontier = self.last_order = max(frontier, 1) if opened else frontier
        self.opened_at = now if opened else 0
        self.recover_until = now + self.recovery_us if recovering else 0
        self.tokens = 0 if recovering else self._bucket()
        self.refilled_at = now
        self.version = self.ticked_at = self.admitted_last_minute = 0
        self.admitted_total: int = before.admitted_total if before else 0
        self.counted: Counted = before.counted if before else Counted()
        if opened:
            self.counted.open(now)

    def join(self, fan: Held, draw: int, present: bool) -> Found:
        found = self._find(fan)
        if found.state not in ("waiting", "called", "active"):
            if self.mode == "closed":
                raise Refused(f"room_closed: {self.message}")
            if found.may_return:
                found = self._put_back(fan.visitor, found.order)
            elif self.mode == "lobby" and self.now < self.lobby_at:
                raise Refused("not_open")
            else:
                found = self._start_anew(fan, found, draw)
        self.set_present(fan.visitor, present)
        alone = found.state == "waiting" and len(self.line) == 1
        if alone and self._slots(self._refilled()) > 0 and self._admit(1) == 1:
            found = Found("called", found.order, self.now + self.claim_us, new=found.new)
        return found

    def look(self, fan: Held, present: bool | None) -> Found:
        found = self._find(fan)
        if found.state == "lost":
            found = (
                Found("closed", fan.order)
                if self.mode == "closed"
                else self._put_back(fan.visitor, fan.order)
            )
        if present is not None:
            self.set_present(fan.visitor, present)
        return found

    def claim(self, fan: Held) -> Found:
        found = self.look(fan, None)
        if found.state == "called":
            del self.called[fan.visitor]
            self.active[fan.visitor] = self.now + self.lease_us
            return Found("active", found.order, self.active[fan.visitor])
        if found.state == "missed" and found.may_return and self.mode != "closed":
            return self._put_back(fan.visitor, found.order)
        return found

    def renew(self, visitor: str) -> int:
        if self.active.get(visitor, 0) <= self.now:
            raise Refused("not_active")
        self.active[visitor] = max(self.active[visitor], self.now + self.lease_us)
        return self.active[visitor]

    def leave(self, visitor: str) -> None:
        order = self.line.get(visitor, 0)
        had = [places.pop(visitor, None) for places in (self.line, self.called, self.active, self.missed)]
        self.away.pop(visitor, None)
        if any(had) or self.gone.get(visitor, (0, ""))[1] != "done":
            self.gone[visitor] = (max(self.now, self.last_order), "left")
        if any(had):
            self.counted.add("left")
        if self.opened_at and order > self.frontier:
            self.counted.waited("gave_up", order, self.now)

    def finish(self, visitor: str) -> None:
        if any([self.active.pop(visitor, None), self.missed.pop(visitor, None)]):
            self.gone[visitor] = (max(self.now, self.last_order), "done")

    def set_present(self, visitor: str, present: bool) -> None:
        if present:
            self.away.pop(visitor, None)
        elif visitor in self.line:
            self.away[visitor] = -(-self.now // SECOND) * SECOND

    def steer(self, **levers: Any) -> None:
        self.tokens, self.refilled_at = self._refilled(), self.now
        if levers.get("mode", self.mode) != self.mode:
            self.opens_at = 0
        for name, value in levers.items():
            setattr(self, name, value)
        self._turned()
        if levers.get("mode") == "draining":
            for visitor in [v for v, till in self.called.items() if till > self.now]:
                del self.called[visitor]
                self.line[visitor] = self.orders[visitor]

    def extend(self, us: int) -> int:
        """Gives how many have more time."""
        inside = [v for v, till in self.active.items() if till > self.now]
        for visitor in inside:
            till = self.active[visitor]
            self.active[visitor] = max(till, min(till + us, self.now + DAY))
        return len(inside)

    @property
    def turns(self) -> dict[str, int]:
        """The orders of the called."""
        return {visitor: self.orders[visitor] for visitor in self.called}

    def tick(self) -> bool:
        """Whether there was one: an interval has one tick."""
        if 0 <= self.now - self.ticked_at < self.tick_us * 0.9:
            return False
        for slots in (self.called, self.active):
            for visitor in [v for v, till in slots.items() if till <= self.now]:
                self._miss(slots, visitor)
        self.missed = {v: till for v, till in self.missed.items() if till > self.now - DAY}
        self.gone = {v: told for v, told in self.gone.items() if told[0] > self.now - DAY}
        if self.mode == "lobby" and 0 < self.opens_at <= self.now:
            self.mode = "open"
            self._turned()
        self._admit(self._slots(self._refilled()))
        since = self.now // SECOND - 60
        self.admissions = {second: n for second, n in self.admissions.items() if second > since}
        self.admitted_last_minute = sum(self.admissions.values())
        self.ticked_at, self.version = self.now, self.version + 1
        return True

    def rank(self, visitor: str) -> int:
        """How many wait before a waiting visitor."""
        return sum(place < (self.line[visitor], visitor) for place in self._places())

    def _places(self) -> list[tuple[int, str]]:
        return sorted((order, visitor) for visitor, order in self.line.items())

    def _find(self, fan: Held) -> Found:
        if fan.order == 0 and any(fan.visitor in x for x in (self.active, self.called, self.missed)):
            # Known without a ticket, from another device: the frontier stands in for their order.
            fan = replace(fan, order=max(self.frontier, 1))
        for state, slots in (("active", self.active), ("called", self.called)):
            if fan.visitor in slots:
                if slots[fan.visitor] > self.now:
                    return Found(state, fan.order, slots[fan.visitor])
                self._miss(slots, fan.visitor)
        since, how = self.gone.get(fan.visitor, (0, "left"))
        valid = fan.order > since
        if fan.visitor in self.line:
            if valid and fan.epoch < self.epoch:  # a ticket from before a loss, and a newer place taken since
                self.line[fan.visitor] = min(self.line[fan.visitor], fan.order)
            return Found("waiting", self.line[fan.visitor])
        if fan.visitor in self.missed:
            till = self.missed[fan.visitor]
            return Found("missed", fan.order, till, may_return=valid and self.now < till)
        if valid and self._may_be_lost(fan):
            return Found("lost", fan.order, may_return=True)
        return Found(how, fan.order)

    def _may_be_lost(self, fan: Held) -> bool:
        given_at = fan.order if fan.order >= 2**50 else self.opened_at
        return fan.epoch < self.epoch or given_at == 0 or self.now - given_at < DAY

    def _miss(self, slots: dict[str, int], visitor: str) -> None:
        if slots is self.called:
            self.counted.add("missed")
        del slots[visitor]
        self.missed[visitor] = self.now + self.return_us

    def _put_back(self, visitor: str, order: int) -> Found:
        self.missed.pop(visitor, None)
        self.line[visitor] = order
        self.last_order = max(self.last_order, order)
        return Found("waiting", order)

    def _start_anew(self, fan: Held, found: Found, draw: int) -> Found:
        order = draw
        if not self.opened_at:
            self.gone.pop(fan.visitor, None)
        else:
            latest = max(self.now, self.last_order)
            if found.order:
                self.gone[fan.visitor] = (latest, "left")
            order = latest + 1
        found = self._put_back(fan.visitor, order)
        found.new = True
        self.counted.add("joins")
        return found

    def _bucket(self) -> int:
        return self.rate * self.tick_us + MINUTE - 1

    def _refilled(self) -> int:
        elapsed = max(0, min(self.now - self.refilled_at, MINUTE))
        return min(self.tokens + self.rate * elapsed, self._bucket())

    def _slots(self, tokens: int) -> int:
        if self.mode != "open" or self.now < self.recover_until:
            return 0
        return max(0, min(tokens // MINUTE, self.cap - len(self.called) - len(self.active)))

    def _admit(self, budget: int) -> int:
        admitted = 0
        for order, visitor in self._places():
            if admitted == budget:
                break
            del self.line[visitor]
            first_time, self.frontier = order > self.frontier, max(self.frontier, order)
            passed_over = self.now - self.away.pop(visitor, self.now) > self.away_us
            if first_time:
                self.counted.waited("gave_up" if passed_over else "admitted", order, self.now)
            if passed_over:
                self.counted.add("passed_over")
                self.missed[visitor] = self.now + self.return_us
                continue
            self.called[visitor] = self.now + self.claim_us
            self.orders[visitor] = order
            admitted += 1
        self.tokens, self.refilled_at = self._refilled() - admitted * MINUTE, self.now
        self.admitted_total += admitted
        if admitted:
            second = self.now // SECOND
            self.admissions[second] = self.admissions.get(second, 0) + admitted
        return admitted

    def _turned(self) -> None:
        if self.mode == "open" and not self.opened_at:
            self.opened_at, self.frontier = self.now, max(self.frontier, 1)
            self.counted.open(self.now)

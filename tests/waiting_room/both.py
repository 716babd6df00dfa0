"""The real room and the model in model.py, side by side: told the same, they must say and hold the same."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from redis.asyncio import Redis

from waiting_room import (
    Frame,
    Mode,
    NotCalled,
    RoomClosed,
    RoomPolicy,
    Standing,
    State,
    Tally,
    WaitingRoomError,
)
from waiting_room.draw import draw_number

from .driven import SEED, DrivenRoom
from .model import DAY, SECOND, Found, Held, Model, Refused

AWAY = """
local away = redis.call('HGETALL', KEYS[1])
for i = 2, #away, 2 do away[i] = struct.unpack('>I4', away[i]) end
return away
"""
BEGIN = 1_795_366_334_233_725
FIELDS = [
    *("mode", "rate", "cap", "message", "opens_at", "epoch", "version", "opened_at", "recover_until"),
    *(
        "last_order",
        "frontier",
        "tokens",
        "refilled_at",
        "ticked_at",
        "admitted_total",
        "admitted_last_minute",
    ),
]
SHORT = [span * SECOND // 1_000 for span in (0, 1, 200, 500, 1_000, 4_999, 5_000, 5_001, 10_000, -2_000)]
LONG = [span * SECOND for span in (60, 120, 121, 301, 600, 901)] + [DAY, DAY + 901 * SECOND]
RATES = st.sampled_from([600, 600, 6_000, 45, 0])
CAPS = st.sampled_from([3, 50, 1, 0])


def who(*states: str) -> st.SearchStrategy[tuple[str, int]]:
    """One of the fans who are in such a state, if any is; else anybody."""
    return st.tuples(st.sampled_from(states), st.integers(0, 40))


ANYBODY = who("line", "called", "active", "missed", "gone", "nowhere")


@dataclass(frozen=True)
class Ticket:
    """One place, as the real room signed it and as the model knows it."""

    signed: str
    held: Held


class Both(RuleBasedStateMachine):
    """The real room and the model, side by side."""

    redis_url = ""
    mutations: ClassVar[dict[str, tuple[str, str]]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.redis = self.do(self._connect())
        self.room = DrivenRoom(self.redis, "event:42", f"test-{uuid.uuid4().hex[:12]}:", self.mutations)
        self.tickets: list[Ticket] = []
        self.now = BEGIN
        self.epoch = 0
        self.model: Model

    async def _connect(self) -> Redis:
        return Redis.from_url(self.redis_url, decode_responses=True)

    def do(self, call: Awaitable[Any]) -> Any:
        async def wait() -> Any:
            return await call

        return self.runner.run(wait())

    def teardown(self) -> None:
        self.close()

    def close(self) -> None:
        self.do(self._clean_up())
        self.runner.close()

    async def _clean_up(self) -> None:
        await self.redis.delete(*self.room.keys.touched, self.room.clock_key)
        await self.redis.aclose()

    @initialize(
        mode=st.sampled_from([Mode.OPEN, Mode.OPEN, Mode.LOBBY, Mode.PAUSED]),
        rate=RATES,
        cap=CAPS,
        lobby_in=st.sampled_from([0, 0, 0, 10]),
        opens_in=st.sampled_from([0, 60, 120]),
        spans=st.tuples(*map(st.sampled_from, [(5, 120), (5, 600), (0, 10, 900), (0, 5, 300), (0, 10)])),
        tick=st.sampled_from([0.1, 0.5, 0.5, 10]),
        fans=st.integers(0, 6),
    )
    def begin(self, mode, rate, cap, lobby_in, opens_in, spans, tick, fans):
        claim, lease, back, away, recovery = spans
        self.policy = RoomPolicy(
            mode,
            rate,
            cap,
            lobby_opens_at=lobby_in and BEGIN + lobby_in * SECOND,
            opens_at=opens_in and BEGIN + opens_in * SECOND,
            claim_seconds=claim,
            lease_seconds=lease,
            return_seconds=back,
            away_seconds=away,
            recovery_seconds=recovery,
            tick_seconds=tick,
        )
        self.do(self.room.set_clock(self.now))
        self.ensure(0, recovering=False)
        for _ in range(fans):
            self.join(present=True)

    @rule(present=st.booleans())
    def join(self, present):
        self._join(None, present)

    @rule(who=who("line", "called", "missed", "missed", "gone", "gone"), present=st.booleans())
    def join_again(self, who, present):
        self._join(self.someone(who), present)

    @rule(who=ANYBODY, present=st.booleans())
    def join_from_another_device(self, who, present):
        """Without the ticket, by somebody whom the app knows by their account."""
        if fan := self.someone(who):
            held = Held(fan.held.visitor)
            said = self.real(self.room.join(visitor=held.visitor, present=present))
            self.both_said(said, held, lambda m: m.join(held, draw_number(SEED, held.visitor), present))

    def _join(self, ticket: Ticket | None, present: bool) -> None:
        said = self.real(self.room.join(ticket.signed if ticket else None, present=present))
        visitor = said.visitor if isinstance(said, Standing) else "nobody"
        held = ticket.held if ticket else Held(visitor)
        self.both_said(said, held, lambda m: m.join(held, draw_number(SEED, held.visitor), present))

    @rule(who=ANYBODY, present=st.sampled_from([None, True, False]))
    def look(self, who, present):
        if fan := self.someone(who):
            said = self.real(self.room.look(fan.signed, present=present))
            self.both_said(said, fan.held, lambda model: model.look(fan.held, present))

    @rule(who=who("called", "called", "called", "active", "missed", "line"))
    def claim(self, who):
        if fan := self.someone(who):
            said = self.real(self.room.claim(fan.signed))
            self.both_said(said, fan.held, lambda model: model.claim(fan.held))

    @rule(who=who("active", "active", "called"))
    def renew(self, who):
        if fan := self.someone(who):
            said = self.real(self.room.renew(fan.held.visitor))
            assert said == self.ideal(lambda model: model.renew(fan.held.visitor) / 1e6)

    @rule(who=ANYBODY)
    def leave(self, who):
        if fan := self.someone(who):
            self.do(self.room.leave(fan.signed))
            self.model.leave(fan.held.visitor)

    @rule(who=who("active", "active", "missed", "line"))
    def finish(self, who):
        if fan := self.someone(who):
            self.do(self.room.finish(fan.held.visitor))
            self.model.finish(fan.held.visitor)

    @rule(who=ANYBODY, present=st.booleans())
    def set_present(self, who, present):
        if fan := self.someone(who):
            self.do(self.room.set_present(fan.held.visitor, present))
            self.model.set_present(fan.held.visitor, present)

    @rule(
        mode=st.sampled_from([None, None, None, *[Mode.OPEN] * 4, *Mode]),
        rate=st.none() | RATES,
        cap=st.none() | CAPS,
        message=st.sampled_from([None, "", "Back at noon"]),
    )
    def steer(self, mode, rate, cap, message):
        self.policy = self.do(
            self.room.steer(mode=mode, rate_per_minute=rate, max_active=cap, message=message)
        )
        levers = {"mode": mode and mode.value, "rate": rate, "cap": cap, "message": message}
        changed = {name: value for name, value in levers.items() if value is not None}
        if changed:
            self.model.steer(**changed)
        held = self.policy.stored()
        assert held == {name: getattr(self.model, name) for name in held}

    @rule(seconds=st.sampled_from([60, 300, 3_600, 86_400]))
    def extend(self, seconds):
        assert self.do(self.room.extend(seconds)) == self.model.extend(seconds * SECOND)

    @rule(ticks=st.integers(1, 10), late_us=st.sampled_from([0, 0, 1, -(SECOND // 50), SECOND]))
    def tick(self, ticks, late_us):
        for _ in range(ticks):
            self.pass_time(self.model.tick_us + late_us)
            self.tick_now()

    @rule()
    def tick_now(self):
        frame = self.real(self.room.tick())
        assert (frame is not None) == self.model.tick()
        if frame:
            self.is_true(frame)

    @rule(span=st.sampled_from(SHORT * 2 + LONG))
    def pass_time(self, span):
        self.now += span
        self.do(self.room.set_clock(self.now))
        self.model.now = self.now

    @rule(who=who("line"))
    def lose_one_place(self, who):
        """As when a replica that lags takes over."""
        if fan := self.someone(who):
            self.do(self.redis.zrem(self.room.keys.waiting, fan.held.visitor))
            self.model.line.pop(fan.held.visitor, None)

    @rule(known=st.booleans(), who=ANYBODY, back=st.integers(0, 6))
    def lose_everything(self, known, who, back):
        """And put it back, with the frontier the house had noted down, if it had. Some come back at once."""
        self.do(self.redis.delete(*self.room.keys.touched))
        fan = self.someone(who)
        calls: list[Awaitable[Any]] = [
            self.room.join(),
            self.room.tick(),
            self.room.policy(),
            self.room.snapshot(),
        ]
        if fan:
            calls += [self.room.join(fan.signed), self.room.look(fan.signed), self.room.claim(fan.signed)]
            calls += [self.room.leave(fan.signed), self.room.renew(fan.held.visitor)]
        assert {self.real(call) for call in calls} == {"room_lost"}
        self.ensure(self.model.frontier if known else 0, recovering=True)
        assert not self.do(self.room.ensure(self.policy, epoch=99))
        for ticket in self.tickets[-back:]:
            self._join(ticket, present=True)

    def ensure(self, frontier: int, recovering: bool) -> None:
        self.epoch += 1
        before: Model | None = self.model if recovering else None
        tally = Tally.read(before.admitted_total, _flat(before.counted.kept())).text() if before else ""
        made = self.room.ensure(
            self.policy, epoch=self.epoch, frontier=frontier, recovering=recovering, tally=tally
        )
        assert self.do(made)
        self.model = Model(
            self.policy.stored(),
            self.now,
            epoch=self.epoch,
            frontier=frontier,
            recovering=recovering,
            before=before,
        )

    def someone(self, who: tuple[str, int]) -> Ticket | None:
        """One of the tickets given out so far, of a fan in that state if there is any."""
        state, number = who
        there = getattr(self.model, state, {})
        tickets = [t for t in self.tickets if t.held.visitor in there] or self.tickets
        return tickets[-1 - number % len(tickets)] if tickets else None

    def real(self, call: Awaitable[Any]) -> Any:
        """What the real room says: an answer, a standing it refuses with, or an error's code."""
        try:
            return self.do(call)
        except NotCalled as refused:
            return refused.standing
        except RoomClosed as refused:
            return f"{refused.code}: {refused.message}"
        except WaitingRoomError as refused:
            return refused.code

    def ideal(self, command: Callable[[Model], Any]) -> Any:
        """What the model says."""
        try:
            return command(self.model)
        except Refused as refused:
            return str(refused)

    def both_said(self, said: Any, held: Held, command: Callable[[Model], Found]) -> None:
        """Compare what was said of a fan, and keep the ticket they were given."""
        found = self.ideal(command)
        if isinstance(found, str):
            assert said == found
        elif isinstance(said, Standing):
            assert told(said) == meant(self.model, held.visitor, found)
            # What they drew a ticket does not tell; any other order it does.
            drawn = found.order == draw_number(SEED, held.visitor)
            assert self.room.read_ticket(said.ticket).order == (0 if drawn else found.order)
            self.tickets.append(Ticket(said.ticket, Held(held.visitor, found.order, self.model.epoch)))
        else:
            assert (said.visitor, said.expires_at, "active") == (held.visitor, found.till / 1e6, found.state)

    def is_true(self, frame: Frame) -> None:
        """Compare a frame with the model's room."""
        model = self.model
        counted = (frame.waiting, frame.called, frame.active, frame.missed)
        missed = sum(till > model.now for till in model.missed.values())
        assert counted == (len(model.line), len(model.called), len(model.active), missed)
        assert (frame.at, frame.recovering) == (model.now, model.now < model.recover_until)
        assert (frame.rate_per_minute, frame.max_active) == (model.rate, model.cap)
        assert (frame.mode, frame.message, frame.frontier) == (model.mode, model.message, model.frontier)
        assert (frame.epoch, frame.version) == (model.epoch, model.version)
        assert frame.admitted_total == model.admitted_total
        if frame.ranks:
            line = sorted(model.line.values())
            assert [frame.ranks.place(order) for order in line] == [line.index(order) + 1 for order in line]

    @invariant()
    def both_hold_the_same(self):
        """The whole state, after each step."""
        model, held = self.model, self.do(self._held())
        assert held["line"] == model.line
        assert [visitor for visitor, _ in held["order"]] == [v for _, v in model._places()]
        for name in ("called", "turns", "active", "missed", "away"):
            assert held[name] == getattr(model, name), name
        assert held["gone"] == model.gone
        assert {k: held["room"][k] for k in FIELDS} == {k: str(getattr(model, k)) for k in FIELDS}
        assert {int(s): int(n) for s, n in held["admissions"].items()} == model.admissions
        assert {field: int(count) for field, count in held["tally"].items()} == model.counted.kept()

    async def _held(self) -> dict[str, Any]:
        keys = self.room.keys
        async with self.redis.pipeline(transaction=False) as reads:
            for key in (keys.waiting, keys.called, keys.active, keys.missed, keys.done, keys.left):
                reads.zrange(key, 0, -1, withscores=True)
            reads.eval(AWAY, 1, keys.away)
            reads.hgetall(keys.room)
            reads.hgetall(keys.admissions)
            reads.hgetall(keys.tally)
            reads.hgetall(keys.turns)
            *sets, since, room, admissions, tally, turns = await reads.execute()
        line, called, active, missed, done, left = map(dict, sets)
        away = {visitor: int(at) * SECOND for visitor, at in zip(since[::2], since[1::2], strict=True)}
        gone = {v: (at, "done") for v, at in done.items()}
        gone |= {v: (at, "left") for v, at in left.items() if at >= done.get(v, 0)}
        found = {"line": line, "called": called, "active": active, "missed": missed, "away": away}
        found |= {"order": sets[0], "gone": gone, "room": room, "admissions": admissions}
        return found | {"tally": tally, "turns": {visitor: int(order) for visitor, order in turns.items()}}


def _flat(fields: dict[str, int]) -> list[str]:
    return [str(part) for pair in fields.items() for part in pair]


def told(said: Standing) -> dict[str, Any]:
    """What a fan is told, without the guess how long it will take and without the signature."""
    names = ("state", "order", "place", "ahead", "waiting", "rate_per_minute", "claim_by", "expires_at")
    return {name: getattr(said, name) for name in (*names, "message", "mode", "new")}


def meant(model: Model, visitor: str, found: Found) -> dict[str, Any]:
    """What the model would have a fan told."""
    state = found.state
    if model.mode == "closed" and state in ("waiting", "missed"):
        state = "closed"
    if state == "waiting" and (model.mode == "lobby" or not model.opened_at):
        state = "lobby"
    known = state == "waiting" and model.now >= model.recover_until
    ahead = model.rank(visitor) if known else None
    ends = found.till / 1e6
    return {
        "state": State(state),
        "order": found.order,
        "place": None if ahead is None else ahead + 1,
        "ahead": ahead,
        "waiting": len(model.line),
        "rate_per_minute": model.rate,
        "claim_by": ends if state == "called" else None,
        "expires_at": ends if state in ("active", "missed") else None,
        "message": model.message,
        "mode": Mode(model.mode),
        "new": found.new,
    }

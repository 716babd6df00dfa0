"""One fan's visit: sign up, stand in line, come in when called, choose, pay, or think better of it."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from ticketflow.crowd.api import Api
from ticketflow.crowd.character import Character, Pace
from ticketflow.crowd.desk_line import DeskLine, open_line
from ticketflow.crowd.reply import SERVER_ERROR, Broken, Reply
from ticketflow.crowd.tally import Outcome, Phase, Tally
from ticketflow.crowd.witness import Witness

IN_LINE = ("lobby", "waiting")
COMING_IN = ("called", "active", "missed")
"""Who missed the turn asks too: the refusal says so, and joining again takes them to the front."""
OVER = ("sold_out", "closed")
ACCEPTED = 202
TRIES = 8
SETTLE_SECONDS = 60.0


class GoesHome(Exception):
    """The fan's visit ends here."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


@dataclass(frozen=True)
class Venue:
    """What all fans of a crowd have in common: the house, the sale, and who counts."""

    api: Api
    sale: dict[str, Any]
    tally: Tally
    pace: Pace
    dice: Random

    @property
    def path(self) -> str:
        return f"/api/events/{self.sale['id']}"


class Fan:
    """Somebody who wants tickets. `come` once."""

    def __init__(self, venue: Venue, character: Character) -> None:
        self._api = venue.api
        self._venue = venue
        self._tally = venue.tally
        self._pace = venue.pace
        self._character = character
        types = venue.sale["ticket_types"]
        self._witness = Witness(venue.tally, {str(t["id"]): t["capacity"] for t in types})
        self._remaining = {t["id"]: t["remaining"] for t in types}
        self._sale_state = venue.sale["sale_state"]
        self._phase = Phase.AWAY
        self._state = ""
        self._was_called = False
        self._joined_at = 0.0
        self._settled: dict[str, str] = {}
        self._session: dict[str, str] = {}
        self._line: DeskLine

    async def come(self) -> None:
        """The whole visit. What becomes of it is in the tally; only being cancelled is raised."""
        outcome = Outcome.FAILED
        try:
            await self._visit()
            outcome = Outcome.BOOKED
        except GoesHome as end:
            outcome = end.outcome
        except Broken as error:
            self._tally.error(str(error))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._tally.error(f"an answer that cannot be read ({type(error).__name__}: {error})")
        except asyncio.CancelledError:
            outcome = Outcome.CUT_SHORT
            raise
        finally:
            self._enter(Phase.GONE)
            self._tally.outcomes[outcome] += 1

    async def _visit(self) -> None:
        self._enter(Phase.ARRIVING)
        await self._sign_up()
        ticket = await self._join()
        headers = {**self._session, "Queue-Ticket": ticket}
        url = self._api.socket_url(f"/ws/desk/{self._venue.sale['id']}")
        self._line = DeskLine(url, headers, self._take)
        async with open_line(self._line):
            try:
                await self._come_in()
                await self._pay(await self._choose())
            finally:
                self._tally.reconnects += max(0, self._line.connections - 1)

    async def _sign_up(self) -> None:
        async def register() -> Reply:
            name = secrets.token_hex(8)
            account = {"name": f"Fan {name[:4]}", "email": f"fan-{name}@example.com", "password": name}
            reply, cookies = await self._api.ask("POST", "/api/register", json=account)
            self._session = {"Cookie": "; ".join(f"{key}={value}" for key, value in cookies.items())}
            return reply

        await self._needed("register", register)

    async def _join(self) -> str:
        view = (await self._needed("join", lambda: self._http("POST", f"{self._venue.path}/queue"))).body
        self._joined_at = time.monotonic()
        self._see(view, connection=0)
        return str(view["ticket"])

    async def _come_in(self) -> None:
        for _ in range(TRIES):
            await self._wait_for_turn()
            if self._character.lets_turn_pass:
                raise GoesHome(Outcome.MISSED_TURN)
            await self._pace.think(0.5, 4)
            claimed = await self._say("claim")
            if claimed.ok:
                self._tally.admitted += 1
                self._enter(Phase.CHOOSING)
                return
            if claimed.code != "not_called":
                raise await self._leave(Outcome.REFUSED)
            # The turn passed while they were thinking; their place is kept for who asks for it.
            back = await self._needed("join", lambda: self._line.command("join"))
            self._see(back.body, self._line.connections)
        raise Broken("called again and again, and never let in")

    async def _wait_for_turn(self) -> None:
        if self._state in IN_LINE:
            self._enter(Phase.WAITING)
        try:
            async with asyncio.timeout(self._pace.shortened(self._character.patience)):
                await self._line.until(lambda: self._state not in IN_LINE or self._sale_state in OVER)
        except TimeoutError:
            raise await self._leave(Outcome.LEFT_LINE) from None
        if self._state not in COMING_IN:
            self._tally.refusals[self._sale_state if self._sale_state in OVER else self._state] += 1
            raise await self._leave(Outcome.REFUSED)
        if not self._was_called:
            self._was_called = True
            self._tally.called(time.monotonic() - self._joined_at, self._witness.told)
        self._enter(Phase.CALLED)

    async def _choose(self) -> dict[str, Any]:
        wants = self._character.wants
        for _ in range(TRIES):
            await self._pace.think(2, 8)
            left = {type_id: count for type_id, count in self._remaining.items() if count > 0}
            type_id = self._venue.dice.choices(list(left or self._remaining))[0]
            taken = await self._say("hold", ticket_type_id=type_id, quantity=wants)
            if taken.ok:
                self._enter(Phase.HOLDING)
                return await self._thought_over(dict(taken.body))
            if taken.code != "sold_out" or not left:
                break
            wants = 1
        raise await self._leave(Outcome.REFUSED)

    async def _thought_over(self, hold: dict[str, Any]) -> dict[str, Any]:
        if self._character.gives_back:
            await self._pace.think(2, 6)
            await self._say("release", hold_id=hold["id"])
            raise await self._leave(Outcome.GAVE_BACK)
        return hold

    async def _pay(self, hold: dict[str, Any]) -> None:
        for card in self._character.cards:
            await self._pace.think(3, 10)
            # One key a card: asked again after a cut, the house must know that it is the same purchase.
            key = secrets.token_hex(8)
            paid = await self._say("book", hold_id=hold["id"], payment={"method": card}, key=key)
            booking = await self._await_end(paid.body["id"]) if paid.status == ACCEPTED else paid.body
            if paid.ok and booking["status"] == "confirmed":
                await self._check(booking, hold)
                return
            if "payment_declined" not in (paid.code, booking.get("reason")):
                raise await self._leave(Outcome.REFUSED)
        await self._say("release", hold_id=hold["id"])
        raise await self._leave(Outcome.DECLINED)

    async def _check(self, booking: dict[str, Any], hold: dict[str, Any]) -> None:
        mine = await self._needed("bookings", lambda: self._http("GET", "/api/bookings"))
        self._witness.see_booking(booking, hold, mine.body)
        self._tally.booked(booking["ticket_type_id"], booking["units"])

    async def _await_end(self, booking_id: str) -> Any:
        """What became of a booking that was accepted to be decided later."""
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                while True:
                    found = await self._needed(
                        "booking", lambda: self._http("GET", f"/api/bookings/{booking_id}")
                    )
                    if found.body["status"] != "processing":
                        if found.body["reason"]:
                            self._tally.refusals[found.body["reason"]] += 1
                        return found.body
                    await self._until_settled(booking_id)
        except TimeoutError:
            raise Broken(f"a booking was not decided within {SETTLE_SECONDS:.0f} s") from None

    async def _until_settled(self, booking_id: str) -> None:
        # The socket tells; should it have told while it was cut, asking now and then finds out.
        try:
            async with asyncio.timeout(2):
                await self._line.until(lambda: booking_id in self._settled)
        except TimeoutError:
            return

    async def _leave(self, outcome: Outcome) -> GoesHome:
        """Make room for the next one; gives what to raise."""
        await self._say("leave")
        return GoesHome(outcome)

    async def _say(self, do: str, **fields: Any) -> Reply:
        return await self._asked(do, lambda: self._line.command(do, **fields))

    async def _http(self, method: str, path: str) -> Reply:
        return (await self._api.ask(method, path, headers=self._session))[0]

    async def _needed(self, what: str, ask: Callable[[], Awaitable[Reply]]) -> Reply:
        """The answer to something that is refused only when there is nothing to stay for."""
        reply = await self._asked(what, ask)
        if not reply.ok:
            raise GoesHome(Outcome.REFUSED)
        return reply

    async def _asked(self, what: str, ask: Callable[[], Awaitable[Reply]]) -> Reply:
        """The answer, asked for again as long as the house says to come back later. Refusals are counted."""
        for _ in range(TRIES):
            reply = await ask()
            if not reply.ok:
                self._tally.refusals[reply.code] += 1
            if reply.retry_after is None:
                break
            await asyncio.sleep(reply.retry_after * self._venue.dice.uniform(1, 1.5))
        if reply.status >= SERVER_ERROR:
            raise Broken(f"{what} was answered with {reply.status} {reply.code}")
        return reply

    def _take(self, frame: dict[str, Any], connection: int) -> None:
        match frame["type"]:
            case "place":
                self._see(frame, connection)
            case "stock":
                self._witness.see_stock(frame)
                self._sale_state = frame["sale_state"]
                self._remaining = {int(type_id): n for type_id, n in frame["remaining"].items()}
            case "booking":
                self._settled[frame["id"]] = frame["status"]

    def _see(self, view: dict[str, Any], connection: int) -> None:
        self._witness.see_place(view, connection)
        self._state = view["state"]

    def _enter(self, phase: Phase) -> None:
        self._tally.move(self._phase, phase)
        self._phase = phase

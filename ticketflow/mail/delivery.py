"""The postman: leases letters from the outbox and hands them to the mail server, over a few lines at once.

outbox --lease--> in hand --> a line, at the pace --> written --> mail server --> noted
          ^                                                           |
        bell                            given back as they were, if it is away
"""

import asyncio
import logging
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from databases import Database

from ticketflow.domain import now
from ticketflow.faults import Point, reached
from ticketflow.groups import GroupWriter
from ticketflow.loops import end, lasting
from ticketflow.mail.bell import Bell
from ticketflow.mail.hand import Hand
from ticketflow.mail.line import Line, NotNow, PutOff, Refused
from ticketflow.mail.pace import Pace
from ticketflow.mail.server import MailServer, ServerAway
from ticketflow.mail.writer import Undeliverable, Untrue, Writer
from ticketflow.settings import Settings
from ticketflow.store import outbox, violations
from ticketflow.store.outbox import Letter

log = logging.getLogger(__name__)

Tasks = set[asyncio.Task[None]]

LONGEST_DELAY_SECONDS = 600.0
LONGEST_PUT_OFF_SECONDS = 60.0
"""Between two tries that are not counted: the server may be well again by then."""
STOP_SECONDS = 5.0
"""How long letters that are being handed over when the postman is stopped may take to arrive."""
RETRY_SECONDS = 0.5
"""How long a database that is away is left alone."""


class Postman:
    """Delivers the outbox. Any number of postmen may work on one outbox; each letter has one at a time."""

    def __init__(
        self,
        database: Database,
        *,
        writer: Writer,
        server: MailServer,
        pace: Pace,
        bell: Bell,
        settings: Settings,
    ) -> None:
        self._database = database
        self._writer = writer
        self._server = server
        self._pace = pace
        self._bell = bell
        self._settings = settings
        self._batch = settings.mail_batch
        if settings.mails_per_second:
            # No more than leaves before the lease is half over.
            in_time = int(settings.mails_per_second * settings.mail_lease_seconds / 4)
            self._batch = min(self._batch, in_time or 1)
        # What the lines have handed over is noted together, while each of them waits for it.
        self._notes = GroupWriter[int](lambda ids: outbox.sent(database, ids))
        self._woken = asyncio.Event()

    @lasting
    async def run(self) -> None:
        """Deliver until cancelled; then finish what is being handed over, and give back the rest."""
        hand = Hand(self._settings.mail_lease_seconds)
        lines = {
            asyncio.create_task(self._work(hand), name=f"mail-line-{number}")
            for number in range(self._settings.mail_connections)
        }
        others = {
            asyncio.create_task(self._fetch(hand), name="mail-fetch"),
            asyncio.create_task(self._bell.hear(self._woken.set), name="mail-bell"),
        }
        try:
            done, _ = await asyncio.wait(lines | others, return_when=asyncio.FIRST_COMPLETED)
            await done.pop()  # none of them ends but by an error
        finally:
            stopping = asyncio.create_task(self._stop(hand, lines, others), name="mail-stop")
            # Who cancels us does so again and again; this ends by itself, and soon.
            while not stopping.done():
                try:
                    await asyncio.wait([stopping])
                except asyncio.CancelledError:
                    continue

    async def _stop(self, hand: Hand, lines: Tasks, others: Tasks) -> None:
        async with hand.taking:  # what is leased just now is in hand then, and goes back as well
            await end(others)
        hand.stop(len(lines))
        await asyncio.wait(lines, timeout=STOP_SECONDS)
        await end(lines)
        self._server.close()
        # A letter whose delivery was cut off may be sent twice, the others not.
        await self._give_back(hand, hand.held)
        outbox.announce(self._database)

    async def _fetch(self, hand: Hand) -> None:
        """Keep letters in hand for the lines."""
        while True:
            await self._server.back()
            hand.room.clear()
            # Before looking: whatever is written from here on wakes again.
            self._woken.clear()
            try:
                await self._fill(hand)
            except violations.BROKEN as error:
                log.warning("the outbox could not be read: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _fill(self, hand: Hand) -> None:
        """Lease what there is room for, and return when it makes sense to look again."""
        wanted = self._batch - hand.waiting
        async with hand.taking:
            at = asyncio.get_running_loop().time()
            taken = await outbox.lease(self._database, wanted, self._settings.mail_lease_seconds)
            hand.take(taken, at)
        if taken:
            reached(Point.MAIL_LEASED)
        if len(taken) < wanted:
            await self._nap()
        while hand.waiting > self._batch // 2 and not self._server.away:
            hand.room.clear()
            await hand.room.wait()

    async def _nap(self) -> None:
        """Wait for the bell, or until the next letter is due; what nobody rings for is found in a while."""
        due = await outbox.next_due(self._database)
        seconds = self._settings.mail_poll_seconds
        if due is not None:
            seconds = min(seconds, max(0.0, (due - now()).total_seconds()))
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _work(self, hand: Hand) -> None:
        """One line: a letter after another."""
        line = Line(self._server)
        try:
            while letter := await hand.next():
                await self._pace.wait()
                if hand.is_fresh(letter) and not hand.stopping:
                    await self._carry(line, hand, letter)
                else:
                    await self._give_back(hand, [letter])
            await line.leave()
        finally:
            line.close()

    async def _carry(self, line: Line, hand: Hand, letter: Letter) -> None:
        """Bring a letter to its end, or give it back."""
        try:
            await self._deliver(line, letter, hand.until(letter))
        except ServerAway:
            await self._give_back(hand, [letter, *hand.take_out()])
        except violations.BROKEN as error:
            log.warning("letter %d: the database is away: %s", letter.id, error)
            await asyncio.sleep(RETRY_SECONDS)
            await self._give_back(hand, [letter])
        else:
            hand.drop([letter])

    async def _deliver(self, line: Line, letter: Letter, until: float) -> None:
        try:
            await self._hand_over(line, letter, until)
        except (Undeliverable, Refused) as error:
            await outbox.give_up(self._database, letter, str(error))
        except Untrue:
            await outbox.withdraw(self._database, letter)
        except NotNow as error:
            await self._try_later(letter, str(error))
        except PutOff as error:
            again_at = self._after(letter.attempts + error.times, LONGEST_PUT_OFF_SECONDS)
            await outbox.put_off(self._database, letter, again_at)
            self._woken.set()
            if self._server.away:
                raise ServerAway(str(error)) from error
        except (ServerAway, *violations.BROKEN):
            raise
        except Exception as error:
            # One letter that cannot be written must not stop the others.
            log.exception("letter %d could not be written", letter.id)
            await self._try_later(letter, f"{type(error).__name__}: {error}")
        else:
            await self._note_sent(letter)

    async def _hand_over(self, line: Line, letter: Letter, until: float) -> None:
        message = await self._writer.write(letter)
        try:
            async with asyncio.timeout_at(until):
                await line.send(letter.id, message, letter.recipient)
        except TimeoutError:
            raise NotNow("the mail server has not answered in time") from None

    async def _note_sent(self, letter: Letter) -> None:
        """The server has it: until that is written, somebody may send it again. So it is, whatever comes."""
        while True:
            try:
                reached(Point.MAIL_DELIVERED)
                await self._notes.add(letter.id)
                reached(Point.MAIL_NOTED)
                return
            except violations.BROKEN as error:
                log.warning("letter %d is sent, which could not be noted: %s", letter.id, error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _try_later(self, letter: Letter, reason: str) -> None:
        if letter.attempts + 1 >= self._settings.mail_tries:
            await outbox.give_up(self._database, letter, reason)
            return
        await outbox.postpone(self._database, letter, reason, self._after(letter.attempts))
        self._woken.set()

    def _after(self, times: int, longest: float = LONGEST_DELAY_SECONDS) -> datetime:
        """When a letter is due again that has been brought in vain so many times before this one."""
        delay = min(longest, self._settings.mail_retry_seconds * 2 ** min(times, 30))
        # Jitter: letters that failed together must not come back together.
        return now() + timedelta(seconds=delay * random.uniform(0.5, 1.0))

    async def _give_back(self, hand: Hand, letters: Sequence[Letter]) -> None:
        """Let go of letters as they were. If that cannot be written, the ends of their leases do it."""
        hand.drop(letters)
        try:
            if letters:
                await outbox.give_back(self._database, letters)
        except violations.BROKEN as error:
            log.warning("%d letters stay leased for a while: %s", len(letters), error)
        hand.room.set()
        self._woken.set()

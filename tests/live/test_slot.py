"""One socket's slot: what it sends, in which order and how often, and when it gives a reader up."""

import asyncio
from itertools import pairwise

import pytest

from ticketflow.live import slot as slot_module
from ticketflow.live.slot import FRAME_SECONDS, MOST_REPLIES, Closed, Slot

LONG = 3_600.0
SHORT = 0.2


class Reader:
    """Takes what is sent, as long as it is `reading`."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.times: list[float] = []
        self.reading = asyncio.Event()
        self.reading.set()
        self._taken = asyncio.Condition()

    async def take(self, text: str) -> None:
        await self.reading.wait()
        self.texts.append(text)
        self.times.append(asyncio.get_running_loop().time())
        async with self._taken:
            self._taken.notify_all()

    async def has(self, count: int) -> None:
        """Return once it has taken so many."""
        async with asyncio.timeout(20), self._taken:
            await self._taken.wait_for(lambda: len(self.texts) >= count)


async def sent(slot: Slot, enough: int) -> Reader:
    """A reader of what the slot holds, once so many have come."""
    reader = Reader()
    pump = asyncio.create_task(slot.pump(reader.take, LONG))
    await reader.has(enough)
    pump.cancel()
    return reader


async def test_the_newest_of_each_kind_is_sent_the_kind_that_waits_longest_first():
    slot = Slot()
    for kind, frame in (("stock", "1"), ("place", "2"), ("stock", "3")):
        slot.put(kind, frame)
    assert (await sent(slot, 2)).texts == ["3", "2"]


async def check_frames_keep_their_distance():
    slot = Slot()
    for number in range(4):
        slot.put(f"kind {number}", "frame")
    times = (await sent(slot, 4)).times
    assert all(after - before >= FRAME_SECONDS for before, after in pairwise(times))


async def test_frames_keep_their_distance():
    await check_frames_keep_their_distance()


async def test_control_without_it_they_come_all_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(slot_module, "FRAME_SECONDS", 0.0)
    with pytest.raises(AssertionError):
        await check_frames_keep_their_distance()


async def test_a_reply_does_not_wait_for_the_time_of_a_frame(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(slot_module, "FRAME_SECONDS", LONG)
    slot, reader = Slot(), Reader()
    pump = asyncio.create_task(slot.pump(reader.take, LONG))
    slot.put("stock", "frame")
    slot.put("place", "another")
    await reader.has(1)
    slot.reply("one")
    slot.reply("two")
    await reader.has(3)
    assert reader.texts == ["frame", "one", "two"]
    pump.cancel()


async def check_a_stuck_reader_is_given_up(patience: float) -> None:
    slot, reader = Slot(), Reader()
    reader.reading.clear()
    slot.reply("never taken")
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(patience):
        with pytest.raises(TimeoutError):
            await slot.pump(reader.take, SHORT)
    assert asyncio.get_running_loop().time() - began >= SHORT


async def test_a_reader_who_takes_nothing_is_given_up():
    await check_a_stuck_reader_is_given_up(20)


async def test_control_unwatched_a_stuck_reader_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Slot, "stuck_since", lambda slot: None)
    with pytest.raises(TimeoutError):
        await check_a_stuck_reader_is_given_up(SHORT * 4)


async def test_a_reader_who_has_nothing_to_take_is_not_given_up():
    slot, reader = Slot(), Reader()
    pump = asyncio.create_task(slot.pump(reader.take, SHORT))
    done, _ = await asyncio.wait({pump}, timeout=SHORT * 3)
    assert not done
    slot.put("stock", "frame")
    await reader.has(1)
    pump.cancel()


async def test_who_takes_no_replies_is_read_no_further():
    slot, reader = Slot(), Reader()
    reader.reading.clear()
    pump = asyncio.create_task(slot.pump(reader.take, LONG))
    for _ in range(MOST_REPLIES + 1):
        slot.reply("reply")
    taken = asyncio.create_task(slot.taken())
    done, _ = await asyncio.wait({taken}, timeout=0.05)
    assert not done
    reader.reading.set()
    await asyncio.wait_for(taken, 20)
    pump.cancel()


async def test_a_closed_slot_sends_what_waits_and_ends():
    slot, reader = Slot(), Reader()
    slot.reply("reply")
    slot.put("stock", "frame")
    slot.close()
    with pytest.raises(Closed):
        await asyncio.wait_for(slot.pump(reader.take, LONG), 20)
    assert reader.texts == ["reply", "frame"]


async def test_closing_wakes_a_slot_that_waits():
    slot, reader = Slot(), Reader()
    pump = asyncio.create_task(slot.pump(reader.take, LONG))
    await asyncio.sleep(0)
    slot.close()
    with pytest.raises(Closed):
        await asyncio.wait_for(pump, 20)

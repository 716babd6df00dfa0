"""Loops for ever: an error ends none of them, and takes no other one down; being cancelled does."""

import asyncio

import pytest

from tests.house import eventually
from ticketflow import loops
from ticketflow.loops import Loop, lasting, running


class Clumsy:
    def __init__(self) -> None:
        self.rounds = 0

    async def stumble(self) -> None:
        self.rounds += 1
        if self.rounds < 3:
            raise LookupError("what nobody expected")
        await asyncio.Event().wait()

    @lasting
    async def go_on(self) -> None:
        await self.stumble()


async def run_until_third(clumsy: Clumsy, loop: Loop) -> None:
    async def third() -> bool:
        return clumsy.rounds == 3

    async with asyncio.timeout(10), running([loop]):
        await eventually(third)


async def test_an_error_ends_no_lasting_loop(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(loops, "BEGIN_AGAIN_SECONDS", 0.01)
    clumsy = Clumsy()
    await run_until_third(clumsy, clumsy.go_on())
    assert [record.exc_info is not None for record in caplog.records] == [True, True]
    assert "Clumsy.go_on" in caplog.text


async def test_control_an_error_ends_any_other_loop_and_all_beside_it():
    clumsy = Clumsy()
    with pytest.raises(BaseExceptionGroup) as failed:
        await run_until_third(clumsy, clumsy.stumble())
    assert failed.group_contains(LookupError)

"""The crowd as it moves: bars in a terminal, a plain line now and then elsewhere."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from ticketflow.crowd.tally import Outcome, Phase, Tally

BAR_SECONDS = 0.25
LINE_SECONDS = 5.0

SHOWN: dict[str, Callable[[Tally], int]] = {
    "arrived": lambda tally: tally.arrived,
    "waiting": lambda tally: tally.phases[Phase.WAITING],
    "called": lambda tally: tally.phases[Phase.CALLED],
    "choosing": lambda tally: tally.phases[Phase.CHOOSING],
    "holding": lambda tally: tally.phases[Phase.HOLDING],
    "booked": lambda tally: tally.bookings,
    "gave up": lambda tally: tally.gave_up,
    "refused": lambda tally: tally.outcomes[Outcome.REFUSED],
    "failed": lambda tally: tally.outcomes[Outcome.FAILED],
}


@asynccontextmanager
async def shown(tally: Tally, console: Console) -> AsyncIterator[None]:
    """Show the tally for as long as the block lasts."""
    showing = asyncio.create_task(_bars(tally, console) if console.is_terminal else _lines(tally, console))
    try:
        yield
    finally:
        showing.cancel()
        await asyncio.wait({showing})


async def _bars(tally: Tally, console: Console) -> None:
    columns = (TextColumn("{task.description:>10}"), BarColumn(40), TextColumn("{task.completed}"))
    with Progress(*columns, console=console, auto_refresh=False) as progress:
        bars = {name: progress.add_task(name, total=tally.size) for name in SHOWN}
        try:
            while True:
                await asyncio.sleep(BAR_SECONDS)
                _draw(progress, bars, tally)
        finally:
            _draw(progress, bars, tally)


def _draw(progress: Progress, bars: dict[str, TaskID], tally: Tally) -> None:
    for name, bar in bars.items():
        progress.update(bar, completed=SHOWN[name](tally))
    progress.refresh()


async def _lines(tally: Tally, console: Console) -> None:
    while True:
        await asyncio.sleep(LINE_SECONDS)
        console.print("  ".join(f"{name} {count(tally)}" for name, count in SHOWN.items()), soft_wrap=True)
